//! One of every resource, made through the API, and documents that would make another one or change it.

use std::ops::Deref;

use paylent_api::Endpoint;

use super::*;

/// A resource of one type.
pub struct Sample {
    pub path: &'static str,
    pub kind: &'static str,
    pub id: String,
    /// Would make another one. Can be sent once.
    pub create: Option<Value>,
    /// Would change it.
    pub update: Option<Value>,
    pub deletable: bool,
    /// The last segments of `PATCH /things/{id}/{verb}`, each of which would be answered with 200.
    pub verbs: &'static [&'static str],
}

/// A sample of every resource, in an order in which each comes after what it refers to.
pub struct Samples {
    rows: Vec<Sample>,
    /// The one resource that is not in a list.
    single: Sample,
}

impl Sample {
    /// The path of the resource.
    pub fn at(&self) -> String {
        format!("{}/{}", self.path, self.id)
    }

    /// A document that says what the resource is, and nothing else.
    pub fn unchanged(&self) -> Value {
        change(self.kind, &self.id, json!({}))
    }

    /// An identifier of the resource.
    pub fn identifier(&self) -> Value {
        json!({"type": self.kind, "id": self.id})
    }

    fn creates(mut self, attributes: Value, relationships: &[(&str, &Sample)]) -> Self {
        let related = relationships.iter().map(|(name, to)| (*name, to.kind, to.id.as_str())).collect::<Vec<_>>();
        self.create = Some(document(self.kind, attributes, &related));
        self
    }

    fn updates(mut self, attributes: Value) -> Self {
        self.update = Some(change(self.kind, &self.id, attributes));
        self
    }

    fn verbs(mut self, verbs: &'static [&'static str]) -> Self {
        self.verbs = verbs;
        self
    }

    fn stays(mut self) -> Self {
        self.deletable = false;
        self
    }
}

impl Samples {
    /// The sample of the resource that a path begins with.
    #[track_caller]
    pub fn of(&self, path: &str) -> &Sample {
        let wanted = path.trim_start_matches('/').split(['/', '?']).next();
        let mut all = self.iter().chain([&self.single]);
        all.find(|sample| Some(sample.path) == wanted).unwrap_or_else(|| panic!("no sample for {path}"))
    }
}

/// The first segment of an endpoint's path: the resource it is about.
fn path_of(endpoint: &Endpoint) -> &'static str {
    endpoint.path.split('/').nth(1).unwrap()
}

/// A request to a route of the API that means something.
pub struct Asking {
    pub method: Method,
    pub path: String,
    pub body: Option<Value>,
}

impl Samples {
    /// What to ask every route about these samples, in an order in which all of it is answered with 200 or 201.
    pub fn routes(&self) -> Vec<(&'static Endpoint, Asking)> {
        let position = |endpoint: &Endpoint| {
            let path = path_of(endpoint);
            let rows = self.iter().position(|sample| sample.path == path);
            rows.or((self.single.path == path).then_some(self.len())).unwrap()
        };
        let verb = |endpoint: &Endpoint| {
            let verb = endpoint.path.rsplit('/').next().unwrap();
            self.of(endpoint.path).verbs.iter().position(|other| *other == verb)
        };
        let mut routes: Vec<_> = paylent_api::ENDPOINTS.iter().collect();
        routes.sort_by_key(|endpoint| match endpoint.method {
            "GET" => (0, None),
            "POST" => (1, None),
            "PATCH" => (2, verb(endpoint)),
            _ if endpoint.path.contains("/relationships/") => (3, None),
            // What refers to others goes before them.
            _ => (4, Some(self.len() - position(endpoint))),
        });
        routes.into_iter().map(|endpoint| (endpoint, self.asking(endpoint.method, endpoint.path))).collect()
    }

    /// What to ask a route about these samples, to be answered with 200 or 201. `POST` can be sent once; after `DELETE`
    /// there is nothing left to ask.
    pub fn asking(&self, method: &str, route: &str) -> Asking {
        let sample = self.of(route);
        let verb = route.rsplit('/').next();
        let body = match method {
            "GET" => None,
            _ if route.contains("/relationships/") => Some(json!({"data": [self.linked(method, route)]})),
            "DELETE" => None,
            "POST" => sample.create.clone(),
            _ if sample.verbs.iter().any(|name| Some(*name) == verb) => Some(sample.unchanged()),
            _ => sample.update.clone(),
        };
        assert!(body.is_some() || ["GET", "DELETE"].contains(&method), "what does {method} {route} take?");
        let path = route.trim_start_matches('/').replace("{id}", &sample.id);
        Asking { method: method.parse().unwrap(), path, body }
    }

    /// What a write to a to-many relationship names. What is removed is not what another sample says.
    fn linked(&self, method: &str, route: &str) -> Value {
        let (ties, end) = match route.trim_start_matches('/') {
            "users/{id}/relationships/roles" => ("user-roles", "role"),
            "roles/{id}/relationships/permissions" => ("role-permissions", "permission"),
            "resource-servers/{id}/relationships/introspection_clients" => return self.of("clients").identifier(),
            _ => panic!("what does {route} name?"),
        };
        match (method, &self.of(ties).create) {
            ("DELETE", Some(create)) => create["data"]["relationships"][end]["data"].clone(),
            _ => self.of(&format!("{end}s")).identifier(),
        }
    }
}

impl Asking {
    /// The same about another resource than this one.
    pub fn about(&self, id: &str, other: &str) -> Self {
        let mut body = self.body.clone();
        if let Some(body) = &mut body
            && body["data"]["id"] == id
        {
            body["data"]["id"] = json!(other);
        }
        Self { method: self.method.clone(), path: self.path.replace(id, other), body }
    }
}

impl Caller<'_> {
    /// Sends it.
    pub async fn ask(&self, asking: &Asking) -> Reply {
        match &asking.body {
            Some(body) => self.send(asking.method.clone(), &asking.path, body).await,
            None => Reply::of(self.request(asking.method.clone(), &asking.path)).await,
        }
    }
}

impl Deref for Samples {
    type Target = [Sample];

    fn deref(&self) -> &[Sample] {
        &self.rows
    }
}

impl IntoIterator for Samples {
    type Item = Sample;
    type IntoIter = std::vec::IntoIter<Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<'a> IntoIterator for &'a Samples {
    type Item = &'a Sample;
    type IntoIter = std::slice::Iter<'a, Sample>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.iter()
    }
}

/// The type of the resources at a path.
fn kind_at(path: &'static str) -> &'static str {
    match path {
        "users" => "user",
        "sessions" => "session",
        "roles" => "role",
        "permissions" => "permission",
        "role-permissions" => "role_permission",
        "user-roles" => "user_role",
        "clients" => "client",
        "resource-servers" => "resource_server",
        "scopes" => "scope",
        "client-grants" => "client_grant",
        "signing-keys" => "signing_key",
        "organizations" => "organization",
        "memberships" => "membership",
        "membership-roles" => "membership_role",
        "invitations" => "invitation",
        "applications" => "application",
        "application-connections" => "application_connection",
        "application-tokens" => "application_token",
        "audit-events" => "audit_event",
        "mails" => "mail",
        "environment" => "environment",
        _ => panic!("what is at {path}?"),
    }
}

fn sample(path: &'static str, id: String) -> Sample {
    Sample { path, kind: kind_at(path), id, create: None, update: None, deletable: true, verbs: &[] }
}

impl Caller<'_> {
    /// Makes a resource and returns it.
    async fn sample(&self, path: &'static str, attributes: Value, relationships: &[(&str, &Sample)]) -> Sample {
        let related = relationships.iter().map(|(name, to)| (*name, to.kind, to.id.as_str())).collect::<Vec<_>>();
        sample(path, self.create(path, kind_at(path), attributes, &related).await)
    }

    /// One of every resource. `tag`, a lower-case word, keeps the names of one test apart.
    pub async fn samples(&self, tag: &str) -> Samples {
        let person = |name: &str| json!({"email": format!("{name}@example.com"), "password": PASSWORD});
        let named = |name: &str| json!({"name": format!("{tag} {name}")});
        let machine = |name: &str| json!({"name": name, "grant_types": ["client_credentials"]});
        let api = |name: &str| json!({"name": tag, "identifier": format!("https://{name}.example/{tag}")});
        let can = |action: &str| json!({"name": format!("{tag}:{action}"), "description": "Custom"});
        let asked = |name: &str, roles: &[&Sample]| {
            let roles: Vec<&str> = roles.iter().map(|role| role.id.as_str()).collect();
            json!({"email": format!("{name}@{tag}.example"), "role_ids": roles})
        };

        let user = self.sample("users", person(tag), &[]).await;
        let user = user.creates(person(&format!("{tag}.new")), &[]).updates(json!({"first_name": "Ann"}));
        let other_user = self.sample("users", person(&format!("{tag}.other")), &[]).await;
        let session = self.sample("sessions", json!({}), &[("user", &user)]).await;
        let session = session.creates(json!({"user_agent": "Browser"}), &[("user", &user)]).verbs(&["touch", "revoke"]);
        let role = self.sample("roles", named("role"), &[]).await;
        let role = role.creates(named("new role"), &[]).updates(json!({"description": "Changed"}));
        let other_role = self.sample("roles", named("other role"), &[]).await;
        let permission = self.sample("permissions", can("read"), &[]).await;
        let permission = permission.creates(can("new"), &[]).updates(json!({"description": "Changed"}));
        let other_permission = self.sample("permissions", can("other"), &[]).await;
        let held = self.sample("role-permissions", json!({}), &[("role", &role), ("permission", &permission)]).await;
        let held = held.creates(json!({}), &[("role", &role), ("permission", &other_permission)]);
        let given = self.sample("user-roles", json!({}), &[("user", &user), ("role", &role)]).await;
        let given = given.creates(json!({}), &[("user", &user), ("role", &other_role)]);
        let client = self.sample("clients", machine(tag), &[]).await;
        let client = client.creates(json!({"name": "New"}), &[]).updates(json!({"name": "Renamed"}));
        let client = client.verbs(&["rotate-secret"]);
        let server = self.sample("resource-servers", api("api"), &[]).await;
        let server = server.creates(api("new"), &[]).updates(json!({"token_ttl": 600}));
        let scope = self.sample("scopes", can("scope"), &[("resource_server", &server)]).await;
        let scope = scope.creates(can("scope.new"), &[("resource_server", &server)]);
        let scope = scope.updates(json!({"description": "Changed"}));
        let ends = [("client", &client), ("resource_server", &server)];
        let grant = self.sample("client-grants", json!({"allowed_scopes": []}), &ends).await;
        let management = sample("resource-servers", self.management_api().await);
        let ends = [("client", &client), ("resource_server", &management)];
        let grant = grant.creates(json!({"allowed_scopes": []}), &ends).updates(json!({"allowed_scopes": null}));
        let key = sample("signing-keys", self.tenant.spare_key().await);
        let key = key.creates(json!({}), &[]).verbs(&["set-primary", "deactivate"]);
        let organization = self.sample("organizations", named("organization"), &[]).await;
        let organization = organization.creates(named("new organization"), &[]);
        let ends = [("user", &user), ("organization", &organization)];
        let membership = self.sample("memberships", json!({}), &ends).await;
        let ends = [("user", &other_user), ("organization", &organization)];
        let membership = membership.creates(json!({}), &ends);
        let ends = [("membership", &membership), ("role", &role)];
        let held_there = self.sample("membership-roles", json!({}), &ends).await;
        let held_there = held_there.creates(json!({}), &[("membership", &membership), ("role", &other_role)]);
        let there = [("organization", &organization)];
        let invitation = self.sample("invitations", asked("asked", &[&role]), &there).await;
        let invitation = invitation.creates(asked("new", &[&role]), &there).verbs(&["revoke"]);
        let bound = |name: &str| json!({"name": format!("{tag} {name}"), "grant_type": "client_credentials", "ip_allow_list": ["203.0.113.5"]});
        let ends = [("organization", &organization), ("resource_server", &management)];
        let application = self.sample("applications", bound("application"), &ends).await;
        let application = application.creates(bound("new application"), &ends).updates(json!({"name": "Renamed"}));
        let application = application.verbs(&["expire-previous-secret", "rotate-secret"]);
        let overlap = json!({"meta": {"overlap": "7d"}});
        self.patch(&format!("{}/rotate-secret", application.at()), &overlap).await.is(200);
        let env = &self.tenant.seeded.env;
        let token = seed::static_token(env, application.id.parse().unwrap()).await;
        let token = sample("application-tokens", token.to_string());
        let ledger = seed::application(env).await;
        let (person, there) = (user.id.parse().unwrap(), organization.id.parse().unwrap());
        let connection = seed::connection(env, &ledger, person, there, false).await;
        let connection = sample("application-connections", connection.to_string());
        let connection = connection.updates(json!({"permissions": ["invoices:read"]}));
        let event = sample("audit-events", self.get("audit-events?page[size]=1").await.is(200).ids().remove(0)).stays();
        let mail = seed::failed_mail(&self.server.db, &self.tenant.seeded.env, &format!("{tag}@example.com")).await;
        let mail = sample("mails", mail.to_string()).verbs(&["resend"]).stays();
        let single = sample("environment", self.get("environment").await.is(200).id()).stays();
        let single = single.updates(json!({"name": format!("{tag} environment")}));
        let rows = vec![
            user,
            session,
            role,
            permission,
            held,
            given,
            client,
            server,
            scope,
            grant,
            key,
            organization,
            membership,
            held_there,
            invitation,
            application,
            token,
            connection,
            event,
            mail,
        ];
        Samples { rows, single }
    }
}
