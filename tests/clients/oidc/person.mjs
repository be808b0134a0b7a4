// A person with a browser, and the clients they sign in to.
// PAYLENT_TEST_API and PAYLENT_TEST_TOKEN are as for the walks; PAYLENT_TEST_EMAIL and PAYLENT_TEST_PASSWORD are the
// person's.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const { PAYLENT_TEST_API: api, PAYLENT_TEST_TOKEN: token } = process.env;
const { PAYLENT_TEST_EMAIL: email, PAYLENT_TEST_PASSWORD: password } = process.env;

export { email };
export const issuer = new URL(api).origin;
export const CALLBACK = "https://app.example/callback";
export const SIGNED_OUT = "https://app.example/signed-out";
export const SCOPE = "openid profile email offline_access";

/** Registers a client that signs people in; answers its `client_id` and, if it has one, its `client_secret`. */
export async function register(attributes) {
  const all = {
    redirect_uris: [CALLBACK],
    post_logout_redirect_uris: [SIGNED_OUT],
    grant_types: ["authorization_code", "refresh_token"],
    ...attributes,
  };
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/vnd.api+json" };
  const body = JSON.stringify({ data: { type: "client", attributes: all } });
  const response = await fetch(`${api}/clients`, { method: "POST", headers, body });
  const document = await response.json();
  assert.equal(response.status, 201, JSON.stringify(document));
  return { client_id: document.data.attributes.client_id, client_secret: document.meta?.client_secret };
}

/** `at_hash` of an access token (OpenID Connect Core section 3.1.3.6). */
export function hashOf(accessToken) {
  return createHash("sha256").update(accessToken).digest().subarray(0, 16).toString("base64url");
}

/** Keeps cookies, fills in Paylent's forms, and stops where it is sent to the client. */
export class Browser {
  #cookies = new Map();

  /** The page at an address, or the address at the client that it leads to. */
  async visit(url, body) {
    const Cookie = [...this.#cookies].map((pair) => pair.join("=")).join("; ");
    const response = await fetch(url, { method: body ? "POST" : "GET", body, headers: { Cookie }, redirect: "manual" });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (value) this.#cookies.set(name, value);
      else this.#cookies.delete(name);
    }
    const location = response.headers.get("location");
    if (!location) return { url, html: await response.text() };
    const next = new URL(location, url);
    return next.origin === issuer ? this.visit(next) : next;
  }

  /** Follows an authorization request to the client's address: signs in and agrees where it is asked to. */
  async follow(url) {
    let page = await this.visit(url);
    for (let forms = 0; !(page instanceof URL); forms += 1) {
      assert.ok(forms < 3, `the forms do not end: ${page.html}`);
      page = await this.#answer(page);
    }
    return page;
  }

  #answer({ url, html }) {
    const form = new URLSearchParams();
    for (const [tag] of html.matchAll(/<input[^>]*>/g)) {
      const of = (attribute) => new RegExp(`\\s${attribute}="([^"]*)"`).exec(tag)?.[1];
      if (of("type") === "hidden" || /\schecked/.test(tag)) form.append(of("name"), of("value"));
    }
    if (html.includes('name="password"')) {
      form.set("email", email);
      form.set("password", password);
    } else {
      assert.ok(html.includes('name="decision"'), `neither sign-in nor consent: ${html}`);
      form.set("decision", "allow");
    }
    return this.visit(new URL(/<form[^>]*\saction="([^"]*)"/.exec(html)[1], url), form);
  }
}
