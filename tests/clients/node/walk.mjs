// Walks the Management API with kitsu, and reads its documents as graphs of objects with jsona; both unmodified.
// PAYLENT_TEST_API is the address of the API, PAYLENT_TEST_TOKEN an administrator's token.
//
// What kitsu assumes, and the option or the way round that it documents:
// - A resource's type is the plural of its path's last part: `pluralize`, `camelCaseTypes` and `resourceCase` are off,
//   and `request` takes URL and type apart.
// - `request` sends no body with DELETE: linkage to be removed is given to axios, by `axiosOptions`.
// - What was read is an object without borders between attributes, relationships and links, and would be sent back as
//   such: a change is an object of its own.
import assert from "node:assert/strict";
import { Jsona } from "jsona";
import Kitsu from "kitsu";

const { PAYLENT_TEST_API: url, PAYLENT_TEST_TOKEN: token } = process.env;
const api = new Kitsu({
  baseURL: url,
  camelCaseTypes: false,
  pluralize: false,
  resourceCase: "none",
  headers: { Authorization: `Bearer ${token}` },
});

const PATHS = {
  permission: "permissions",
  role: "roles",
  role_permission: "role-permissions",
  user: "users",
  user_role: "user-roles",
  session: "sessions",
  client: "clients",
  resource_server: "resource-servers",
  scope: "scopes",
  client_grant: "client-grants",
  signing_key: "signing-keys",
  organization: "organizations",
  membership: "memberships",
  membership_role: "membership-roles",
  invitation: "invitations",
  application: "applications",
};

/** What was made, by type: the identifier of each. */
const made = {};

const address = (type) => `${PATHS[type]}/${made[type].id}`;
const to = (type) => ({ data: made[type] });

/** Makes a resource of attributes and relationships; answers the document's `meta`. */
async function make(type, body) {
  const { data, meta, status, headers } = await api.request({ method: "POST", url: PATHS[type], type, body });
  assert.equal(status, 201);
  assert.equal(headers.location, `${url}/${PATHS[type]}/${data.id}`);
  assert.equal(data.type, type);
  made[type] = { type, id: data.id };
  return meta;
}

async function change(type, attributes) {
  const body = { id: made[type].id, ...attributes };
  const { data } = await api.request({ method: "PATCH", url: address(type), type, body });
  for (const [name, value] of Object.entries(attributes)) assert.deepEqual(data[name], value);
}

/** A verb of a resource: the document afterwards. */
async function act(type, verb) {
  return api.request({ method: "PATCH", url: `${address(type)}/${verb}`, type, body: { id: made[type].id } });
}

/** What is refused with this status, and with an error that points there. */
async function refused(status, promise, source) {
  const error = await promise.then(() => assert.fail(`this was not refused with ${status}`), (error) => error);
  assert.equal(error.response?.status, status, error.message);
  assert.ok(error.errors.every((each) => each.status === String(status) && each.code && each.title && each.id));
  if (source) assert.ok(error.errors.some((each) => Object.values(each.source ?? {}).includes(source)), source);
}

async function authorization() {
  await make("permission", { name: "kitsu:walk", description: "One" });
  await make("role", { name: "kitsu" });
  await make("role_permission", { role: to("role"), permission: to("permission") });
  await make("user", { email: "kitsu@example.com", password: "correct horse", first_name: "Kit" });
  await make("user_role", { user: to("user"), role: to("role") });
  assert.ok((await make("session", { user_agent: "kitsu", user: to("user") })).token);
}

async function applications() {
  const grants = ["client_credentials"];
  const meta = await make("client", { name: "kitsu", client_type: "confidential", grant_types: grants });
  assert.ok(meta.client_secret);
  await make("resource_server", { name: "kitsu", identifier: "https://kitsu.example" });
  await make("scope", { name: "read:kitsu", resource_server: to("resource_server") });
  const both = { client: to("client"), resource_server: to("resource_server") };
  await make("client_grant", { allowed_scopes: ["read:kitsu"], ...both });
  await make("signing_key", { algorithm: "RS256", publish_only: true });
}

async function organizations() {
  await make("organization", { name: "kitsu" });
  await make("membership", { user: to("user"), organization: to("organization") });
  await make("membership_role", { membership: to("membership"), role: to("role") });
  await make("invitation", { email: "kitsu@example.org", organization: to("organization") });
  const owned = { name: "kitsu", grant_type: "client_credentials", organization: to("organization") };
  assert.ok((await make("application", { ...owned, ip_allow_list: ["203.0.113.5"] })).client_secret);
}

async function lists() {
  for (const type of Object.keys(made)) {
    const params = { filter: { id: made[type].id }, page: { count: true } };
    const { data, meta } = await api.get(PATHS[type], { params });
    assert.deepEqual(data.map((each) => each.id), [made[type].id]);
    assert.equal(meta.page.total, 1);
  }
  const newest = { filter: { action: "user.created" }, sort: "-occurred_at", page: { size: 1 } };
  const [event] = (await api.get("audit-events", { params: newest })).data;
  assert.equal(event.targets[0].id, made.user.id);
  assert.equal((await api.get(`audit-events/${event.id}`)).data.action, "user.created");
  await pages();
}

async function pages() {
  const names = [];
  let page = await api.get("permissions", { params: { sort: "name", page: { size: 7 } } });
  for (;;) {
    names.push(...page.data.map((each) => each.name));
    if (!page.links.next) break;
    page = await api.request({ url: page.links.next });
  }
  assert.ok(names.length > 14);
  assert.deepEqual(names, [...new Set(names)].sort());
}

async function relationships() {
  const fields = { role: "name,permissions" };
  const params = { filter: { email: "kitsu@example.com" }, include: "roles.permissions", fields };
  const [user] = (await api.get("users", { params })).data;
  assert.equal(user.roles.data[0].name, "kitsu");
  assert.equal(user.roles.data[0].permissions.data[0].name, "kitsu:walk");
  for (const type of Object.keys(made)) {
    const { data } = await api.get(address(type));
    for (const [name, { links }] of Object.entries(data).filter(([, value]) => value?.links?.related)) {
      const ids = async (link) => [(await api.request({ url: link })).data].flat().map((each) => each?.id);
      assert.deepEqual(await ids(links.self), await ids(links.related), `${type}.${name}`);
    }
  }
}

async function changes() {
  await change("permission", { description: "Two" });
  await change("role", { name: "kitsu two" });
  await change("user", { first_name: "Kitty" });
  await change("client", { name: "kitsu two" });
  await change("resource_server", { token_ttl: 60 });
  await change("scope", { description: "Reading" });
  await change("application", { ip_allow_list: ["203.0.113.0/24", "2001:db8::1"] });
  await change("client_grant", { allowed_scopes: [] });
}

async function verbs() {
  assert.equal((await act("session", "touch")).data.revoked_at, null);
  assert.ok((await act("session", "revoke")).data.revoked_at);
  assert.ok((await act("client", "rotate-secret")).meta.client_secret);
  assert.ok((await act("application", "rotate-secret")).meta.client_secret);
  assert.equal((await act("application", "expire-previous-secret")).data.previous_secret_expires_at, null);
  assert.equal((await act("invitation", "revoke")).data.status, "revoked");
  assert.ok((await act("signing_key", "set-primary")).data.primary);
  assert.ok((await act("signing_key", "deactivate")).data.deactivated_at);
}

/** Adds and removes one in every way; in the end the relationship is as it was. */
async function relink(type, name, other) {
  const there = { url: `${address(type)}/relationships/${name}`, type: other.type };
  const linked = async () => (await api.request(there)).data.map((each) => each.id).sort();
  const before = (await api.request(there)).data.map(({ id }) => ({ id }));
  const both = [...before, other].map((each) => each.id).sort();
  await api.request({ ...there, method: "POST", body: [{ id: other.id }] });
  assert.deepEqual(await linked(), both);
  await api.request({ ...there, method: "DELETE", axiosOptions: { data: { data: [other] } } });
  assert.equal((await linked()).length, before.length);
  await api.request({ ...there, method: "PATCH", body: [...before, { id: other.id }] });
  assert.deepEqual(await linked(), both);
  await api.request({ ...there, method: "PATCH", body: before });
  assert.equal((await linked()).length, before.length);
}

async function linkage() {
  const [reading] = (await api.get("permissions", { params: { filter: { name: "users:read" } } })).data;
  const spare = (await api.request({ method: "POST", url: "roles", type: "role", body: { name: "kitsu spare" } })).data;
  await relink("user", "roles", { type: "role", id: spare.id });
  await relink("role", "permissions", { type: "permission", id: reading.id });
  await relink("resource_server", "introspection_clients", made.client);
  await api.delete("roles", spare.id);
}

/** The graph of a document as jsona makes it: included resources are the same objects wherever they are named. */
async function graph() {
  const get = async (path) => {
    const response = await fetch(`${url}/${path}`, { headers: { Authorization: `Bearer ${token}` } });
    return new Jsona().deserialize(await response.json());
  };
  const membership = await get(`memberships/${made.membership.id}?include=user,organization,roles.permissions`);
  assert.equal(membership.user.email, "kitsu@example.com");
  assert.equal(membership.organization.name, "kitsu");
  assert.equal(membership.roles[0].permissions[0].name, "kitsu:walk");
  const tie = await get(`client-grants/${made.client_grant.id}?include=client,resource_server.scopes`);
  assert.deepEqual(tie.resource_server.scopes.map((scope) => scope.name), ["read:kitsu"]);
  assert.equal(tie.client.client_type, "confidential");
  const [first, second] = await get(`user-roles?filter[user]=${made.user.id}&include=user,role.permissions`);
  assert.equal(first.role.permissions[0].name, "kitsu:walk");
  assert.equal(second, undefined);
}

async function errors() {
  const post = (type, body) => api.request({ method: "POST", url: PATHS[type], type, body });
  await refused(404, api.get("users/00000000-0000-7000-8000-000000000000"));
  await refused(409, post("role", { name: "kitsu two" }), "/data/attributes/name");
  await refused(409, api.request({ method: "POST", url: "users", type: "role", body: { name: "x" } }), "/data/type");
  await refused(422, post("user", { email: "nobody", password: "correct horse" }), "/data/attributes/email");
  await refused(400, api.get("users", { params: { filter: { password: "x" } } }), "filter[password]");
  await refused(401, api.get("users", { headers: { Authorization: "Bearer none" } }));
}

async function deletion() {
  for (const type of Object.keys(made).reverse()) {
    assert.equal((await api.delete(PATHS[type], made[type].id)).status, 200);
    await refused(404, api.get(address(type)));
  }
}

await authorization();
await applications();
await organizations();
await lists();
await relationships();
await changes();
await verbs();
await linkage();
await graph();
await errors();
await deletion();
