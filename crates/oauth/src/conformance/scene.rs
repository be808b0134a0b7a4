//! A person, an application and a session in the store under test, and what they would be issued.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    Id, Timestamp,
    allow_list::{AllowList, AllowListMode},
    application::ACCESS_TOKEN_TTL,
    client::{GrantType, OrganizationUsage, TokenFormat},
    session::Session,
};

use super::{
    StoreUnderTest,
    fixtures::{NOW, answer, client_in_order, machine, random, scopes, unique},
};
use crate::store::{
    Application, AuthorizationCode, Client, DescribedScope, Exchange, Exchanged, Family, OpaqueToken, Ownership,
    Parties, Profile, RefreshToken, ResourceServer, Rotation, Subject,
};

pub(super) struct Scene {
    pub(super) application: Application,
    pub(super) subject: Subject,
    pub(super) profile: Profile,
    pub(super) session_id: Id<Session>,
    pub(super) session_expires_at: Timestamp,
}

impl Scene {
    /// Puts all of it into the store.
    pub(super) async fn set<S: StoreUnderTest>(store: &S) -> Self {
        Self::with(store, application()).await
    }

    /// The same with an application of an organization.
    pub(super) async fn of_an_application<S: StoreUnderTest>(store: &S) -> Self {
        let plain = application();
        let client = Client {
            token_format: TokenFormat::Opaque,
            access_token_ttl: Some(ACCESS_TOKEN_TTL),
            generation: 0,
            ownership: Some(ownership()),
            ..plain.client
        };
        let application = Application {
            client,
            organization: Some("Zoë's \"bakery\"".to_owned()),
            first_party: false,
            require_pkce: false,
            redirect_uris: plain.redirect_uris[..1].to_vec(),
            post_logout_redirect_uris: Vec::new(),
            backchannel_logout_uri: None,
            ..plain
        };
        Self::with(store, application).await
    }

    /// Somebody with this application.
    pub(super) async fn with<S: StoreUnderTest>(store: &S, application: Application) -> Self {
        let scene = Self::new(application);
        store.put_application(scene.application.clone()).await;
        store.put_person(scene.subject.clone(), scene.profile.clone()).await;
        store.put_session(scene.session_id, scene.subject.id, scene.session_expires_at).await;
        scene
    }

    fn new(application: Application) -> Self {
        Self {
            application,
            subject: Subject {
                id: Id::new(NOW, random()),
                active: true,
                generation: 5,
                roles: vec![format!("clerk {}", unique())],
                permissions: vec!["users:read".to_owned(), "users:update".to_owned()],
            },
            profile: Profile {
                given_name: Some("Zoë \"漢字\"".to_owned()),
                family_name: Some("O'Brien".to_owned()),
                email: Some(format!("{}@example.com", unique())),
                email_verified: true,
                locale: Some("nl".to_owned()),
                updated_at: NOW,
            },
            session_id: Id::new(NOW, random()),
            session_expires_at: Timestamp::from_micros(NOW.micros() + 1_000_000_000_001),
        }
    }

    pub(super) fn audience(&self) -> String {
        self.application.resource.as_ref().map(|server| server.identifier.clone()).unwrap_or_default()
    }

    /// A code of this scene that was not saved yet.
    pub(super) fn code(&self) -> AuthorizationCode {
        AuthorizationCode {
            hash: SecretHash::from_bytes(random()),
            request_id: unique(),
            client_id: self.application.client.client_id.clone(),
            user_id: self.subject.id,
            session_id: self.session_id,
            redirect_uri: "https://app.example.com/cb?it's=a&b=%20".to_owned(),
            redirect_uri_sent: true,
            audience: self.audience(),
            scopes: scopes(&["openid", "documents:read", "it's:{a,b}[%_]"]),
            nonce: Some("n '\"\u{1F642}".to_owned()),
            code_challenge: Some(SecretHash::from_bytes(random())),
            auth_time: Timestamp::from_micros(NOW.micros() - 60_000_001),
            amr: vec!["pwd".to_owned(), "otp".to_owned()],
            id_token_claims: vec!["email".to_owned(), "name".to_owned()],
            organization_id: None,
            for_organization: false,
            issued_at: NOW,
            expires_at: Timestamp::from_micros(NOW.micros() + 60_000_001),
            client_generation: self.application.client.generation,
            user_generation: self.subject.generation,
        }
    }

    /// A code that was saved.
    pub(super) async fn saved_code<S: StoreUnderTest>(&self, store: &S) -> AuthorizationCode {
        let code = self.code();
        assert!(answer(store.save_code(code.clone(), None).await, "a code can be saved"), "its request is new");
        code
    }

    /// What a code would be exchanged for.
    pub(super) fn exchange(&self, code: &AuthorizationCode) -> Exchange {
        let family = Family {
            id: Id::new(NOW, random()),
            client_id: code.client_id.clone(),
            user_id: code.user_id,
            session_id: code.session_id,
            audience: code.audience.clone(),
            scopes: code.scopes.clone(),
            auth_time: code.auth_time,
            amr: code.amr.clone(),
            id_token_claims: code.id_token_claims.clone(),
            organization_id: code.organization_id,
            created_at: Timestamp::from_micros(NOW.micros() + 7),
            client_generation: code.client_generation,
            user_generation: code.user_generation,
        };
        let (refresh, access) = (Some(refresh_token(&family)), Some(access_token(&family)));
        Exchange { code: code.hash, family, refresh, access }
    }

    /// A code that was exchanged.
    pub(super) async fn exchanged<S: StoreUnderTest>(&self, store: &S) -> Issued {
        self.exchanged_with(store, |_| {}).await
    }

    /// A code that was exchanged, after it was changed like this.
    pub(super) async fn exchanged_with<S: StoreUnderTest>(
        &self,
        store: &S,
        change: impl FnOnce(&mut AuthorizationCode),
    ) -> Issued {
        let mut code = self.code();
        change(&mut code);
        assert!(answer(store.save_code(code.clone(), None).await, "a code can be saved"), "its request is new");
        let exchange = self.exchange(&code);
        let done = answer(store.exchange(exchange.clone()).await, "a code can be exchanged");
        assert_eq!(done, Exchanged::Done, "a code can be exchanged");
        let Exchange { family, refresh: Some(refresh), access: Some(access), .. } = exchange else {
            panic!("the scene makes both tokens")
        };
        Issued { code, family, refresh, access }
    }

    /// Those that this scene's tokens depend on, in one order.
    pub(super) fn parties(&self) -> Parties {
        in_order(Parties {
            client: self.application.client.clone(),
            subject: self.subject.clone(),
            profile: self.profile.clone(),
            session_expires_at: Some(self.session_expires_at),
            resource: self.application.resource.clone(),
            primary_kid: None,
            not_before: NOW,
        })
    }
}

/// What a code was exchanged for.
pub(super) struct Issued {
    pub(super) code: AuthorizationCode,
    pub(super) family: Family,
    pub(super) refresh: RefreshToken,
    pub(super) access: OpaqueToken,
}

impl Issued {
    /// A use of the refresh token.
    pub(super) fn rotation(&self) -> Rotation {
        rotation(&self.refresh, &self.family)
    }
}

pub(super) fn rotation(presented: &RefreshToken, family: &Family) -> Rotation {
    Rotation {
        presented: presented.hash,
        at: Timestamp::from_micros(NOW.micros() + 11),
        parameters: random(),
        response: [&[0, 0xff], random::<64>().as_slice(), &[0]].concat(),
        successor: refresh_token(family),
        access: Some(access_token(family)),
    }
}

/// What binds an application that a new organization owns.
pub(super) fn ownership() -> Ownership {
    Ownership {
        organization_id: Id::new(NOW, random()),
        permissions: scopes(&["documents:read", "documents:write"]),
        allow_list: allow_list(),
        allow_list_mode: AllowListMode::Observe,
    }
}

fn allow_list() -> AllowList {
    match AllowList::parse(["203.0.113.0/24", "2001:db8::5"]) {
        Ok(list) => list,
        Err((_, reason)) => panic!("an allow list {reason}"),
    }
}

/// A confidential client with a resource server of its own.
pub(super) fn application() -> Application {
    let grant_types = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let client = Client { grant_types, generation: 2, ..machine().client };
    let scope = |name: &str, description: Option<&str>| DescribedScope {
        name: name.to_owned(),
        description: description.map(str::to_owned),
    };
    Application {
        client,
        name: format!("Zoë's \"app\" {}", unique()),
        organization: None,
        first_party: true,
        require_pkce: true,
        organization_usage: OrganizationUsage::Optional,
        redirect_uris: vec!["https://app.example.com/cb?it's=a&b=%20".to_owned(), "http://127.0.0.1/cb".to_owned()],
        post_logout_redirect_uris: vec!["https://app.example.com/bye?a=b".to_owned()],
        backchannel_logout_uri: Some("https://app.example.com/out".to_owned()),
        resource: Some(ResourceServer {
            identifier: format!("https://{}.example.com/it's?a=b&c=%20", unique().to_lowercase()),
            token_ttl: 900,
            allow_offline_access: true,
            scopes: vec![
                scope("documents:read", Some("Read \"documents\", it's {all} [of] them")),
                scope("documents:write", None),
                scope("it's:{a,b}[%_]", None),
            ],
        }),
    }
}

fn refresh_token(family: &Family) -> RefreshToken {
    RefreshToken {
        hash: SecretHash::from_bytes(random()),
        family_id: family.id,
        issued_at: Timestamp::from_micros(NOW.micros() + 7),
        expires_at: Timestamp::from_micros(NOW.micros() + 90_000_000_001),
    }
}

fn access_token(family: &Family) -> OpaqueToken {
    OpaqueToken {
        hash: SecretHash::from_bytes(random()),
        client_id: family.client_id.clone(),
        user_id: family.user_id,
        audience: family.audience.clone(),
        scopes: family.scopes.clone(),
        issued_at: Timestamp::from_micros(NOW.micros() + 7),
        expires_at: Some(Timestamp::from_micros(NOW.micros() + 3_600_000_001)),
        client_generation: family.client_generation,
        user_generation: family.user_generation,
        family_id: Some(family.id),
        organization_id: family.organization_id,
    }
}

/// The same parties with their lists in one order, and without what other checks look at: key, cut-off and the moment
/// of the last change, which a store may set itself.
pub(super) fn in_order(mut parties: Parties) -> Parties {
    parties.client = client_in_order(parties.client);
    parties.subject.roles.sort();
    parties.subject.permissions.sort();
    parties.resource.iter_mut().for_each(server_in_order);
    let profile = Profile { updated_at: NOW, ..parties.profile };
    Parties { profile, primary_kid: None, not_before: NOW, ..parties }
}

pub(super) fn server_in_order(server: &mut ResourceServer) {
    server.scopes.sort_by(|a, b| a.name.cmp(&b.name));
}
