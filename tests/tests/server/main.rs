//! The whole server in process, over real sockets, on both databases. Laid out by URL.

#![expect(unreachable_pub, reason = "modules of one test binary")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what a test is made of may panic like the test")]

mod support;

mod api_admins;
mod api_audit;
mod api_audit_events;
mod api_bodies;
mod api_client_grants;
mod api_client_rights;
mod api_client_secrets;
mod api_clients;
mod api_etag;
mod api_filters;
mod api_idempotency;
mod api_immediate;
mod api_include;
mod api_invitations;
mod api_isolation;
mod api_link_writes;
mod api_links;
mod api_lists;
mod api_organizations;
mod api_permissions;
mod api_policy_matrix;
mod api_primary_key;
mod api_protocol;
mod api_race_writes;
mod api_races;
mod api_resource_server_changes;
mod api_resource_servers;
mod api_rights;
mod api_roles;
mod api_routes;
mod api_scopes;
mod api_sessions;
mod api_signing_keys;
mod api_sorts;
mod api_statements;
mod api_tokens;
mod api_user_roles;
mod api_users;
mod api_walk;
mod at_once;
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
