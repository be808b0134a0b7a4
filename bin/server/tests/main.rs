//! The program `paylent` as an operator runs it: the real binary, in a folder of its own.

#[cfg(test)]
#[path = "cli/config.rs"]
mod config;
#[cfg(test)]
#[path = "cli/mails_down.rs"]
mod mails_down;
#[cfg(test)]
#[path = "cli/migrate.rs"]
mod migrate;
#[cfg(test)]
#[path = "cli/paylent.rs"]
mod paylent;
#[cfg(test)]
#[path = "cli/serve.rs"]
mod serve;
#[cfg(test)]
#[path = "cli/setup.rs"]
mod setup;
