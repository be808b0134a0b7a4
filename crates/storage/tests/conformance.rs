//! The engine's conformance suite on storage.

mod store;

use std::sync::Arc;

use paylent_domain::{
    Id, Timestamp,
    application::{ApplicationGrant, Connection},
    client::{Client as Registered, OrganizationUsage},
    organization::Organization,
    resource_server::ResourceServer,
    scope::Scopes,
    session::Session,
    signing_key::NewSigningKey,
    user::{User, UserChange},
};
use paylent_oauth::{
    GeneratedKey,
    conformance::{self, StoreUnderTest},
    crypto::secret::SecretHash,
    store::{
        Application, Belonging, Client, DescribedScope, Grant, Machine, Member, Profile, ResourceServer as Described,
        Subject,
    },
};
use paylent_storage::{
    ApplicationChange, ApplicationFilter, ClientChange, ClientFilter, ClientGrantFilter, Env, Expected, MachineUser,
    MembershipFilter, MembershipRoleFilter, NewApplication, NewClient, NewClientGrant, NewOrganization,
    NewResourceServer, NewRole, NewScope, ResourceServerFilter, UserRoleFilter,
};
use paylent_tests::{
    TestDatabase, both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, assign, environment, is, member, membership_role, replace};

both! {
    async fn storage_is_a_store(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        conformance::suite(EnvUnderTest { env, database: Arc::new(database) }).await;
    }
}

/// One environment, and the way around it for what no function of storage does yet.
struct EnvUnderTest {
    env: Env,
    database: Arc<TestDatabase>,
}

impl EnvUnderTest {
    /// Makes the user, or leaves it without roles.
    async fn put_user(&self, user: &Subject) {
        if self.env.user(user.id).await.unwrap().is_none() {
            let person = seed::person(&format!("{}@example.com", user.id));
            self.env.create_person(paylent_domain::user::NewPerson { id: user.id, ..person }, &by()).await.unwrap();
        }
        let held = UserRoleFilter { user_id: Some(user.id), ..UserRoleFilter::default() };
        for held in self.env.user_roles(held, ALL).await.unwrap().rows {
            self.database.execute(&format!("DELETE FROM roles WHERE {}", self.is(held.role_id))).await;
        }
        for name in &user.roles {
            let permissions = user.permissions.iter().cloned().collect();
            let role = NewRole { id: new_id(), name: name.clone(), description: None, permissions };
            let role = self.env.create_role(role, &by()).await.unwrap();
            assign(&self.env, user.id, role.id).await;
        }
        let (active, generation, this) = (user.active, user.generation, self.is::<User>(user.id));
        let set = format!("UPDATE users SET active = {active}, generation = {generation} WHERE {this}");
        self.database.execute(&set).await;
    }

    /// Makes the client, or leaves it without grants.
    async fn put_client(&self, client: Client, user: Option<&Subject>) -> Registered {
        let named = ClientFilter { client_id: Some(client.client_id.clone()), ..ClientFilter::default() };
        let known = self.env.clients(named, ALL).await.unwrap().rows.pop();
        let known = match known {
            Some(known) => known,
            None => self.env.register_client(new_client(&client, user), &by()).await.unwrap(),
        };
        let held = ClientGrantFilter { client_id: Some(known.id), resource_server_id: None };
        for grant in self.env.client_grants(held, ALL).await.unwrap().rows {
            assert!(self.env.delete_client_grant(grant.id, &Expected::Any, &by()).await.unwrap());
        }
        let change = ClientChange {
            jwks: Some(client.jwks),
            jwks_uri: Some(client.jwks_uri),
            id_token_claims: Some(client.id_token_claims),
            grant_types: Some(client.grant_types),
            token_format: Some(client.token_format),
            access_token_ttl: Some(client.access_token_ttl),
            active: Some(client.active),
            ..ClientChange::default()
        };
        self.env.update_client(known.id, change, &Expected::Any, &by()).await.unwrap();
        let bytes = |bytes: &[u8]| self.database.bytes(bytes);
        let secret_hash = client.secret_hash.map_or("NULL".to_owned(), |hash| bytes(hash.as_bytes()));
        let user_id = user.map_or("NULL".to_owned(), |user| bytes(user.id.as_bytes()));
        let (generation, this) = (client.generation, self.is::<Registered>(known.id));
        let set = format!("secret_hash = {secret_hash}, user_id = {user_id}, generation = {generation}");
        self.database.execute(&format!("UPDATE clients SET {set} WHERE {this}")).await;
        known
    }

    async fn put_grant(&self, client: &Registered, grant: Grant) {
        let named = ResourceServerFilter { identifier: Some(grant.resource.clone()), ..Default::default() };
        let known: Option<ResourceServer> = self.env.resource_servers(named, ALL).await.unwrap().rows.pop();
        let server = match known {
            Some(known) => known,
            None => {
                let server = NewResourceServer {
                    id: new_id(),
                    name: "Documents".to_owned(),
                    identifier: grant.resource,
                    token_ttl: grant.token_ttl,
                    allow_offline_access: false,
                    scopes: grant.scopes,
                };
                self.env.create_resource_server(server, &by()).await.unwrap()
            }
        };
        let (client_id, resource_server_id) = (client.id, server.id);
        let grant =
            NewClientGrant { id: new_id(), client_id, resource_server_id, allowed_scopes: grant.allowed_scopes };
        self.env.create_client_grant(grant, &by()).await.unwrap();
    }

    /// Makes the resource server with its scopes, or makes it what is described.
    async fn put_resource_server(&self, server: Described) {
        let named = ResourceServerFilter { identifier: Some(server.identifier.clone()), ..Default::default() };
        for known in self.env.resource_servers(named, ALL).await.unwrap().rows {
            assert!(self.env.delete_resource_server(known.id, &Expected::Any, &by()).await.unwrap());
        }
        let new = NewResourceServer {
            id: new_id(),
            name: "Documents".to_owned(),
            identifier: server.identifier,
            token_ttl: server.token_ttl,
            allow_offline_access: server.allow_offline_access,
            scopes: Scopes::default(),
        };
        let id = self.env.create_resource_server(new, &by()).await.unwrap().id;
        for scope in server.scopes {
            let (name, description) = (scope.name, scope.description);
            let scope = NewScope { id: new_id(), resource_server_id: id, name, description };
            self.env.create_scope(scope, &by()).await.unwrap();
        }
    }

    /// Makes what an organization owns, with the organization and the API; or gives it the permissions that are described.
    async fn put_owned(&self, client: &Client, resource: Described, new: OwnedBy<'_>) {
        let ownership = client.ownership.clone().unwrap();
        let organization_id = ownership.organization_id;
        if self.env.organization(organization_id).await.unwrap().is_none() {
            let name = new.organization.unwrap_or("Bakery").to_owned();
            self.env
                .create_organization(NewOrganization { id: organization_id, name, slug: None }, &by())
                .await
                .unwrap();
        }
        let named = || ResourceServerFilter { identifier: Some(resource.identifier.clone()), ..Default::default() };
        if self.env.resource_servers(named(), ALL).await.unwrap().rows.is_empty() {
            self.put_resource_server(resource.clone()).await;
        }
        let server = self.env.resource_servers(named(), ALL).await.unwrap().rows.remove(0);
        let filter = ApplicationFilter { client_id: Some(client.client_id.clone()), ..Default::default() };
        if let Some(known) = self.env.applications(filter, ALL).await.unwrap().rows.pop() {
            let change = ApplicationChange { permissions: Some(ownership.permissions), ..Default::default() };
            self.env.update_application(known.id, change, &Expected::Any, &by()).await.unwrap().unwrap();
            return;
        }
        let application = NewApplication {
            id: new_id(),
            client_id: client.client_id.clone(),
            secret_hash: client.secret_hash.unwrap(),
            organization_id,
            resource_server_id: server.id,
            name: new.name.to_owned(),
            grant_type: match new.service_user {
                Some(_) => ApplicationGrant::ClientCredentials,
                None => ApplicationGrant::AuthorizationCode,
            },
            redirect_uri: new.redirect_uri.map(str::to_owned),
            ip_allow_list: ownership.allow_list,
            ip_allow_list_mode: ownership.allow_list_mode,
            permissions: ownership.permissions,
            notification_emails: Vec::new(),
            service_user: new.service_user,
        };
        self.env.create_application(application, &by()).await.unwrap();
    }

    fn is<T>(&self, id: paylent_domain::Id<T>) -> String {
        is(&self.database, &self.env, id)
    }
}

/// What is described of an application beside its client.
struct OwnedBy<'a> {
    organization: Option<&'a str>,
    name: &'a str,
    redirect_uri: Option<&'a str>,
    service_user: Option<Id<User>>,
}

fn new_client(client: &Client, user: Option<&Subject>) -> NewClient {
    NewClient {
        id: new_id(),
        client_id: client.client_id.clone(),
        name: "Machine".to_owned(),
        client_type: client.client_type,
        secret_hash: client.secret_hash,
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        backchannel_logout_uri: None,
        allowed_origins: Vec::new(),
        jwks: client.jwks.clone(),
        jwks_uri: client.jwks_uri.clone(),
        id_token_claims: client.id_token_claims,
        grant_types: client.grant_types.clone(),
        token_format: client.token_format,
        first_party: true,
        require_pkce: false,
        access_token_ttl: client.access_token_ttl,
        organization_usage: OrganizationUsage::None,
        user: user.map(|user| MachineUser::Existing(user.id)),
    }
}

impl StoreUnderTest for EnvUnderTest {
    async fn put_machine(&self, machine: Machine) {
        if machine.client.ownership.is_some() {
            let grant = &machine.grants[0];
            let scopes = grant.scopes.iter().map(|name| DescribedScope { name: name.to_owned(), description: None });
            let resource = Described {
                identifier: grant.resource.clone(),
                token_ttl: grant.token_ttl,
                allow_offline_access: true,
                scopes: scopes.collect(),
            };
            let service_user = machine.user.as_ref().map(|user| user.id);
            let owned = OwnedBy { organization: None, name: "Machine", redirect_uri: None, service_user };
            return self.put_owned(&machine.client, resource, owned).await;
        }
        if let Some(user) = &machine.user {
            self.put_user(user).await;
        }
        let client = self.put_client(machine.client, machine.user.as_ref()).await;
        for grant in machine.grants {
            self.put_grant(&client, grant).await;
        }
    }

    async fn put_application(&self, application: Application) {
        if application.client.ownership.is_some() {
            let owned = OwnedBy {
                organization: application.organization.as_deref(),
                name: &application.name,
                redirect_uri: application.redirect_uris.first().map(String::as_str),
                service_user: None,
            };
            return self.put_owned(&application.client, application.resource.clone().unwrap(), owned).await;
        }
        let client = self.put_client(application.client.clone(), None).await;
        let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let optional = |value: &Option<String>| value.as_deref().map_or("NULL".to_owned(), text);
        let list = |items: &[String]| text(&serde_json::Value::from(items.to_vec()).to_string());
        let Application { name, first_party, require_pkce, organization_usage, .. } = &application;
        let set = [
            format!("organization_usage = {}", text(organization_usage.as_str())),
            format!("name = {}, first_party = {first_party}, require_pkce = {require_pkce}", text(name)),
            format!("redirect_uris = {}", list(&application.redirect_uris)),
            format!("post_logout_redirect_uris = {}", list(&application.post_logout_redirect_uris)),
            format!("backchannel_logout_uri = {}", optional(&application.backchannel_logout_uri)),
        ];
        let this = self.is::<Registered>(client.id);
        self.database.execute(&format!("UPDATE clients SET {} WHERE {this}", set.join(", "))).await;
        if let Some(server) = application.resource {
            self.put_resource_server(server).await;
        }
    }

    async fn put_person(&self, subject: Subject, profile: Profile) {
        self.put_user(&subject).await;
        let change = UserChange {
            email: profile.email.map(|email| email.parse().unwrap()),
            first_name: Some(profile.given_name),
            last_name: Some(profile.family_name),
            ..UserChange::default()
        };
        self.env.update_user(subject.id, change, &Expected::Any, &by()).await.unwrap();
        let (verified, this) = (profile.email_verified, self.is::<User>(subject.id));
        let locale = profile.locale.map_or("NULL".to_owned(), |locale| format!("'{locale}'"));
        let set = format!("email_verified = {verified}, locale = {locale}");
        self.database.execute(&format!("UPDATE users SET {set} WHERE {this}")).await;
    }

    async fn put_session(&self, id: Id<Session>, user_id: Id<User>, expires_at: Timestamp) {
        let bytes = |bytes: &[u8]| self.database.bytes(bytes);
        let (environment, user) = (environment(&self.database, &self.env), bytes(user_id.as_bytes()));
        let (id, hash) = (bytes(id.as_bytes()), bytes(SecretHash::of(&id.to_string()).as_bytes()));
        let columns = "environment_id, id, user_id, token_hash, last_activity_at, expires_at, created_at, updated_at";
        // Used until its end: it expires before it is idle.
        let end = expires_at.micros();
        let values = format!("{environment}, {id}, {user}, {hash}, {end}, {end}, 0, 0");
        self.database.execute(&format!("INSERT INTO sessions ({columns}) VALUES ({values})")).await;
    }

    async fn narrow_connection(&self, id: Id<Connection>, scopes: &Scopes) {
        self.env.narrow_connection(id, scopes.clone(), &Expected::Any, &by()).await.unwrap().unwrap();
    }

    async fn disconnect(&self, id: Id<Connection>) {
        assert!(self.env.disconnect(id, &Expected::Any, &by()).await.unwrap());
    }

    async fn withdraw_consent(&self, user_id: Id<User>, client_id: &str) {
        self.env.withdraw_consent(user_id, client_id, &by()).await.unwrap();
    }

    async fn put_member(&self, user_id: Id<User>, belonging: Belonging, described: Member) {
        if self.env.organization(belonging.id).await.unwrap().is_none() {
            let new = NewOrganization { id: belonging.id, name: belonging.name, slug: belonging.slug };
            self.env.create_organization(new, &by()).await.unwrap();
        }
        let (user, organization) = (Some(user_id), Some(belonging.id));
        let theirs = MembershipFilter { user_id: user, organization_id: organization, within: None };
        let membership = match self.env.memberships(theirs, ALL).await.unwrap().rows.pop() {
            Some(known) => known,
            None => member(&self.env, user_id, belonging.id).await,
        };
        let held = MembershipRoleFilter { membership_id: Some(membership.id), ..MembershipRoleFilter::default() };
        for held in self.env.membership_roles(held, ALL).await.unwrap().rows {
            assert!(self.env.delete_membership_role(held.id, &Expected::Any, &by()).await.unwrap());
        }
        for name in described.roles {
            let permissions = described.permissions.iter().cloned().collect();
            let role = NewRole { id: new_id(), name, description: None, permissions };
            let role = self.env.create_role(role, &by()).await.unwrap();
            self.env.create_membership_role(membership_role(&membership, role.id), &by()).await.unwrap();
        }
    }

    async fn end_membership(&self, user_id: Id<User>, organization_id: Id<Organization>) {
        let theirs = MembershipFilter { user_id: Some(user_id), organization_id: Some(organization_id), within: None };
        for known in self.env.memberships(theirs, ALL).await.unwrap().rows {
            assert!(self.env.delete_membership(known.id, &Expected::Any, &by()).await.unwrap());
        }
    }

    async fn add_key(&self, key: GeneratedKey) {
        let key = NewSigningKey {
            id: new_id(),
            kid: key.kid,
            key_size: 2048,
            public_jwk: key.public_jwk,
            sealed_private_key: key.sealed,
            primary: true,
        };
        self.env.create_signing_key(key, &by()).await.unwrap();
    }

    async fn set_introspection_clients(&self, audience: &str, client_ids: &[&str]) {
        let mut clients = Vec::new();
        for client_id in client_ids {
            let named = ClientFilter { client_id: Some((*client_id).to_owned()), ..ClientFilter::default() };
            clients.push(self.env.clients(named, ALL).await.unwrap().rows[0].id);
        }
        let named = ResourceServerFilter { identifier: Some(audience.to_owned()), ..Default::default() };
        let server = self.env.resource_servers(named, ALL).await.unwrap().rows[0].id;
        self.env.link_introspection_clients(server, replace(clients), &by()).await.unwrap();
    }

    async fn deactivate_key(&self, kid: &str) {
        let keys = self.env.signing_keys(ALL).await.unwrap().rows;
        let key = keys.iter().find(|key| key.kid == kid).unwrap();
        self.env.deactivate_signing_key(key.id, &Expected::Any, &by()).await.unwrap();
    }

    async fn set_not_before(&self, moment: Timestamp) {
        let (moment, id) = (moment.micros(), environment(&self.database, &self.env));
        self.database.execute(&format!("UPDATE environments SET not_before = {moment} WHERE id = {id}")).await;
    }
}
