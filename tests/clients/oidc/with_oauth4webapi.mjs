// Signs a person in with oauth4webapi, unmodified: as a public client and with a secret, in the header and in the body.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { Browser, CALLBACK, SCOPE, SIGNED_OUT, email, hashOf, issuer, register } from "./person.mjs";

const options = { [oauth.allowInsecureRequests]: true };
const server = await oauth.processDiscoveryResponse(
  new URL(issuer), await oauth.discoveryRequest(new URL(issuer), options));

async function authorize(client, authentication, browser, more = {}) {
  const [verifier, state, expectedNonce] =
    [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    response_type: "code",
    scope: SCOPE,
    state,
    nonce: expectedNonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256",
    ...more,
  });
  const answer = oauth.validateAuthResponse(server, client, await browser.follow(url), state);
  const response = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, answer, CALLBACK, verifier, options);
  const tokens = await oauth.processAuthorizationCodeResponse(
    server, client, response, { expectedNonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, response, options);
  return tokens;
}

async function refresh(client, authentication, { refresh_token }) {
  const response = await oauth.refreshTokenGrantRequest(server, client, authentication, refresh_token, options);
  return oauth.processRefreshTokenResponse(server, client, response);
}

async function userInfo(client, { access_token }, sub) {
  return oauth.processUserInfoResponse(
    server, client, sub, await oauth.userInfoRequest(server, client, access_token, options));
}

async function revoke(client, authentication, token) {
  await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, authentication, token, options));
}

async function walk(attributes, method) {
  const { client_id, client_secret } = await register({ name: "oauth4webapi", ...attributes });
  const [client, authentication, browser] = [{ client_id }, method(client_secret), new Browser()];
  const tokens = await authorize(client, authentication, browser);
  const { sub, at_hash } = oauth.getValidatedIdTokenClaims(tokens);
  assert.equal(at_hash, hashOf(tokens.access_token));
  assert.equal((await userInfo(client, tokens, sub)).email, email);

  const refreshed = await refresh(client, authentication, tokens);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  const repeated = await refresh(client, authentication, tokens);
  assert.equal(repeated.refresh_token, refreshed.refresh_token, "a lost answer is given again");
  assert.equal((await userInfo(client, refreshed, sub)).sub, sub);

  await revoke(client, authentication, refreshed.access_token);
  await assert.rejects(userInfo(client, refreshed, sub), { status: 401 });
  await revoke(client, authentication, refreshed.refresh_token);
  await assert.rejects(refresh(client, authentication, refreshed), { error: "invalid_grant" });

  const url = new URL(server.end_session_endpoint);
  url.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: SIGNED_OUT });
  assert.equal(String(await browser.visit(url)), SIGNED_OUT);
  const again = authorize(client, authentication, browser, { prompt: "none" });
  await assert.rejects(again, { error: "login_required" });
}

await walk({ client_type: "public" }, oauth.None);
await walk({ client_type: "confidential" }, oauth.ClientSecretBasic);
await walk({ client_type: "confidential" }, oauth.ClientSecretPost);
