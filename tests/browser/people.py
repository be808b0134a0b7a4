"""Walks the ways of people by every page: joining, passwords, invitations, sessions. The argument is a directory for the
browsers' profiles. Mails come by SMTP to the port PAYLENT_TEST_SMTP_PORT."""

import os
import sys
from pathlib import Path

import requests
from chromium import chromium
from person import API, ISSUER
from postbox import Postbox
from relying_party import RelyingParty

GRACE, GRACE_PASSWORD = "grace@example.com", "nanoseconds are wires"
MARY = "mary@example.com"
HEADERS = {
    "Authorization": f"Bearer {os.environ['PAYLENT_TEST_TOKEN']}",
    "Content-Type": "application/vnd.api+json",
}


def make(path, kind, attributes=None, **relationships):
    """Makes a resource over the Management API and says its id."""
    data = {"type": kind, "attributes": attributes or {}}
    if relationships:
        linkage = {name: {"data": {"type": name, "id": id}} for name, id in relationships.items()}
        data["relationships"] = linkage
    response = requests.post(f"{API}/{path}", json={"data": data}, headers=HEADERS, timeout=30)
    assert response.status_code == 201, response.text
    return response.json()["data"]["id"]


def fill(browser, **fields):
    for name, text in fields.items():
        field = browser.find(f"[name={name}]")
        field.clear()
        field.send_keys(text)


def submit(browser):
    browser.find("main form button.primary").click()


def sign_in(browser, email, password):
    fill(browser, email=email, password=password)
    submit(browser)


def registers_on_the_way_to_an_application(browser, party, post):
    browser.open(f"{party.url}/sign-in")
    browser.find("a[href^='/register']").click()
    browser.expect("Create an account")
    browser.look("register")
    fill(browser, email=GRACE)
    submit(browser)
    browser.expect("Enter the code")
    browser.look("register-code")
    passcode = post.passcode(GRACE, "code")
    wrong = f"{(int(passcode) + 1) % 1_000_000:06}"
    fill(browser, passcode=wrong)
    submit(browser)
    assert "not right" in browser.find("[role=alert]").text
    browser.look("register-wrong-code")
    fill(browser, passcode=passcode)
    submit(browser)
    browser.expect("Who are you?")
    browser.look("register-person")
    fill(
        browser,
        first_name="Grace",
        last_name="Hopper",
        password="the first of passwords",
        password_confirmation="the first of passwords",
    )
    submit(browser)
    browser.expect("Ledger of Analytical Engines asks for access")
    browser.find("button[value=allow]").click()
    browser.expect(f"signed in as {GRACE}")


def resets_the_password(browser, party, post):
    browser.open(f"{ISSUER}/oauth/logout")
    browser.find("button[value=sign_out]").click()
    browser.expect("You are signed out")
    browser.open(f"{party.url}/sign-in")
    browser.find("a[href^='/password/forgot']").click()
    browser.look("forgot-password")
    fill(browser, email=GRACE)
    submit(browser)
    browser.look("reset-sent")
    link = post.link(GRACE, "password")
    browser.open(link)
    browser.look("reset-password")
    fill(browser, password=GRACE_PASSWORD, password_confirmation=GRACE_PASSWORD)
    submit(browser)
    browser.look("reset-done")
    post.next(GRACE, "password")
    browser.open(link)
    browser.look("reset-dead")
    assert not browser.driver.find_elements("name", "password"), "a link is good once"
    browser.open(f"{ISSUER}/login")
    sign_in(browser, GRACE, GRACE_PASSWORD)
    browser.expect("Profile")


def invite(email, organization, role):
    return make(
        "invitations", "invitation", {"email": email, "role_ids": [role]}, organization=organization
    )


def is_invited_as_somebody_known(browser, party, post, organization, role):
    invite(GRACE, organization, role)
    browser.open(post.link(GRACE, "Navy"))
    browser.look("invitation")
    submit(browser)
    browser.look("invitation-accepted")
    browser.open(f"{ISSUER}/account/organizations")
    assert "Navy" in browser.find("main").text
    browser.look("account-organizations")


def acts_for(party, organization):
    answer = requests.post(
        party.endpoints["introspection_endpoint"],
        data={"token": party.tokens["access_token"]},
        auth=party.credentials,
        timeout=30,
    ).json()
    assert answer["org_id"] == organization and answer["org_roles"] == ["admiral"], answer


def acts_for_the_organization(browser, party, organization):
    browser.open(f"{party.url}/sign-in?organization=navy")
    browser.expect(f"signed in as {GRACE}")
    acts_for(party, organization)


def accepts_after_signing_in(browser, post, role):
    """With an account, and signed out: the way leads over the sign-in page and back."""
    organization = make("organizations", "organization", {"name": "Harbour"})
    invite(GRACE, organization, role)
    browser.open(post.link(GRACE, "Harbour"))
    browser.look("invitation-signed-out")
    browser.find("main a.primary").click()
    browser.expect("Sign in")
    sign_in(browser, GRACE, GRACE_PASSWORD)
    browser.expect("You are invited")
    assert "Harbour" in browser.find("main").text
    submit(browser)
    browser.look("invitation-accepted-later")
    browser.open(f"{ISSUER}/account/organizations")
    assert "Harbour" in browser.find("main").text
    return organization


def chooses_the_organization(browser, party, organization):
    """An application that people may use for an organization asks for which."""
    clients = f"{API}/clients"
    query = {"filter[client_id]": party.credentials[0]}
    (client,) = requests.get(clients, params=query, headers=HEADERS, timeout=30).json()["data"]
    change = {"type": "client", "id": client["id"], "attributes": {"organization_usage": "optional"}}
    changed = requests.patch(f"{clients}/{client['id']}", json={"data": change}, headers=HEADERS, timeout=30)
    assert changed.status_code == 200, changed.text
    browser.open(f"{party.url}/sign-in")
    browser.expect("Choose an organization")
    browser.look("choose-organization")
    browser.find(f"button[name=organization][value='{organization}']").click()
    browser.expect(f"signed in as {GRACE}")
    acts_for(party, organization)


def revokes_another_session(browser, other):
    other.open(f"{ISSUER}/login")
    sign_in(other, GRACE, GRACE_PASSWORD)
    other.expect("Profile")
    browser.open(f"{ISSUER}/account/sessions")
    browser.look("account-sessions")
    browser.find("button[name=session]").click()
    browser.find("[role=status]")
    other.open(f"{ISSUER}/account")
    other.expect("Sign in")
    browser.open(f"{ISSUER}/account")
    browser.expect("Profile")


def sees_the_account(browser):
    for page in ["", "/email", "/password", "/applications", "/data", "/delete"]:
        browser.open(f"{ISSUER}/account{page}")
        browser.look(f"account{page.replace('/', '-')}")


def joins_by_invitation(browser, post, organization, role):
    invite(MARY, organization, role)
    browser.open(post.link(MARY, "Navy"))
    browser.look("invitation-newcomer")
    password = "a compass of some kind"
    fill(browser, first_name="Mary", last_name="Allen", password=password, password_confirmation=password)
    submit(browser)
    browser.look("invitation-joined")
    browser.open(f"{ISSUER}/account/organizations")
    assert "Navy" in browser.find("main").text


def main(directory):
    party, post = RelyingParty(), Postbox(int(os.environ["PAYLENT_TEST_SMTP_PORT"]))
    organization = make("organizations", "organization", {"name": "Navy", "slug": "navy"})
    role = make("roles", "role", {"name": "admiral"})
    with chromium(Path(directory, "grace")) as browser:
        registers_on_the_way_to_an_application(browser, party, post)
        resets_the_password(browser, party, post)
        is_invited_as_somebody_known(browser, party, post, organization, role)
        acts_for_the_organization(browser, party, organization)
        sees_the_account(browser)
        with chromium(Path(directory, "harbour")) as signed_out:
            harbour = accepts_after_signing_in(signed_out, post, role)
            chooses_the_organization(signed_out, party, harbour)
        with chromium(Path(directory, "elsewhere"), scripts=False) as other:
            revokes_another_session(browser, other)
    with chromium(Path(directory, "mary"), scripts=False) as browser:
        joins_by_invitation(browser, post, organization, role)


if __name__ == "__main__":
    main(sys.argv[1])
