//! The whole server in process, over real sockets, on both databases. Laid out by URL.

#![expect(unreachable_pub, reason = "modules of one test binary")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test is made of may panic like the test")]

mod support;

mod api_admins;
mod api_audit;
mod api_bodies;
mod api_client_grants;
mod api_client_rights;
mod api_clients;
mod api_lists;
mod api_protocol;
mod api_races;
mod api_resource_servers;
mod api_routes;
mod api_signing_keys;
mod api_tokens;
mod api_user_roles;
mod api_users;
mod api_walk;
mod canaries;
mod headers;
mod health;
mod host;
mod limits;
mod oauth_bearer;
mod oauth_bearer_signature;
mod oauth_body;
mod oauth_client_auth;
mod oauth_introspect;
mod oauth_revoke;
mod oauth_token;
mod raw_http;
mod statements;
mod well_known;
