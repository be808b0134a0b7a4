"""Walks the pages of applications and connections: an application of one organization, what somebody of another lets it
do, and what happens to a token that comes from elsewhere. The argument is a directory for the browsers' profiles. Mails
come by SMTP to the port PAYLENT_TEST_SMTP_PORT."""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import requests
from chromium import chromium
from people import HEADERS, fill, make, sign_in, submit
from person import API, EMAIL, ISSUER
from postbox import Postbox
from relying_party import RelyingParty
from selenium.webdriver.support.expected_conditions import staleness_of
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

PASSWORD = os.environ["PAYLENT_TEST_PASSWORD"]
JOAN, OPERATORS = "joan@example.com", "operators@example.com"
READ, WRITE = "invoices:read", "invoices:write"


def join(user, organization, *permissions):
    """Makes somebody a member, with a role of these permissions."""
    membership = make("memberships", "membership", user=user, organization=organization)
    found = requests.get(f"{API}/permissions?page[size]=100", headers=HEADERS, timeout=30).json()["data"]
    role = make("roles", "role", {"name": f"admin of {organization}"})
    for permission in found:
        if permission["attributes"]["name"] in permissions:
            make("role-permissions", "role_permission", role=role, permission=permission["id"])
    make("membership-roles", "membership_role", membership=membership, role=role)


def call(path, token):
    return requests.get(f"{API}/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def may(party):
    """What the latest token may do at this moment, as the API that it is for is told; nothing when it is dead."""
    token = {"token": party.tokens["access_token"]}
    endpoint = party.endpoints["introspection_endpoint"]
    answer = requests.post(endpoint, data=token, auth=party.credentials, timeout=30).json()
    return {name for name in answer.get("scope", "").split() if name.startswith("invoices:")}


def tick(browser, permission, on):
    box = browser.find(f"input[value='{permission}']")
    if box.is_selected() != on:
        box.click()


def press(browser, action):
    """Presses the button that people see for this, and waits for the page that comes after, which may look alike."""
    before = browser.find("html")
    browser.find(f"button[value={action}]:not([aria-hidden])").click()
    WebDriverWait(browser.driver, 10).until(staleness_of(before))


def for_the_api(browser, name):
    select = Select(browser.find("#resource_server"))
    [api] = [option.text for option in select.options if option.text.startswith(f"{name} (")]
    select.select_by_visible_text(api)
    press(browser, "show_permissions")


def credentials(browser):
    browser.expect("Store this secret now")
    told = browser.find("#client-id").text, browser.find("#client-secret").text
    saves_as_a_file(browser, *told)
    browser.find("button.primary").click()
    browser.expect("Store this secret now")
    browser.find("#stored").click()
    browser.find("button.primary").click()
    return told


def saves_as_a_file(browser, client_id, secret):
    with TemporaryDirectory() as folder:
        file = Path(folder, "client.env")
        browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": folder})
        browser.find("a[download]").click()
        WebDriverWait(browser.driver, 10).until(lambda _: file.exists())
        assert file.read_text().splitlines()[1:] == [f"CLIENT_ID={client_id}", f"CLIENT_SECRET={secret}"]


def creates_an_application(browser, party):
    """By the links of the account. The secret is shown once."""
    browser.open(f"{ISSUER}/account/organizations")
    sign_in(browser, EMAIL, PASSWORD)
    browser.expect("Organizations")
    browser.look("account-organizations-connections")
    browser.find("a[href$='/connections']").click()
    browser.expect("Connections")
    browser.look("connections-none")
    browser.find("a.primary").click()
    browser.expect("Create an application")
    browser.look("application-new")
    fill(browser, name="Ledger of Analytical Engines", redirect_uri="http://app.example/callback")
    browser.find("input[value=authorization_code]").click()
    for_the_api(browser, "Invoices")
    for permission in (READ, WRITE):
        tick(browser, permission, True)
    submit(browser)
    browser.hears("[role=alert]")
    browser.look("application-new-wrong")
    browser.quiet("the server responded with a status of 422")
    fill(browser, redirect_uri=f"{party.url}/callback")
    submit(browser)
    browser.expect("Store this secret now")
    browser.look("application-secret")
    party.credentials = credentials(browser)
    browser.expect("Ledger of Analytical Engines")
    browser.look("application")
    assert party.credentials[1] not in browser.driver.page_source, "the secret is shown once"
    browser.driver.back()
    assert party.credentials[1] not in browser.driver.page_source, "the secret is nowhere in the history"
    browser.driver.get_log("browser")
    return browser


def connects_it_for_another_organization(browser, party, organization):
    scope = "+".join(["openid", "email", READ, WRITE])
    browser.open(f"{party.url}/sign-in?organization={organization}&scope={scope}")
    sign_in(browser, JOAN, PASSWORD)
    browser.expect("Ledger of Analytical Engines asks for access")
    assert "for everyone in Harbour" in browser.find("#for-whom").text
    assert "Published by Analytical Engines" in browser.find("main").text
    browser.look("consent-for-organization")
    browser.find("button[value=allow]").click()
    browser.expect(f"signed in as {JOAN}")
    browser.open(f"{ISSUER}/organizations/{organization}/connections")
    browser.expect("Connections")
    assert "everyone in Harbour" in browser.find("main").text
    browser.look("connections")
    browser.find("a[aria-describedby=connection-1]").click()
    browser.expect("Ledger of Analytical Engines")
    browser.look("connection")
    browser.quiet()


def removes_a_permission(browser, party, home):
    assert may(party) == {READ, WRITE}
    browser.open(home)
    browser.find("main h3 a").click()
    browser.expect("Ledger of Analytical Engines")
    tick(browser, WRITE, False)
    submit(browser)
    browser.expect("Remove permissions?")
    assert "Connections that lose something: 1" in browser.find("main").text
    browser.look("application-removal")
    assert may(party) == {READ, WRITE}, "nothing is removed before that is confirmed"
    browser.find("button.danger").click()
    browser.told("Your changes were saved.")
    assert may(party) == {READ}
    browser.quiet()


def disconnects(browser, party, organization):
    browser.open(f"{ISSUER}/organizations/{organization}/connections")
    browser.find("a[aria-describedby=connection-1]").click()
    browser.find("button.danger").click()
    browser.told("The application was disconnected.")
    assert may(party) == set()


def makes_a_static_token(browser, home):
    """Without scripts: the own address is added by a button that is a part of the form."""
    browser.open(home)
    sign_in(browser, EMAIL, PASSWORD)
    browser.expect("Connections")
    browser.find("a.primary").click()
    fill(browser, name="Nightly Export", notification_emails=OPERATORS)
    browser.find("input[value=client_credentials]").click()
    for_the_api(browser, "Management API")
    tick(browser, "invitations:read", True)
    press(browser, "add_current_address")
    assert "counts when you save" in browser.find("form [role=status]").text
    assert browser.find("#ip_allow_list").get_attribute("value") == "127.0.0.1", browser.driver.page_source
    submit(browser)
    client = credentials(browser)
    browser.expect("Nightly Export")
    token = requests.post(
        f"{ISSUER}/oauth/token", data={"grant_type": "client_credentials"}, auth=client, timeout=30
    ).json()
    assert "expires_in" not in token and "refresh_token" not in token, token.keys()
    assert call("invitations", token["access_token"]).status_code == 200
    return browser.driver.current_url, token["access_token"]


def a_token_from_elsewhere_is_told(browser, post, page, token):
    browser.open(page)
    browser.look("application-static")
    assert browser.find("button[name=token]").is_displayed()
    fill(browser, ip_allow_list="203.0.113.9")
    submit(browser)
    browser.told("Your changes were saved.")
    assert call("invitations", token).status_code == 403
    assert call("invitations", token).status_code == 401, "it is revoked"
    mail = post.next(OPERATORS, "Nightly Export")
    assert "127.0.0.1" in mail and token not in mail, mail
    browser.open(page)
    assert not browser.driver.find_elements("name", "token"), "it is not listed any more"
    browser.find("a.danger").click()
    browser.expect("Delete Nightly Export?")
    browser.look("application-delete")
    fill(browser, name="Nightly Export")
    browser.find("button.danger").click()
    browser.expect("Connections")
    assert "Nightly Export" not in browser.find("main").text
    browser.look("connections-own")
    browser.quiet()


def main(directory):
    party, post = RelyingParty(), Postbox(int(os.environ["PAYLENT_TEST_SMTP_PORT"]))
    engines = make("organizations", "organization", {"name": "Analytical Engines"})
    harbour = make("organizations", "organization", {"name": "Harbour"})
    invoices = {"name": "Invoices", "identifier": "https://invoices.example", "allow_offline_access": True}
    api = make("resource-servers", "resource_server", invoices)
    make("scopes", "scope", {"name": READ, "description": "Read your invoices"}, resource_server=api)
    make("scopes", "scope", {"name": WRITE}, resource_server=api)
    found = requests.get(f"{API}/users?filter[email][eq]={EMAIL}", headers=HEADERS, timeout=30).json()
    join(found["data"][0]["id"], engines, "applications:update", "invitations:read")
    joan = make("users", "user", {"email": JOAN, "password": PASSWORD})
    join(joan, harbour, "applications:update")
    home = f"{ISSUER}/organizations/{engines}/connections"
    with chromium(Path(directory, "connecting")) as browser, chromium(Path(directory, "joan")) as hers:
        creates_an_application(browser, party)
        connects_it_for_another_organization(hers, party, harbour)
        removes_a_permission(browser, party, home)
        disconnects(hers, party, harbour)
        with chromium(Path(directory, "plain"), scripts=False) as plain:
            page, token = makes_a_static_token(plain, home)
        a_token_from_elsewhere_is_told(browser, post, page, token)


main(sys.argv[1])
