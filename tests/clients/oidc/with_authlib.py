"""Signs a person in with Authlib, unmodified: as a public client, with a secret in the header or the body, with a key.

Authlib leaves `iss` of the authorization response (RFC 9207) to its caller, so it is compared here. Web frameworks get
the class `Client` from its integrations; without one it is put together as they do. Its assertions live for an hour if
nobody says otherwise, which is longer than Paylent accepts.
"""

import secrets
import time

from authlib.integrations.base_client import OAuthError
from authlib.integrations.base_client.sync_app import BaseApp, OAuth2Mixin
from authlib.integrations.base_client.sync_openid import OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import RSAKey
from requests import HTTPError
from person import CALLBACK, EMAIL, ISSUER, SCOPE, SIGNED_OUT, Browser, parameters, register


class Client(OAuth2Mixin, OpenIDMixin, BaseApp):
    client_cls = OAuth2Session

    def _on_update_token(self, token, refresh_token=None, access_token=None):
        pass

    def session(self):
        return self._get_oauth_client(**self.load_server_metadata())


def private_key_jwt(auth, method, uri, headers, body):
    """A way to authenticate, as the library takes it: signs an assertion that is good for a minute."""
    sign = PrivateKeyJWT(f"{ISSUER}/oauth/token", claims={"exp": int(time.time()) + 60})
    return sign(auth, method, uri, headers, body)


def connect(method, key=None, **attributes):
    """A new client, as the library knows it."""
    client_id, secret = register(name="Authlib", **attributes)
    return Client(
        None,
        client_id=client_id,
        client_secret=key or secret,
        server_metadata_url=f"{ISSUER}/.well-known/openid-configuration",
        client_auth_methods=[("private_key_jwt", private_key_jwt)],
        client_kwargs={
            "scope": SCOPE,
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": method,
            "revocation_endpoint_auth_method": method,
        },
    )


def authorize(client, browser):
    request = client.create_authorization_url(CALLBACK)
    back = browser.follow(request["url"])
    assert parameters(back)["iss"] == client.server_metadata["issuer"], back
    tokens = client.fetch_access_token(
        CALLBACK, authorization_response=back, state=request["state"], code_verifier=request["code_verifier"]
    )
    claims = client.parse_id_token(tokens, nonce=request["nonce"])
    assert claims["at_hash"] and claims["aud"] == client.client_id, claims
    return tokens, claims


def refused(error, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except OAuthError as refusal:
        assert refusal.error == error, refusal
    except HTTPError as refusal:
        assert refusal.response.status_code == error, refusal
    else:
        raise AssertionError(f"this was not refused with {error}")


def walk(client):
    browser = Browser()
    tokens, claims = authorize(client, browser)
    person = client.userinfo(token=tokens)
    assert (person["sub"], person["email"]) == (claims["sub"], EMAIL), person

    session = client.session()
    refreshed = session.refresh_token(refresh_token=tokens["refresh_token"])
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    repeated = session.refresh_token(refresh_token=tokens["refresh_token"])
    assert repeated["refresh_token"] == refreshed["refresh_token"], "a lost answer is given again"
    assert client.userinfo(token=refreshed)["sub"] == claims["sub"]

    endpoint = client.server_metadata["revocation_endpoint"]
    for kind in ("access_token", "refresh_token"):
        session.revoke_token(endpoint, refreshed[kind], token_type_hint=kind).raise_for_status()
    refused(401, client.userinfo, token=refreshed)
    refused("invalid_grant", session.refresh_token, refresh_token=refreshed["refresh_token"])

    farewell = client.create_logout_url(SIGNED_OUT, tokens["id_token"])
    after = browser.visit(farewell["url"])
    assert after == f"{SIGNED_OUT}?state={farewell['state']}", after
    silent = client.create_authorization_url(CALLBACK, prompt="none")
    assert parameters(browser.follow(silent["url"]))["error"] == "login_required"


if __name__ == "__main__":
    walk(connect("none", client_type="public"))
    walk(connect("client_secret_basic", client_type="confidential"))
    walk(connect("client_secret_post", client_type="confidential"))
    own = RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": secrets.token_hex(4)})
    jwks = {"keys": [own.as_dict(private=False)]}
    walk(connect("private_key_jwt", key=own, client_type="confidential", jwks=jwks))
