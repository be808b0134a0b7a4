"""A person with a browser, and the clients they sign in to.

PAYLENT_TEST_API and PAYLENT_TEST_TOKEN are as for the walks; PAYLENT_TEST_EMAIL and PAYLENT_TEST_PASSWORD are the
person's.
"""

import os
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

API = os.environ["PAYLENT_TEST_API"]
ISSUER = API.removesuffix("/api")
EMAIL = os.environ["PAYLENT_TEST_EMAIL"]
CALLBACK = "https://app.example/callback"
SIGNED_OUT = "https://app.example/signed-out"
SCOPE = "openid profile email offline_access"


def register(**attributes):
    """Registers a client that signs people in: its `client_id` and, if it has one, its secret."""
    attributes = {
        "redirect_uris": [CALLBACK],
        "post_logout_redirect_uris": [SIGNED_OUT],
        "grant_types": ["authorization_code", "refresh_token"],
    } | attributes
    headers = {
        "Authorization": f"Bearer {os.environ['PAYLENT_TEST_TOKEN']}",
        "Content-Type": "application/vnd.api+json",
    }
    body = {"data": {"type": "client", "attributes": attributes}}
    response = requests.post(f"{API}/clients", json=body, headers=headers, timeout=30)
    assert response.status_code == 201, response.text
    document = response.json()
    return document["data"]["attributes"]["client_id"], document.get("meta", {}).get("client_secret")


def parameters(url):
    return dict(parse_qsl(urlsplit(url).query))


class Form(HTMLParser):
    """The form of a page: where it goes, and what it sends without anybody's doing."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields, self.names = None, [], set()
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.action = attrs["action"]
        if tag in ("input", "button"):
            self.names.add(attrs.get("name"))
        if tag == "input" and (attrs["type"] == "hidden" or "checked" in attrs):
            self.fields.append((attrs["name"], attrs["value"]))


class Browser:
    """Keeps cookies, fills in Paylent's forms, and stops where it is sent to the client."""

    def __init__(self):
        self.session = requests.Session()

    def visit(self, url, fields=None):
        """The page at an address, as a response, or the address at the client that it leads to."""
        method = "GET" if fields is None else "POST"
        response = self.session.request(method, url, data=fields, allow_redirects=False, timeout=30)
        if "location" not in response.headers:
            return response
        following = urljoin(url, response.headers["location"])
        return self.visit(following) if following.startswith(f"{ISSUER}/") else following

    def follow(self, url):
        """Follows an authorization request to the client's address: signs in and agrees where it is asked to."""
        page = self.visit(url)
        for _ in range(3):
            if not isinstance(page, str):
                page = self.answer(page)
        assert isinstance(page, str), f"the forms do not end: {page.text}"
        return page

    def answer(self, page):
        form = Form(page.text)
        if "password" in form.names:
            given = [("email", EMAIL), ("password", os.environ["PAYLENT_TEST_PASSWORD"])]
        else:
            assert "decision" in form.names, f"neither sign-in nor consent: {page.text}"
            given = [("decision", "allow")]
        return self.visit(urljoin(page.url, form.action), form.fields + given)
