"""Signs a person in and out with Chromium, by every page of the flow. The argument is a directory for its profiles."""

import os
import sys
from pathlib import Path

from chromium import chromium
from person import EMAIL, ISSUER, SCOPE
from relying_party import RelyingParty
from selenium.webdriver import Keys

PASSWORD = os.environ["PAYLENT_TEST_PASSWORD"]
SIGNED_IN = f"signed in as {EMAIL}"


def sign_in(browser, password=PASSWORD):
    browser.find("#email").clear()
    browser.find("#email").send_keys(EMAIL)
    browser.find("#password").send_keys(password)
    browser.find("button.primary").click()


def decide(browser, decision):
    browser.find(f"button[value={decision}]").click()


def with_the_keyboard_alone(browser, party):
    """Also: the tokens are good, can be refreshed, and a second sign-in asks nothing."""
    browser.open(f"{party.url}/sign-in")
    browser.expect("Sign in")
    browser.look("sign-in")
    browser.press(EMAIL, Keys.TAB, PASSWORD, Keys.ENTER)
    browser.expect("Ledger of Analytical Engines asks for access")
    browser.look("consent")
    browser.tab_to("button[value=allow]")
    browser.press(Keys.ENTER)
    browser.expect(SIGNED_IN)
    before = party.tokens
    party.refresh()
    assert party.tokens["refresh_token"] != before["refresh_token"]
    assert party.userinfo()["name"] == "Ada Lovelace"
    browser.open(f"{party.url}/sign-in")
    browser.expect(SIGNED_IN)
    browser.quiet()


def an_account_is_chosen(browser, party):
    browser.open(f"{party.url}/sign-in?prompt=select_account")
    browser.expect("Choose an account")
    browser.look("choose-account")
    browser.find("button.choice").click()
    browser.expect(SIGNED_IN)
    browser.quiet()


def consent_is_denied(browser, party):
    browser.open(f"{party.url}/sign-in?prompt=consent")
    browser.look("consent-again")
    decide(browser, "deny")
    browser.expect("access_denied")
    browser.quiet()


def the_answer_is_posted(browser, party):
    browser.open(f"{party.url}/sign-in?response_mode=form_post")
    if not browser.scripts:
        browser.expect("One moment")
        browser.look("form-post")
        browser.find("button.primary").click()
    browser.expect(SIGNED_IN)
    browser.quiet()


def signing_out_is_confirmed(browser, party):
    browser.open(f"{ISSUER}/oauth/logout")
    decide(browser, "stay")
    browser.expect("You are still signed in")
    browser.look("stayed")
    browser.open(f"{party.url}/sign-in?prompt=none")
    browser.expect(SIGNED_IN)
    browser.open(f"{party.url}/sign-out")
    browser.expect("Sign out?")
    browser.look("sign-out")
    decide(browser, "sign_out")
    browser.expect("signed out, bye")
    browser.open(f"{party.url}/sign-in?prompt=none")
    browser.expect("login_required")
    browser.open(f"{ISSUER}/oauth/logout")
    browser.expect("You are signed out")
    browser.look("signed-out")
    browser.quiet()


def a_proven_sign_out_asks_nothing(browser, party):
    browser.open(f"{party.url}/sign-in")
    sign_in(browser)
    browser.expect(SIGNED_IN)
    browser.open(f"{party.url}/sign-out?id_token_hint={party.tokens['id_token']}")
    browser.expect("signed out, bye")
    browser.quiet()


def a_wrong_password_is_told(browser, party):
    browser.open(f"{party.url}/sign-in?login_hint={EMAIL}")
    sign_in(browser, "not the password")
    assert "The e-mail address or the password is not right." in browser.find("[role=alert]").text
    browser.hears("[role=alert]")
    browser.look("wrong-password")
    browser.quiet("the server responded with a status of 401")
    sign_in(browser)
    browser.expect(SIGNED_IN)
    browser.quiet()


def a_password_can_be_shown(browser, party):
    browser.open(f"{party.url}/sign-in?prompt=login")
    field = browser.find("#password")
    field.send_keys("secret")
    browser.find("[data-reveal]").click()
    assert (field.get_attribute("type"), field.get_attribute("value")) == ("text", "secret")
    browser.find("[data-reveal]").click()
    assert field.get_attribute("type") == "password"
    browser.quiet()


def the_account_pages_are_seen(browser, party):
    """By somebody who comes without an application, and changes their name with the keyboard."""
    browser.open(f"{ISSUER}/account")
    browser.expect("Sign in")
    sign_in(browser)
    browser.expect("Profile")
    for path, heading in [
        ("email", "E-mail address"),
        ("password", "Password"),
        ("sessions", "Where you are signed in"),
        ("applications", "Applications"),
        ("organizations", "Organizations"),
        ("data", "Your data"),
        ("delete", "Delete account"),
    ]:
        browser.find(f"nav a[href='/account/{path}']").click()
        browser.expect(heading)
        browser.look(f"account-{path}")
    browser.open(f"{ISSUER}/account")
    browser.tab_to("form button.primary")
    browser.press(Keys.ENTER)
    browser.told("Your changes were saved.")
    browser.look("account")
    browser.quiet()
    browser.open(f"{ISSUER}/account/password")
    browser.find("#current_password").send_keys("not the password")
    browser.find("form button.primary").click()
    browser.hears("[role=alert]")
    browser.look("account-password-wrong")
    browser.quiet("the server responded with a status of 422")
    browser.find("button[value=sign_out]").click()
    browser.expect("You are signed out")


def pages_speak_other_languages(browser, party):
    for language, heading in [("de", "Anmelden"), ("nl", "Inloggen")]:
        browser.open(f"{party.url}/sign-in?prompt=login&ui_locales={language}")
        browser.expect(heading)
        browser.look(f"sign-in-{language}")
        browser.open(f"{party.url}/sign-in?prompt=consent&ui_locales={language}")
        browser.look(f"consent-{language}")
    browser.quiet()


def an_unknown_client_is_told(browser, party):
    browser.open(f"{ISSUER}/oauth/authorize?client_id=nobody")
    browser.expect("This application is not known here")
    browser.look("unknown-client")
    browser.quiet("the server responded with a status of 400")


def a_page_signs_in_by_itself(browser, party):
    """As a public client, by oidc-client-ts: what the page may read of Paylent, CORS decides."""
    manager = f"""window.manager ??= new oidc.UserManager({{
        authority: "{ISSUER}", client_id: "{party.page_id}", scope: "{SCOPE}", loadUserInfo: true,
        redirect_uri: "{party.url}/page", post_logout_redirect_uri: "{party.url}/page"}})"""

    def ask(promise):
        run = f"{manager}; {promise}.then((value) => arguments[0]([value]), (error) => arguments[0](String(error)))"
        told = browser.driver.execute_async_script(run)
        assert isinstance(told, list), told
        return told[0]

    browser.open(f"{party.url}/page")
    browser.driver.execute_script(f"{manager}; manager.signinRedirect()")
    browser.expect("Ledger in a page asks for access")
    decide(browser, "allow")
    browser.expect("a page")
    user = ask("manager.signinCallback()")
    assert (user["profile"]["email"], user["profile"]["name"]) == (EMAIL, "Ada Lovelace"), user
    fresh = ask("manager.signinSilent()")
    assert fresh["refresh_token"] != user["refresh_token"]
    ask("manager.revokeTokens()")
    browser.driver.execute_script("manager.signoutRedirect()")
    browser.expect("a page")
    ask("manager.signoutCallback()")
    browser.quiet()


def without_scripts(browser, party):
    browser.open(f"{party.url}/sign-in")
    assert not browser.find("[data-reveal]").is_displayed(), "a button that does nothing"
    sign_in(browser, "not the password")
    assert browser.find("[role=alert]").is_displayed()
    browser.quiet("the server responded with a status of 401")
    sign_in(browser)
    browser.expect(SIGNED_IN)
    consent_is_denied(browser, party)
    browser.open(f"{party.url}/sign-in?prompt=consent")
    decide(browser, "allow")
    browser.expect(SIGNED_IN)


if __name__ == "__main__":
    profiles, ledger = Path(sys.argv[1]), RelyingParty()
    with chromium(profiles / "with-scripts") as chrome:
        for walk in (
            with_the_keyboard_alone,
            an_account_is_chosen,
            consent_is_denied,
            the_answer_is_posted,
            signing_out_is_confirmed,
            a_proven_sign_out_asks_nothing,
            a_wrong_password_is_told,
            a_password_can_be_shown,
            signing_out_is_confirmed,
            the_account_pages_are_seen,
            a_wrong_password_is_told,
            pages_speak_other_languages,
            a_page_signs_in_by_itself,
            an_unknown_client_is_told,
        ):
            walk(chrome, ledger)
    with chromium(profiles / "without-scripts", scripts=False) as chrome:
        for walk in (
            without_scripts,
            the_answer_is_posted,
            signing_out_is_confirmed,
            the_account_pages_are_seen,
        ):
            walk(chrome, ledger)
