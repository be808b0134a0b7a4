//! RFC 6749 section 4.4, the client credentials grant. Checks `te.*`, and every branch of decision 14: for which
//! resource server a token is when the request does not say.

use paylent_domain::{client::GrantType, scope::MAX_SCOPES};
use paylent_oauth::{
    ErrorCode::{InvalidRequest, InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType},
    Store, TokenRequest,
    crypto::secret::{SecretHash, SecretKind},
};

use crate::common::{API, Environment, HERE, ISSUER, OTHER_API, Registered, assert_refused, form, grant, opaque};

/// The audience, scopes and lifetime of the token that these parameters get, or the refusal.
async fn ask(
    environment: &Environment,
    client: &Registered,
    parameters: &[(&str, &str)],
) -> Result<(String, String, i32), paylent_oauth::Error> {
    let reply = environment.token(client, parameters).await?;
    let described = environment.introspect(client, reply.access_token.expose()).await?;
    assert_eq!(described.scope, reply.scope, "the token says the scopes that the reply says");
    Ok((described.aud.unwrap(), reply.scope.unwrap_or_default(), reply.expires_in.unwrap()))
}

fn token_for(audience: &str, scopes: &str) -> (String, String, i32) {
    (audience.to_owned(), scopes.to_owned(), 3_600)
}

#[tokio::test]
async fn a_machine_gets_a_bearer_token() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let reply = environment.token(&client, &[("scope", "documents:write documents:read")]).await.unwrap();
    let token = reply.access_token.expose().to_owned();
    let json = serde_json::to_value(&reply).unwrap();
    let expected = serde_json::json!({
        "access_token": token, "token_type": "Bearer", "expires_in": 3600, "scope": "documents:read documents:write"
    });
    assert_eq!(json, expected);
}

#[tokio::test]
async fn an_opaque_token_is_kept_as_its_hash_with_all_that_it_is_worth() {
    let environment = Environment::new();
    let client = environment.client(opaque);
    let token = environment.issued_to(&client).await;
    assert_eq!(SecretKind::of(&token), Some(SecretKind::AccessToken));
    let (stored, _) = environment.store.access_token(&SecretHash::of(&token)).await.unwrap().unwrap();
    assert_eq!((stored.client_id.as_str(), stored.audience.as_str()), (client.id(), API));
    assert_eq!(stored.user_id, client.machine.user.unwrap().id);
    assert_eq!(stored.scopes.to_string(), "documents:read documents:write");
    assert_eq!(stored.expires_at, Some(stored.issued_at.plus_seconds(3_600)));
}

#[tokio::test]
async fn two_requests_get_two_tokens() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(change);
        assert_ne!(environment.issued_to(&client).await, environment.issued_to(&client).await);
    }
}

#[tokio::test]
async fn te_grant_bad_other_grant_types_are_not_supported() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    for grant_type in
        ["password", "implicit", "device_code", "urn:x", "Client_Credentials", "client_credentials ", "token"]
    {
        assert_refused(
            TokenRequest::parse(&[], client.form(&[("grant_type", grant_type)]), HERE),
            UnsupportedGrantType,
        );
    }
    assert_refused(TokenRequest::parse(&[], client.form(&[]), HERE), InvalidRequest);
    assert_refused(TokenRequest::parse(&[], client.form(&[("grant_type", "")]), HERE), InvalidRequest);
}

#[tokio::test]
async fn te_grant_na_a_client_without_the_grant_is_refused() {
    let environment = Environment::new();
    let grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let client = environment.client(|machine| machine.client.grant_types = grants);
    assert_refused(environment.token(&client, &[]).await, UnauthorizedClient);
    let public = environment.public_client();
    assert!(public.machine.client.grant_types.contains(&GrantType::ClientCredentials));
    assert_refused(environment.token(&public, &[]).await, UnauthorizedClient);
}

#[tokio::test]
async fn a_client_for_whom_no_active_user_acts_is_refused() {
    let environment = Environment::new();
    let nobody = environment.client(|machine| machine.user = None);
    assert_refused(environment.token(&nobody, &[]).await, UnauthorizedClient);
    let dismissed = environment.client(|machine| machine.user.iter_mut().for_each(|user| user.active = false));
    assert_refused(environment.token(&dismissed, &[]).await, UnauthorizedClient);
}

#[tokio::test]
async fn te_cc_scope_a_scope_outside_the_grant_is_refused() {
    let environment = Environment::new();
    let scopes = "documents:read documents:write users:read";
    let client = environment.client(|machine| machine.grants = vec![grant(API, scopes, Some("documents:read"))]);
    for scope in ["documents:write", "documents:read documents:write", "users:read"] {
        assert_refused(environment.token(&client, &[("scope", scope)]).await, InvalidScope);
        assert_refused(environment.token(&client, &[("scope", scope), ("resource", API)]).await, InvalidScope);
    }
    assert_refused(environment.token(&client, &[("scope", "unknown:read"), ("resource", API)]).await, InvalidScope);
    let many: String = (0..=MAX_SCOPES).map(|n| format!("s{n} ")).collect();
    for malformed in ["documents:read\ndocuments:write", "a\"b", "a\\b", "\u{e9}", &many, &"a".repeat(101)] {
        assert_refused(environment.token(&client, &[("scope", malformed)]).await, InvalidScope);
    }
}

#[tokio::test]
async fn te_cc_resource_a_resource_that_was_not_granted_is_refused() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    for resource in
        [OTHER_API, "https://id.example.com/api", ISSUER, "https://API.example.com", "https://api.example.com/"]
    {
        assert_refused(environment.token(&client, &[("resource", resource)]).await, InvalidTarget);
    }
    let without_grants = environment.client(|machine| machine.grants.clear());
    assert_refused(environment.token(&without_grants, &[("resource", ISSUER)]).await, InvalidTarget);
}

#[tokio::test]
async fn te_cc_resource_without_one_a_token_is_never_for_an_api_that_was_not_granted() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(|machine| {
            machine.grants.clear();
            change(machine);
        });
        let token = environment.issued_to(&client).await;
        for audience in [API, OTHER_API, "https://id.example.com/api"] {
            assert!(environment.engine.bearer(&token, audience, HERE).await.is_err(), "{audience}");
        }
        assert!(environment.engine.bearer(&token, ISSUER, HERE).await.is_ok());
    }
}

#[tokio::test]
async fn allowed_scopes_null_means_all_empty_means_none() {
    let environment = Environment::new();
    let scopes = "a b c";
    let all = environment.client(|machine| machine.grants = vec![grant(API, scopes, None)]);
    assert_eq!(ask(&environment, &all, &[]).await.unwrap(), token_for(API, "a b c"));
    assert_eq!(ask(&environment, &all, &[("scope", "c a")]).await.unwrap(), token_for(API, "a c"));

    let none = environment.client(|machine| machine.grants = vec![grant(API, scopes, Some(""))]);
    assert_eq!(ask(&environment, &none, &[]).await.unwrap(), token_for(API, ""));
    assert_refused(environment.token(&none, &[("scope", "a")]).await, InvalidScope);

    let some = environment.client(|machine| machine.grants = vec![grant(API, scopes, Some("b c"))]);
    assert_eq!(ask(&environment, &some, &[]).await.unwrap(), token_for(API, "b c"));
    assert_eq!(ask(&environment, &some, &[("scope", "c")]).await.unwrap(), token_for(API, "c"));
    assert_refused(environment.token(&some, &[("scope", "a")]).await, InvalidScope);
}

#[tokio::test]
async fn an_allowed_scope_that_the_resource_server_lost_is_not_given() {
    let environment = Environment::new();
    let client = environment.client(|machine| machine.grants = vec![grant(API, "a", Some("a gone"))]);
    assert_eq!(ask(&environment, &client, &[]).await.unwrap(), token_for(API, "a"));
    assert_refused(environment.token(&client, &[("scope", "gone"), ("resource", API)]).await, InvalidScope);
}

#[tokio::test]
async fn without_resource_the_scopes_choose_the_resource_server() {
    let environment = Environment::new();
    let client = environment.client(|machine| {
        machine.grants = vec![grant(API, "shared read", None), grant(OTHER_API, "shared write", Some("write"))];
    });
    assert_eq!(ask(&environment, &client, &[("scope", "read")]).await.unwrap(), token_for(API, "read"));
    assert_eq!(ask(&environment, &client, &[("scope", "shared read")]).await.unwrap(), token_for(API, "read shared"));
    assert_eq!(ask(&environment, &client, &[("scope", "write")]).await.unwrap(), token_for(OTHER_API, "write"));
    // Two servers have the scope, none has them all, none has it.
    for scope in ["shared", "read write", "unknown"] {
        assert_refused(environment.token(&client, &[("scope", scope)]).await, InvalidTarget);
    }
    // The server is clear, its grant is not enough.
    assert_refused(environment.token(&client, &[("scope", "shared write")]).await, InvalidScope);
}

#[tokio::test]
async fn without_resource_and_scope_the_only_grant_chooses() {
    let environment = Environment::new();
    let one = environment.client(|_| {});
    assert_eq!(ask(&environment, &one, &[]).await.unwrap().0, API);
    let two = environment.client(|machine| machine.grants.push(grant(OTHER_API, "a", Some(""))));
    assert_refused(environment.token(&two, &[]).await, InvalidTarget);
    assert_eq!(ask(&environment, &two, &[("resource", OTHER_API)]).await.unwrap(), token_for(OTHER_API, ""));
}

#[tokio::test]
async fn without_grants_the_token_is_for_the_issuer_and_an_hour() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let client = environment.client(|machine| {
            machine.grants.clear();
            change(machine);
        });
        assert_eq!(ask(&environment, &client, &[]).await.unwrap(), token_for(ISSUER, ""));
        let asked = ask(&environment, &client, &[("scope", "openid offline_access")]).await.unwrap();
        assert_eq!(asked, token_for(ISSUER, ""));
        assert_refused(environment.token(&client, &[("scope", "documents:read")]).await, InvalidTarget);
    }
}

#[tokio::test]
async fn with_resource_the_scopes_must_be_its_own() {
    let environment = Environment::new();
    let client = environment.client(|machine| {
        machine.grants = vec![grant(API, "shared read", None), grant(OTHER_API, "shared write", None)];
    });
    let asked = |resource, scope| [("resource", resource), ("scope", scope)];
    let token = ask(&environment, &client, &asked(OTHER_API, "shared")).await.unwrap();
    assert_eq!(token, token_for(OTHER_API, "shared"));
    assert_refused(environment.token(&client, &asked(OTHER_API, "read")).await, InvalidScope);
    assert_refused(environment.token(&client, &asked(API, "shared write")).await, InvalidScope);
}

#[tokio::test]
async fn openid_connect_scopes_say_nothing_about_a_machine() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let asked = ask(&environment, &client, &[("scope", "openid profile email offline_access documents:read")]).await;
    assert_eq!(asked.unwrap(), token_for(API, "documents:read"));
}

#[tokio::test]
async fn te_empty_an_empty_parameter_is_an_omitted_one_and_unknown_ones_are_ignored() {
    let environment = Environment::new();
    let client = environment.client(|_| {});
    let parameters = [("scope", ""), ("resource", ""), ("audience", OTHER_API), ("subject", "admin")];
    let asked = ask(&environment, &client, &parameters).await.unwrap();
    assert_eq!(asked, ask(&environment, &client, &[]).await.unwrap());
    let spaces = ask(&environment, &client, &[("scope", "   ")]).await.unwrap();
    assert_eq!(spaces, ask(&environment, &client, &[]).await.unwrap());
}

#[tokio::test]
async fn a_token_lives_as_long_as_the_resource_server_says_unless_the_client_says_otherwise() {
    let environment = Environment::new();
    for change in [|_: &mut _| {}, opaque] {
        let mut client = environment.client(|machine| {
            machine.grants[0].token_ttl = 600;
            change(machine);
        });
        assert_eq!(ask(&environment, &client, &[]).await.unwrap().2, 600);
        for own in [60, 86_400] {
            environment.change(&mut client, |machine| machine.client.access_token_ttl = Some(own));
            assert_eq!(ask(&environment, &client, &[]).await.unwrap().2, own);
        }
        environment.change(&mut client, |machine| machine.grants.clear());
        assert_eq!(ask(&environment, &client, &[]).await.unwrap(), (ISSUER.to_owned(), String::new(), 86_400));
    }
}

#[tokio::test]
async fn client_credentials_are_needed_to_ask() {
    let error = TokenRequest::parse(&[], form(&[("grant_type", "client_credentials")]), HERE).unwrap_err();
    assert_eq!(error.code.status(), 401);
}
