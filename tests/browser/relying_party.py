"""A web application that signs people in: the code flow with PKCE, as a confidential client."""

import base64
import hashlib
import html
import json
import os
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests
from person import ISSUER, SCOPE, register

LIBRARY = Path(os.environ["PAYLENT_TEST_NODE"], "oidc-client-ts/dist/browser/oidc-client-ts.min.js")


class RelyingParty(ThreadingHTTPServer):
    """It listens on a port of 127.0.0.1, which is another site than localhost. `/sign-in` and `/sign-out` send the
    browser to Paylent with the parameters they are given besides their own; where it comes back, the page says with
    what. `tokens` are those of the latest sign-in. `/page` does nothing by itself; oidc-client-ts is loaded there, which
    talks to Paylent from within the page.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.credentials = register(
            name="Ledger of Analytical Engines",
            client_type="confidential",
            redirect_uris=[f"{self.url}/callback"],
            post_logout_redirect_uris=[f"{self.url}/signed-out"],
        )
        self.page_id, _ = register(
            name="Ledger in a page",
            client_type="public",
            redirect_uris=[f"{self.url}/page"],
            post_logout_redirect_uris=[f"{self.url}/page"],
            allowed_origins=[self.url],
        )
        self.endpoints = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=30).json()
        self.asked, self.tokens = {}, {}
        Thread(target=self.serve_forever, daemon=True).start()

    def authorization(self, more):
        state, verifier = secrets.token_urlsafe(), secrets.token_urlsafe(48)
        self.asked[state] = verifier
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
        query = {
            "response_type": "code",
            "client_id": self.credentials[0],
            "redirect_uri": f"{self.url}/callback",
            "scope": SCOPE,
            "state": state,
            "nonce": state,
            "code_challenge": challenge.decode(),
            "code_challenge_method": "S256",
        }
        return f"{self.endpoints['authorization_endpoint']}?{urlencode(query | more)}"

    def farewell(self, more):
        query = {"client_id": self.credentials[0], "post_logout_redirect_uri": f"{self.url}/signed-out", "state": "bye"}
        return f"{self.endpoints['end_session_endpoint']}?{urlencode(query | more)}"

    def returned(self, answer):
        """What an answer of Paylent comes to: the tokens for its code, or its error."""
        verifier = self.asked.pop(answer["state"])
        assert answer["iss"] == self.endpoints["issuer"], answer
        if "error" in answer:
            return answer["error"]
        self.exchange(
            grant_type="authorization_code",
            code=answer["code"],
            redirect_uri=f"{self.url}/callback",
            code_verifier=verifier,
        )
        payload = self.tokens["id_token"].split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert claims["nonce"] == answer["state"], claims
        return f"signed in as {self.userinfo()['email']}"

    def exchange(self, **form):
        response = requests.post(self.endpoints["token_endpoint"], data=form, auth=self.credentials, timeout=30)
        assert response.status_code == 200, response.text
        self.tokens = response.json()

    def refresh(self):
        self.exchange(grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])

    def userinfo(self):
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        response = requests.get(self.endpoints["userinfo_endpoint"], headers=headers, timeout=30)
        assert response.status_code == 200, response.text
        return response.json()


class Page(BaseHTTPRequestHandler):
    def do_GET(self):
        path, more = urlsplit(self.path).path, dict(parse_qsl(urlsplit(self.path).query))
        match path:
            case "/sign-in":
                self.redirect(self.server.authorization(more))
            case "/sign-out":
                self.redirect(self.server.farewell(more))
            case "/callback":
                self.say(self.server.returned(more))
            case "/signed-out":
                self.say(f"signed out, {more['state']}")
            case "/page":
                self.say("a page", '<script src="/oidc-client-ts.js"></script>')
            case "/oidc-client-ts.js":
                self.send("text/javascript", LIBRARY.read_bytes())
            case _:
                self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.say(self.server.returned(dict(parse_qsl(body))))

    def redirect(self, location):
        self.send_response(303)
        self.send_header("Location", location)
        self.end_headers()

    def say(self, sentence, more=""):
        head = f'<!doctype html><link rel="icon" href="data:,"><title>Ledger</title>{more}'
        self.send("text/html", f"{head}<h1>{html.escape(sentence)}</h1>".encode())

    def send(self, kind, body):
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
