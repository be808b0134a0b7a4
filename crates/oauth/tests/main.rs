//! The engine against its RFCs: one file per RFC, each test a sentence that begins with its tag in the catalogue of
//! security checks.
#![expect(clippy::unwrap_used, reason = "what a test is made of may panic like the test")]

mod common;
mod debug_output;
mod embed_example;
mod faults;
mod rfc6749_client_authentication;
mod rfc6749_client_credentials;
mod rfc6750_bearer;
mod rfc7009_revocation;
mod rfc7662_introspection;
mod rfc8414_metadata;
mod rfc8707_resource_indicators;
mod rfc9068_jwt_access_token;
mod store_conformance;
