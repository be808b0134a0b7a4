//! Signs a person in with the crate openidconnect, unmodified: as a public client, and with a secret in the header or
//! in the body.
//!
//! What the crate leaves to its caller: `state` and `iss` of the authorization response are compared here. It revokes
//! over https only: `send` makes plain connections nevertheless, since the tests have no certificate.

mod person;

use openidconnect::{
    AccessTokenHash, AdditionalProviderMetadata, AuthType, AuthenticationFlow, AuthorizationCode, ClientId,
    ClientSecret, CsrfToken, EmptyAdditionalClaims, IssuerUrl, LogoutProviderMetadata, LogoutRequest, Nonce,
    OAuth2TokenResponse, PkceCodeChallenge, PostLogoutRedirectUrl, ProviderMetadata, RedirectUrl, RequestTokenError,
    RevocationUrl, Scope, TokenResponse, core::*,
};
use person::{Browser, CALLBACK, SIGNED_OUT, parameter, register, send, setting};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What the crate does not look for by itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Revocation {
    revocation_endpoint: String,
}

impl AdditionalProviderMetadata for Revocation {}

type Metadata = ProviderMetadata<
    LogoutProviderMetadata<Revocation>,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

fn walk(attributes: Value, authentication: AuthType) {
    let issuer = setting("PAYLENT_TEST_API").trim_end_matches("/api").to_owned();
    let metadata = Metadata::discover(&IssuerUrl::new(issuer.clone()).unwrap(), &send).unwrap();
    let logout = metadata.additional_metadata().clone();
    let revocation = logout.additional_metadata.revocation_endpoint.replace("http://", "https://");
    let (id, secret) = register(attributes);
    let client = CoreClient::from_provider_metadata(metadata, ClientId::new(id), secret.map(ClientSecret::new))
        .set_auth_type(authentication)
        .set_redirect_uri(RedirectUrl::new(CALLBACK.to_owned()).unwrap())
        .set_revocation_url(RevocationUrl::new(revocation).unwrap());
    let browser = Browser::default();

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = || AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow(), CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let back = browser.follow(url);
    assert_eq!(parameter(&back, "state").as_ref(), Some(state.secret()));
    assert_eq!(parameter(&back, "iss"), Some(issuer));
    let code = AuthorizationCode::new(parameter(&back, "code").unwrap());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request(&send).unwrap();

    let (id_token, id_verifier) = (tokens.id_token().unwrap(), client.id_token_verifier());
    let claims = id_token.claims(&id_verifier, &nonce).unwrap();
    let (algorithm, key) = (id_token.signing_alg().unwrap(), id_token.signing_key(&id_verifier).unwrap());
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));

    let person = |token| {
        let request = client.user_info(token, Some(claims.subject().clone())).unwrap();
        request.request::<EmptyAdditionalClaims, CoreGenderClaim, _>(&send)
    };
    assert_eq!(**person(tokens.access_token().clone()).unwrap().email().unwrap(), setting("PAYLENT_TEST_EMAIL"));

    let refresh = |tokens: &CoreTokenResponse| {
        client.exchange_refresh_token(tokens.refresh_token().unwrap()).unwrap().request(&send)
    };
    let refreshed = refresh(&tokens).unwrap();
    assert_ne!(refreshed.refresh_token().unwrap().secret(), tokens.refresh_token().unwrap().secret());
    let repeated = refresh(&tokens).unwrap();
    assert_eq!(repeated.refresh_token().unwrap().secret(), refreshed.refresh_token().unwrap().secret());
    person(refreshed.access_token().clone()).unwrap();

    let revoke = |token: CoreRevocableToken| client.revoke_token(token).unwrap().request(&send).unwrap();
    revoke(refreshed.access_token().into());
    assert!(person(refreshed.access_token().clone()).is_err());
    revoke(refreshed.refresh_token().unwrap().into());
    let RequestTokenError::ServerResponse(refusal) = refresh(&refreshed).unwrap_err() else { panic!("no OAuth error") };
    assert_eq!(*refusal.error(), CoreErrorResponseType::InvalidGrant);

    let farewell = LogoutRequest::from(logout.end_session_endpoint.unwrap())
        .set_id_token_hint(id_token)
        .set_post_logout_redirect_uri(PostLogoutRedirectUrl::new(SIGNED_OUT.to_owned()).unwrap())
        .http_get_url();
    assert_eq!(browser.follow(farewell).as_str(), SIGNED_OUT);
    let silent = client.authorize_url(flow(), CsrfToken::new_random, Nonce::new_random);
    let (silent, ..) =
        silent.add_prompt(CoreAuthPrompt::None).set_pkce_challenge(PkceCodeChallenge::new_random_sha256().0).url();
    assert_eq!(parameter(&browser.follow(silent), "error").as_deref(), Some("login_required"));
}

fn main() {
    walk(json!({"client_type": "public"}), AuthType::RequestBody);
    walk(json!({"client_type": "confidential"}), AuthType::BasicAuth);
    walk(json!({"client_type": "confidential"}), AuthType::RequestBody);
}
