//! What the description says of each resource type. The unit tests hold it against the schemas that readers may ask for,
//! the tests of the crate against real answers.

mod applications;
mod audit;
mod clients;
mod connections;
mod environment;
mod mails;
mod oauth;
mod organizations;
mod rights;
mod users;
