//! The engine against its RFCs: one file per RFC, each test a sentence that begins with its tag in the catalogue of
//! security checks.
#![expect(clippy::unwrap_used, reason = "what a test is made of may panic like the test")]

mod acting_for;
mod allow_list;
mod applications;
mod common;
mod consent;
mod debug_output;
mod embed_example;
mod faults;
mod oidc_backchannel_logout;
mod oidc_core_authentication;
mod oidc_core_id_token;
mod oidc_core_jwks_uri;
mod oidc_core_userinfo;
mod oidc_rpinitiated_logout;
mod refresh_rotation;
mod rfc6749_authorization_code;
mod rfc6749_authorization_endpoint;
mod rfc6749_client_authentication;
mod rfc6749_client_credentials;
mod rfc6749_redirect_uri;
mod rfc6749_refresh;
mod rfc6750_bearer;
mod rfc7009_revocation;
mod rfc7523_private_key_jwt;
mod rfc7636_pkce;
mod rfc7662_introspection;
mod rfc8252_loopback;
mod rfc8414_metadata;
mod rfc8707_resource_indicators;
mod rfc9068_jwt_access_token;
mod rfc9207_iss;
mod store_conformance;
