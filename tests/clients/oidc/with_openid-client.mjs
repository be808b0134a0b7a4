// Signs a person in with openid-client, unmodified: as a public client, with a secret, and with a key.
import assert from "node:assert/strict";
import * as oidc from "openid-client";
import { Browser, CALLBACK, SCOPE, SIGNED_OUT, email, hashOf, issuer, register } from "./person.mjs";

/** A new client, as the library knows it: what it found by discovery, and how it authenticates. */
async function connect(attributes, authentication) {
  const { client_id, client_secret } = await register({ name: "openid-client", ...attributes });
  const options = { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] };
  return oidc.discovery(new URL(issuer), client_id, undefined, authentication(client_secret), options);
}

async function authorize(config, browser, more = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: SCOPE,
    state: checks.expectedState,
    nonce: checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    ...more,
  });
  return oidc.authorizationCodeGrant(config, await browser.follow(url), checks);
}

async function walk(config) {
  const browser = new Browser();
  const tokens = await authorize(config, browser);
  const { sub, at_hash } = tokens.claims();
  assert.equal(at_hash, hashOf(tokens.access_token));
  assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, sub)).email, email);

  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token);
  const repeated = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  assert.equal(repeated.refresh_token, refreshed.refresh_token, "a lost answer is given again");
  assert.equal((await oidc.fetchUserInfo(config, refreshed.access_token, sub)).sub, sub);

  await oidc.tokenRevocation(config, refreshed.access_token);
  await assert.rejects(oidc.fetchUserInfo(config, refreshed.access_token, sub), { status: 401 });
  await oidc.tokenRevocation(config, refreshed.refresh_token);
  await assert.rejects(oidc.refreshTokenGrant(config, refreshed.refresh_token), { error: "invalid_grant" });

  const farewell = { id_token_hint: tokens.id_token, post_logout_redirect_uri: SIGNED_OUT, state: "bye & thanks" };
  const after = await browser.visit(oidc.buildEndSessionUrl(config, farewell));
  assert.equal(String(after), `${SIGNED_OUT}?state=bye%20%26%20thanks`);
  await assert.rejects(authorize(config, browser, { prompt: "none" }), { error: "login_required" });
}

const confidential = { client_type: "confidential" };
const { privateKey, publicKey } = await crypto.subtle.generateKey(
  { name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
const jwks = { keys: [{ ...(await crypto.subtle.exportKey("jwk", publicKey)), kid: "one", alg: "ES256", use: "sig" }] };

await walk(await connect({ client_type: "public" }, oidc.None));
await walk(await connect(confidential, oidc.ClientSecretBasic));
await walk(await connect(confidential, oidc.ClientSecretPost));
await walk(await connect({ ...confidential, jwks }, () => oidc.PrivateKeyJwt({ key: privateKey, kid: "one" })));
