//! What tests of the Management API share: fixtures that the API cannot make itself yet, one of every resource, and
//! what all answers have in common.

use paylent_domain::{
    Id,
    role::{Role, UserRole},
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

/// A resource of one type, and documents that would make another one or change it.
pub struct Sample {
    pub path: &'static str,
    pub kind: &'static str,
    pub id: String,
    pub create: Option<Value>,
    pub update: Option<Value>,
    pub deletable: bool,
}

impl Sample {
    /// The path of the resource.
    pub fn at(&self) -> String {
        format!("{}/{}", self.path, self.id)
    }
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

    /// One of every resource. `tag` keeps the names of one test apart.
    pub async fn samples(&self, tag: &str) -> Vec<Sample> {
        let (user, other) =
            (self.user(&format!("{tag}@example.com")).await, self.tenant.role(&format!("{tag} other"), &[]).await);
        let role = self.tenant.role(&format!("{tag} role"), &[]).await;
        let machine = self.register(json!({"name": tag, "grant_types": ["client_credentials"]}), None).await;
        let server = |name: &str| json!({"name": tag, "identifier": format!("https://{name}.example/{tag}")});
        let api = self.create("resource-servers", "resource_server", server("api"), &[]).await;
        let (with_user, client) = (("user", "user", user.as_str()), ("client", "client", machine.id.as_str()));
        let assignment = self.create("user-roles", "user_role", json!({}), &[with_user, ("role", "role", &role)]).await;
        let grant = self.grant(&machine.id, &api, json!([])).await;
        let management = self.management_api().await;
        let person = json!({"email": format!("{tag}.new@example.com"), "password": PASSWORD});
        let granted = [client, ("resource_server", "resource_server", management.as_str())];
        let sample = |path, kind, id: &str, create: Option<Value>, update: Option<Value>, deletable| {
            let update = update.map(|attributes| change(kind, id, attributes));
            Sample { path, kind, id: id.to_owned(), create, update, deletable }
        };
        let make = |kind, attributes, related: &[_]| Some(document(kind, attributes, related));
        let key = self.get("signing-keys").await.ids().remove(0);
        vec![
            sample("users", "user", &user, make("user", person, &[]), Some(json!({"first_name": "Ann"})), true),
            sample("roles", "role", &role, None, None, false),
            sample(
                "user-roles",
                "user_role",
                &assignment,
                make("user_role", json!({}), &[with_user, ("role", "role", &other)]),
                None,
                true,
            ),
            sample(
                "clients",
                "client",
                &machine.id,
                make("client", json!({"name": "New"}), &[]),
                Some(json!({"name": "Renamed"})),
                true,
            ),
            sample(
                "resource-servers",
                "resource_server",
                &api,
                make("resource_server", server("new"), &[]),
                None,
                false,
            ),
            sample(
                "client-grants",
                "client_grant",
                &grant,
                make("client_grant", json!({"allowed_scopes": []}), &granted),
                Some(json!({"allowed_scopes": null})),
                true,
            ),
            sample("signing-keys", "signing_key", &key, make("signing_key", json!({}), &[]), None, true),
        ]
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
