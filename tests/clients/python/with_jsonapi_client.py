"""Walks the Management API with jsonapi_client: sessions that keep what was read and send back only what was changed.

What the library assumes, and the option or the way round that it documents:

* A resource is posted to its type: `commit` takes the URL of the collection.
* It knows the linkage of a to-one relationship only by type and id, and would read it at `/type/id`: a related resource
  is included, or read from the relationship's `related` link.
* Names of attributes have hyphens: ours are written as keys of `fields` and of the resource.
* It shows the `meta` of a document only where the document is kept, under the address that `Location` names.
* It has no words for writing to a relationship's own address.
"""

import logging

from jsonapi_client import Filter, Inclusion, Modifier, Session
from jsonapi_client.exceptions import DocumentError

# It logs every attribute that its schema does not name.
logging.getLogger("jsonapi_client.resourceobject").setLevel(logging.ERROR)

PATHS = {
    "permission": "permissions",
    "role": "roles",
    "role_permission": "role-permissions",
    "user": "users",
    "user_role": "user-roles",
    "session": "sessions",
    "client": "clients",
    "resource_server": "resource-servers",
    "scope": "scopes",
    "client_grant": "client-grants",
    "signing_key": "signing-keys",
    "organization": "organizations",
    "membership": "memberships",
    "membership_role": "membership-roles",
    "invitation": "invitations",
    "application": "applications",
}

# The relationships of each type; their own type where it is not their name, or many.
ONE = {
    "role_permission": {"role": "role", "permission": "permission"},
    "user_role": {"user": "user", "role": "role"},
    "session": {"user": "user"},
    "client": {"user": "user"},
    "scope": {"resource_server": "resource_server"},
    "client_grant": {"client": "client", "resource_server": "resource_server"},
    "membership": {"user": "user", "organization": "organization"},
    "membership_role": {"membership": "membership", "role": "role"},
    "invitation": {"organization": "organization", "inviter": "user"},
    "application": {"organization": "organization", "resource_server": "resource_server"},
}
MANY = {
    "permission": {"roles": "role"},
    "role": {"permissions": "permission", "users": "user"},
    "user": {"roles": "role"},
    "resource_server": {"scopes": "scope", "introspection_clients": "client"},
    "organization": {"memberships": "membership"},
    "membership": {"roles": "role"},
}


def schema(type_):
    """What the library must know of a type to make resources of it; attributes may be anything."""
    one = {name: {"relation": "to-one", "resource": [other]} for name, other in ONE.get(type_, {}).items()}
    many = {name: {"relation": "to-many", "resource": [other]} for name, other in MANY.get(type_, {}).items()}
    return {"properties": {**one, **many}}


class Walk:
    """One of each resource, made and read through the library."""

    def __init__(self, url, token):
        self.url, self.token = url, token
        self.session = self.connect()
        self.made = {}

    def connect(self):
        """A session, in which nothing was read yet."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return Session(self.url, schema={type_: schema(type_) for type_ in PATHS}, request_kwargs={"headers": headers})

    def make(self, type_, **fields):
        """A new resource; `fields` are attributes and, as ids, to-one relationships."""
        thing = self.session.create(type_, fields)
        thing.commit(f"{self.url}/{PATHS[type_]}")
        assert thing.id and thing.url == f"{self.url}/{PATHS[type_]}/{thing.id}"
        self.made[type_] = thing
        return thing

    def id(self, type_):
        return self.made[type_].id

    def meta(self, thing):
        """The `meta` of the document that made the thing."""
        return self.session.documents_by_link[thing.url].meta

    def change(self, type_, **fields):
        thing = self.made[type_]
        for name, value in fields.items():
            thing[name] = value
        thing.commit()
        thing.refresh()
        for name, value in fields.items():
            assert thing[name] == value, f"{type_}.{name} is {thing[name]!r}"

    def act(self, type_, verb):
        """A verb of the resource of this type, which then is as it is afterwards."""
        thing = self.made[type_]
        thing.commit(f"{thing.url}/{verb}")
        return thing

    def refused(self, status, ask, *arguments, pointer=None, **keywords):
        """What is refused with this status, as the library tells it."""
        try:
            ask(*arguments, **keywords)
        except DocumentError as error:
            errors = error.response.json()["errors"]
            assert error.errors["status_code"] == status, f"{error}: {errors}"
            assert pointer in (None, *(each.get("source", {}).get("pointer") for each in errors)), errors
        else:
            raise AssertionError(f"this was not refused with {status}")

    def run(self):
        self.authorization()
        self.applications()
        self.organizations()
        self.lists()
        self.relationships()
        self.changes()
        self.verbs()
        self.errors()
        self.deletion()

    def authorization(self):
        permission = self.make("permission", name="client:walk", description="One")
        role = self.make("role", name="client walk")
        self.make("role_permission", role=role.id, permission=permission.id)
        user = self.make("user", email="client@example.com", password="correct horse", first_name="Cli")
        self.make("user_role", user=user.id, role=role.id)
        session = self.make("session", user=user.id, user_agent="jsonapi_client")
        assert self.meta(session)["token"], "the token is in the document's meta"

    def applications(self):
        grants = ["client_credentials"]
        client = self.make("client", name="client walk", client_type="confidential", grant_types=grants)
        assert self.meta(client)["client_secret"], "the secret is in the document's meta"
        server = self.make("resource_server", name="client walk", identifier="https://client.example")
        self.make("scope", name="read:client", resource_server=server.id)
        self.make("client_grant", allowed_scopes=["read:client"], client=client.id, resource_server=server.id)
        self.make("signing_key", algorithm="RS256", publish_only=True)

    def organizations(self):
        organization = self.make("organization", name="client walk")
        membership = self.make("membership", user=self.id("user"), organization=organization.id)
        self.make("membership_role", membership=membership.id, role=self.id("role"))
        self.make("invitation", email="client@example.org", organization=organization.id)
        fields = {"name": "client walk", "grant_type": "client_credentials", "ip_allow_list": ["203.0.113.5"]}
        application = self.make("application", **fields, organization=organization.id)
        assert self.meta(application)["client_secret"], "the secret is in the document's meta"

    def lists(self):
        for type_, thing in self.made.items():
            found = self.session.get(PATHS[type_], Filter(id=thing.id))
            assert [each.id for each in found.resources] == [thing.id]
        pages = self.session.iterate("permissions", Modifier("sort=-name&page[size]=7"))
        names = [permission["name"] for permission in pages]
        assert len(names) > 14 and names == sorted(set(names), reverse=True), names
        newest = Filter(action="user.created") + Modifier("sort=-occurred_at&page[size]=1")
        events = self.session.get("audit-events", newest)
        assert events.resource["targets"][0]["id"] == self.id("user")
        assert self.session.get("audit-events", events.resource.id).resource["action"] == "user.created"

    def relationships(self):
        some = Modifier("fields[role]=name,permissions")
        wanted = Filter(email="client@example.com") + Inclusion("roles.permissions") + some
        user = self.session.get("users", wanted).resource
        [role] = user["roles"]
        assert role["name"] == "client walk"
        assert [permission["name"] for permission in role["permissions"]] == ["client:walk"]
        wanted = Filter(id=self.id("membership")) + Inclusion("user", "organization")
        membership = self.session.get("memberships", wanted).resource
        assert membership["user"]["first_name"] == "Cli" and membership["organization"]["name"] == "client walk"
        for type_, thing in self.made.items():
            thing.refresh()
            for name in [*ONE.get(type_, {}), *MANY.get(type_, {})]:
                relationship = thing.relationships[name]
                known = {each["id"] for each in [relationship.as_json_resource_identifiers] if isinstance(each, dict)}
                related = {each.id for each in relationship.links.related.fetch().resources}
                assert known <= related, f"{type_}.{name} is {related}, not {known}"

    def changes(self):
        self.change("permission", description="Two")
        self.change("role", name="client two")
        self.change("user", first_name="Clio")
        self.change("client", name="client two")
        self.change("resource_server", token_ttl=60)
        self.change("scope", description="Reading")
        self.change("application", ip_allow_list=["203.0.113.0/24", "2001:db8::1"])
        self.change("client_grant", allowed_scopes=[])

    def verbs(self):
        assert not self.act("session", "touch")["revoked_at"]
        assert self.act("session", "revoke")["revoked_at"]
        assert self.act("client", "rotate-secret")["client_id"]
        assert self.act("application", "rotate-secret")["client_id"]
        assert self.act("application", "expire-previous-secret")["previous_secret_expires_at"] is None
        assert self.act("invitation", "revoke")["status"] == "revoked"
        assert self.act("signing_key", "set-primary")["primary"]
        assert self.act("signing_key", "deactivate")["deactivated_at"]

    def errors(self):
        self.refused(404, self.session.get, "users", "00000000-0000-7000-8000-000000000000")
        self.refused(409, self.make, "role", name="client two", pointer="/data/attributes/name")
        self.refused(422, self.make, "user", email="nobody", password="correct horse", pointer="/data/attributes/email")
        self.refused(400, self.session.get, "users", Filter(password="x"))

    def deletion(self):
        for type_, thing in reversed(self.made.items()):
            thing.delete()
            thing.commit()
            self.refused(404, self.connect().get, PATHS[type_], thing.id)
