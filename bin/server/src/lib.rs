//! The server `paylent`: configuration, command line, logs, metrics and the life of the process.
//!
//! Owns what only a program may do: reading files, flags and environment variables, installing the log and the metrics
//! of the process, catching signals. Builds the rooms from a [`config::Config`] and hands them to [`app`]. Called by
//! `main.rs`, and by tests that want a whole server in process. Refuses to know rules: who may do what, what a request
//! means and how it is stored are the business of the libraries.

#![deny(missing_docs)]

pub mod app;
pub mod cli;
pub mod config;
mod front_door;
pub mod jobs;
pub mod limits;
pub mod logging;
pub mod master_key;
pub mod metrics;
mod post;
mod refusal;
mod remote_keys;
mod request_metrics;
mod unread;
