//! What tests of the Management API share: fixtures, and what all answers have in common.

use paylent_domain::{
    Id,
    role::{Role, UserRole},
    signing_key::NewSigningKey,
    user::User,
};
use paylent_storage::NewRole;

use super::*;

/// The password of every person a test makes through the API.
pub const PASSWORD: &str = "correct horse battery";

/// A client that was registered through the API.
pub struct Machine {
    /// Its id at the Management API.
    pub id: String,
    /// `client_id` and secret; public clients have an empty one.
    pub credentials: (String, String),
    /// Whom it acts for.
    pub user: Option<String>,
}

impl Tenant {
    /// A role with exactly these permissions.
    pub async fn role(&self, name: &str, permissions: &[&str]) -> String {
        let permissions = permissions.iter().map(|name| (*name).to_owned()).collect();
        let role = NewRole { id: seed::new_id(), name: name.to_owned(), description: None, permissions };
        self.seeded.env.create_role(role, &seed::by()).await.unwrap().id.to_string()
    }

    /// A person.
    pub async fn person(&self, email: &str) -> String {
        self.seeded.env.create_person(seed::person(email), &seed::by()).await.unwrap().id.to_string()
    }

    /// Gives a role to a user, and returns the id of the assignment.
    pub async fn give(&self, user: &str, role: &str) -> String {
        let (user_id, role_id): (Id<User>, Id<Role>) = (user.parse().unwrap(), role.parse().unwrap());
        let assignment = UserRole { id: seed::new_id(), user_id, role_id, created_at: seed::by().at };
        self.seeded.env.assign_role(assignment, &seed::by()).await.unwrap().id.to_string()
    }

    /// An active signing key that is not primary. The API would take long to make one.
    pub async fn spare_key(&self) -> String {
        let env = &self.seeded.env;
        let key = NewSigningKey { primary: false, ..seed::signing_key(env.tenant().environment.id) };
        env.create_signing_key(key, &seed::by()).await.unwrap().id.to_string()
    }
}

impl Caller<'_> {
    /// Makes a person through the API.
    pub async fn user(&self, email: &str) -> String {
        self.create("users", "user", json!({"email": email, "password": PASSWORD}), &[]).await
    }

    /// Registers a client.
    pub async fn register(&self, attributes: Value, user: Option<&str>) -> Machine {
        let related: Vec<_> = user.map(|id| ("user", "user", id)).into_iter().collect();
        let reply = self.post("clients", &document("client", attributes, &related)).await;
        assert_eq!(reply.status, 201, "{}", reply.text);
        let json = reply.json();
        let secret = json["meta"]["client_secret"].as_str().unwrap_or_default().to_owned();
        Machine {
            id: reply.id(),
            credentials: (reply.attribute("client_id").as_str().unwrap().to_owned(), secret),
            user: json["data"]["relationships"]["user"]["data"]["id"].as_str().map(str::to_owned),
        }
    }

    /// Registers a client for client credentials with a grant for the Management API.
    pub async fn machine(&self, user: Option<&str>) -> Machine {
        let attributes = json!({"name": "Backend", "grant_types": ["client_credentials"]});
        let machine = self.register(attributes, user).await;
        self.grant(&machine.id, &self.management_api().await, Value::Null).await;
        machine
    }

    /// Grants a resource server to a client.
    pub async fn grant(&self, client: &str, server: &str, allowed_scopes: Value) -> String {
        let related = [("client", "client", client), ("resource_server", "resource_server", server)];
        self.create("client-grants", "client_grant", json!({"allowed_scopes": allowed_scopes}), &related).await
    }

    /// The id of the environment's Management API.
    pub async fn management_api(&self) -> String {
        self.only("resource-servers?filter[system]=true").await
    }

    /// The id of the role that holds every permission.
    pub async fn admin_role(&self) -> String {
        self.only("roles?filter[name]=admin").await
    }

    /// The id of the one resource that a list holds.
    pub async fn only(&self, path: &str) -> String {
        let ids = self.get(path).await.is(200).ids();
        assert_eq!(ids.len(), 1, "{path}");
        ids[0].clone()
    }

    /// Makes an organization.
    pub async fn organization(&self, name: &str) -> String {
        self.create("organizations", "organization", json!({"name": name}), &[]).await
    }

    /// Makes a user a member of an organization, and returns the id of the membership.
    pub async fn member(&self, user: &str, organization: &str) -> String {
        let ends = [("user", "user", user), ("organization", "organization", organization)];
        self.create("memberships", "membership", json!({}), &ends).await
    }

    /// Gives a member a role in the organization, and returns the id of the assignment.
    pub async fn give_there(&self, membership: &str, role: &str) -> String {
        let ends = [("membership", "membership", membership), ("role", "role", role)];
        self.create("membership-roles", "membership_role", json!({}), &ends).await
    }
}

/// A person who may do something in one organization only, and the machine that acts for this person.
pub struct Member<'a> {
    /// Calls as this person.
    pub caller: Caller<'a>,
    pub user: String,
    pub membership: String,
    /// What the member holds in the organization.
    pub role: String,
    pub assignment: String,
}

impl TestServer {
    /// A new person with exactly these permissions in this organization, and none in the environment.
    pub async fn member_with<'a>(&'a self, admin: &Caller<'a>, organization: &str, permissions: &[&str]) -> Member<'a> {
        let name = nobody();
        let user = admin.user(&format!("{name}@example.com")).await;
        let role = admin.tenant.role(&format!("role of {name}"), permissions).await;
        let membership = admin.member(&user, organization).await;
        let assignment = admin.give_there(&membership, &role).await;
        let machine = admin.machine(Some(&user)).await;
        let token = self.token(admin.tenant, &machine.credentials, &[]).await;
        Member { caller: self.bearer(admin.tenant, &token), user, membership, role, assignment }
    }
}

impl Reply {
    /// Asserts the status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// Where the errors point to, in alphabetical order.
    pub fn places(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().unwrap_or_else(|| panic!("no errors: {}", self.text)).clone();
        let place = |error: &Value| {
            let source = &error["source"];
            let found = ["pointer", "parameter", "header"].iter().find_map(|kind| source[kind].as_str());
            found.unwrap_or_default().to_owned()
        };
        let mut places: Vec<String> = errors.iter().map(place).collect();
        places.sort();
        places
    }

    /// The detail of the one error.
    pub fn detail(&self) -> String {
        self.json()["errors"][0]["detail"].as_str().unwrap_or_else(|| panic!("no error: {}", self.text)).to_owned()
    }
}

/// A pointer to an attribute.
pub fn at(attribute: &str) -> String {
    format!("/data/attributes/{attribute}")
}

/// An id that names nothing.
pub fn nobody() -> String {
    seed::new_id::<()>().to_string()
}

/// A document that names these resources: the body of a write to a to-many relationship.
pub fn linkage(kind: &str, ids: &[&str]) -> Value {
    json!({"data": ids.iter().map(|id| json!({"type": kind, "id": id})).collect::<Value>()})
}
