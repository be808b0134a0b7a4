//! The crate's behaviour, by its public interface, as one test binary.

#[cfg(test)]
mod common;
#[cfg(test)]
mod document;
#[cfg(test)]
mod incoming;
#[cfg(test)]
mod media_type;
#[cfg(test)]
mod page;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod query;
