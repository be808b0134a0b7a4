//! The Management API over HTTP, on a SQLite database with one environment.

#![expect(clippy::unwrap_used, reason = "what a test is made of may panic like the test")]

mod bad_input;
mod conformance;
mod harness;
mod openapi;
mod policy_matrix;
mod walk;
