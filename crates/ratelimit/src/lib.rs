//! Request quotas kept in the memory of one node.
//!
//! **Owns** the arithmetic of a quota (GCRA, by the `governor` crate), one bucket per key with bounded
//! memory, and the address prefix that stands for one client.
//!
//! **Called by** `bin/server`, which chooses quotas and keys, and by any other host.
//!
//! **Refuses to know** environments, proxies and error formats: the host says who calls (a tenant id and an
//! address it has resolved itself) and renders the refusal. It never reads the wall clock, so moving the
//! system time neither opens nor closes a bucket.
//!
//! # What a quota of 10 per minute promises
//!
//! Ten requests at once are admitted, then one more every 6 seconds. So one window of 60 seconds can hold
//! 10 + 9 = **19** admitted requests when a caller empties its burst and then uses each place as it comes
//! free; over time the rate is 10 per minute. A refused request costs nothing: it does not move the
//! moment at which the next one is admitted. The count is per node: N nodes admit up to N times as much.
//!
//! ```
//! use paylent_ratelimit::{Limiter, Quota};
//! use std::{num::NonZeroU32, time::Duration};
//!
//! let quota = Quota::new(NonZeroU32::MIN, Duration::from_secs(60))?;
//! let limiter = Limiter::new(quota);
//! assert!(limiter.check(&"alice").is_ok());
//! assert_eq!(limiter.check(&"alice").unwrap_err().seconds(), 60);
//! assert!(limiter.check(&"bob").is_ok());
//! # Ok::<(), paylent_ratelimit::InvalidPeriod>(())
//! ```
#![deny(missing_docs)]

mod address;
mod limiter;
mod quota;
mod store;

pub use address::AddressPrefix;
/// The clocks a [`Limiter`] can run on; tests advance a `FakeRelativeClock` by hand.
pub use governor::clock;
pub use limiter::{DEFAULT_CAPACITY, Exceeded, Limiter};
pub use quota::{InvalidPeriod, Quota};
