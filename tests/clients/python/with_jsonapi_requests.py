"""Walks the Management API with jsonapi-requests: its ORM for resources, its endpoints for what the ORM cannot say.

What the library assumes, and the option or the way round that it documents:

* A resource's path is its type, with a slash at the end: `Meta.path`, `APPEND_SLASH`.
* `save` sends back all that was read. The API refuses to be told what it alone decides, so an object that is to be
  changed is read with a sparse fieldset.
* The ORM shows neither links nor `meta`, and reads a to-many relationship only from included linkage: pages, verbs,
  linkage and secrets go through `Api.endpoint`.
* `delete` needs an object that was read.
"""

import json

import requests
from jsonapi_requests.orm import ApiModel, AttributeField, OrmApi, RelationField
from jsonapi_requests.request_factory import ApiClientError


class Bearer(requests.auth.AuthBase):
    """RFC 6750."""

    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


def connect(url, token):
    return OrmApi.config({"API_ROOT": url, "AUTH": Bearer(token), "APPEND_SLASH": False, "TIMEOUT": 30, "RETRIES": 1})


def models(api):
    """One model for each type of resource, by type."""

    def model(type_, path, attributes="", relationships=""):
        fields = {name: AttributeField(name) for name in attributes.split()}
        fields |= {name: RelationField(name) for name in relationships.split()}
        fields["Meta"] = type("Meta", (), {"type": type_, "path": path, "api": api})
        return type(ApiModel)(type_, (ApiModel,), fields)

    made = [
        model("permission", "permissions", "name description"),
        model("role", "roles", "name description", "permissions users"),
        model("role_permission", "role-permissions", "", "role permission"),
        model("user", "users", "email first_name password active", "roles"),
        model("user_role", "user-roles", "", "user role"),
        model("session", "sessions", "user_agent revoked_at", "user"),
        model("client", "clients", "name client_type grant_types active", "user"),
        model("resource_server", "resource-servers", "name identifier token_ttl", "scopes introspection_clients"),
        model("scope", "scopes", "name description", "resource_server"),
        model("client_grant", "client-grants", "allowed_scopes", "client resource_server"),
        model("signing_key", "signing-keys", "algorithm publish_only primary status"),
        model("organization", "organizations", "name", "memberships"),
        model("membership", "memberships", "", "user organization roles"),
        model("membership_role", "membership-roles", "", "membership role"),
        model("invitation", "invitations", "email status", "organization inviter"),
        model("application", "applications", "name grant_type ip_allow_list", "organization resource_server"),
        model("audit_event", "audit-events", "action targets"),
    ]
    return {each._options.type: each for each in made}


class Walk:
    """One of each resource, made and read through the library."""

    def __init__(self, url, token):
        self.api = connect(url, token)
        self.models = models(self.api)
        self.made = {}

    def make(self, type_, **values):
        """A new resource; `values` are attributes and, as objects, relationships."""
        thing = self.models[type_]()
        for name, value in values.items():
            setattr(thing, name, value)
        thing.save()
        assert thing.id and thing.type == type_
        self.made[type_] = thing
        return thing

    def change(self, type_, **values):
        """Changes the resource of this type, read with the changed fields alone."""
        thing = self.made[type_]
        wanted = {"filter[id]": thing.id, f"fields[{type_}]": ",".join(values)}
        [found] = self.models[type_].get_list(params=wanted)
        for name, value in values.items():
            setattr(found, name, value)
        found.save()
        thing.refresh()
        for name, value in values.items():
            assert getattr(thing, name) == value, f"{type_}.{name} is {getattr(thing, name)!r}"

    def act(self, type_, verb):
        """A verb of the resource of this type: the answer."""
        thing = self.made[type_]
        answer = self.api.endpoint(f"{thing.endpoint_path()}/{thing.id}/{verb}").patch()
        assert answer.status_code == 200 and answer.data.id == thing.id
        return answer.content

    def refused(self, status, ask, *arguments, pointer=None, **keywords):
        """What is refused with this status, as the library tells it."""
        try:
            ask(*arguments, **keywords)
        except ApiClientError as error:
            errors = json.loads(error.content)["errors"]
            assert error.status_code == status, f"{error.status_code}, not {status}: {errors}"
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
        self.linkage()
        self.errors()
        self.deletion()

    def authorization(self):
        permission = self.make("permission", name="requests:walk", description="One")
        role = self.make("role", name="requests")
        self.make("role_permission", role=role, permission=permission)
        user = self.make("user", email="requests@example.com", password="correct horse", first_name="Ree")
        self.make("user_role", user=user, role=role)
        self.make("session", user=user, user_agent="jsonapi-requests")

    def applications(self):
        client = self.models["client"]()
        client.name, client.client_type, client.grant_types = "requests", "confidential", ["client_credentials"]
        answer = self.api.endpoint("clients").post(object=client.raw_object)
        assert answer.content.meta["client_secret"], "the secret is in the document's meta"
        self.made["client"] = client = self.models["client"].from_response_content(answer.content)
        server = self.make("resource_server", name="requests", identifier="https://requests.example")
        self.make("scope", name="read:requests", resource_server=server)
        self.make("client_grant", allowed_scopes=["read:requests"], client=client, resource_server=server)
        self.make("signing_key", algorithm="RS256", publish_only=True)

    def organizations(self):
        organization = self.make("organization", name="requests")
        membership = self.make("membership", user=self.made["user"], organization=organization)
        self.make("membership_role", membership=membership, role=self.made["role"])
        self.make("invitation", email="requests@example.org", organization=organization)
        fields = {"name": "requests", "grant_type": "client_credentials", "ip_allow_list": ["203.0.113.5"]}
        self.make("application", **fields, organization=organization)

    def lists(self):
        for type_, thing in self.made.items():
            [found] = self.models[type_].get_list(params={"filter[id]": thing.id})
            assert found.id == thing.id and self.models[type_].exists(thing.id)
        wanted = {"filter[email]": "requests@example.com", "include": "roles.permissions"}
        [user] = self.models["user"].get_list(params=wanted)
        assert [role.name for role in user.roles] == ["requests"]
        assert [permission.name for permission in user.roles[0].permissions] == ["requests:walk"]
        newest = {"filter[action]": "user.created", "sort": "-occurred_at", "page[size]": "1"}
        [event] = self.models["audit_event"].get_list(params=newest)
        assert event.targets[0]["id"] == self.made["user"].id and self.models["audit_event"].exists(event.id)
        self.pages()

    def pages(self):
        page = self.api.endpoint("permissions").get(params={"sort": "name", "page[size]": "7", "page[count]": "true"})
        total, names = page.content.meta["page"]["total"], []
        while page:
            names += [permission.attributes["name"] for permission in page.data]
            following = page.content.links["next"]
            page = following and self.api.endpoint(following).get()
        assert len(names) == total > 14 and names == sorted(set(names)), names

    def relationships(self):
        for thing in self.made.values():
            thing.refresh()
            for name, relationship in thing.relationships.items():
                linkage = self.api.endpoint(relationship.links["self"]).get().data
                related = self.api.endpoint(relationship.links["related"]).get().data
                ids = [each.id for each in linkage] if isinstance(linkage, list) else linkage.id
                assert ids == ([each.id for each in related] if isinstance(related, list) else related.id), name
        # A to-one relationship is an object that is read when it is looked at.
        assert self.made["membership_role"].membership.user.email == "requests@example.com"
        assert self.made["client_grant"].resource_server.identifier == "https://requests.example"
        assert self.made["client"].user.id != self.made["session"].user.id

    def changes(self):
        self.change("permission", description="Two")
        self.change("role", name="requests two")
        self.change("user", first_name="Rea")
        self.change("client", name="requests two")
        self.change("resource_server", token_ttl=60)
        self.change("scope", description="Reading")
        self.change("application", ip_allow_list=["203.0.113.0/24", "2001:db8::1"])
        self.change("client_grant", allowed_scopes=[])

    def verbs(self):
        assert not self.act("session", "touch").data.attributes["revoked_at"]
        assert self.act("session", "revoke").data.attributes["revoked_at"]
        assert self.act("client", "rotate-secret").meta["client_secret"]
        assert self.act("application", "rotate-secret").meta["client_secret"]
        assert self.act("application", "expire-previous-secret").data.attributes["previous_secret_expires_at"] is None
        assert self.act("invitation", "revoke").data.attributes["status"] == "revoked"
        assert self.act("signing_key", "set-primary").data.attributes["primary"]
        assert self.act("signing_key", "deactivate").data.attributes["deactivated_at"]

    def linkage(self):
        spare = self.models["role"]()
        spare.name = "requests spare"
        spare.save()
        [reading] = self.models["permission"].get_list(params={"filter[name]": "users:read"})
        self.relink("user", "roles", spare)
        self.relink("role", "permissions", reading)
        self.relink("resource_server", "introspection_clients", self.made["client"])
        spare.delete()

    def relink(self, type_, name, other):
        """Adds and removes one in every way; in the end the relationship is as it was."""
        owner = self.made[type_]
        there = self.api.endpoint(f"{owner.endpoint_path()}/{owner.id}/relationships/{name}")
        before, one = there.get().data.as_data(), [other.as_identifier().as_data()]
        for change, linkage, after in [
            (there.post, one, before + one),
            (there.delete, one, before),
            (there.patch, before + one, before + one),
            (there.patch, before, before),
        ]:
            change(json={"data": linkage})
            assert {each.id for each in there.get().data} == {each["id"] for each in after}

    def errors(self):
        user = self.models["user"]
        self.refused(404, user.from_id("00000000-0000-7000-8000-000000000000").refresh)
        self.refused(409, self.make, "role", name="requests two", pointer="/data/attributes/name")
        self.refused(422, self.make, "user", email="nobody", password="correct horse", pointer="/data/attributes/email")
        self.refused(400, user.get_list, params={"filter[password]": "x"})

    def deletion(self):
        for type_, thing in reversed(self.made.items()):
            thing.refresh()
            thing.delete()
            assert not self.models[type_].exists(thing.id), f"the {type_} is still there"
