//! How many requests a caller may make in which time.

use std::{num::NonZeroU32, time::Duration};

/// `requests` per `per`, as GCRA: a burst of `requests`, refilled one by one, evenly over `per`.
///
/// Any window of length `per` admits at most `2 * requests - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    requests: NonZeroU32,
    per: Duration,
}

/// A quota's period lies outside 1 second to 1 day, the range `Retry-After` can speak of usefully.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quota's period must be between 1 second and 1 day, not {0:?}")]
pub struct InvalidPeriod(pub Duration);

impl Quota {
    /// `requests` per `per`; `per` is between 1 second and 1 day.
    pub const fn new(requests: NonZeroU32, per: Duration) -> Result<Self, InvalidPeriod> {
        const DAY: u64 = 24 * 60 * 60;
        if per.as_secs() < 1 || per.as_nanos() > DAY as u128 * 1_000_000_000 {
            return Err(InvalidPeriod(per));
        }
        Ok(Self { requests, per })
    }

    /// `requests` per 60 seconds.
    #[must_use]
    pub const fn per_minute(requests: NonZeroU32) -> Self {
        Self { requests, per: Duration::from_secs(60) }
    }

    /// How many requests are admitted at once, and per period in the long run.
    #[must_use]
    pub const fn requests(&self) -> NonZeroU32 {
        self.requests
    }

    /// The time in which an empty bucket fills again.
    #[must_use]
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// The interval is rounded up to a nanosecond: rounded down, 7 per minute would be 14 in a window
    /// where at most 13 are promised.
    pub(crate) fn gcra(self) -> governor::Quota {
        let period = u64::try_from(self.per.as_nanos()).unwrap_or(u64::MAX);
        let interval = Duration::from_nanos(period.div_ceil(u64::from(self.requests.get())));
        governor::Quota::with_period(interval)
            .unwrap_or(governor::Quota::per_second(self.requests))
            .allow_burst(self.requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    #[test]
    fn a_period_is_between_a_second_and_a_day() {
        let second = Duration::from_secs(1);
        let day = Duration::from_secs(86_400);
        let nanosecond = Duration::from_nanos(1);
        for per in [second, day] {
            assert_eq!(Quota::new(requests(1), per).unwrap().per(), per);
        }
        for per in [Duration::ZERO, second - nanosecond, day + nanosecond] {
            assert_eq!(Quota::new(requests(1), per), Err(InvalidPeriod(per)));
        }
    }

    #[test]
    fn the_burst_is_the_limit_and_refills_evenly() {
        let gcra = Quota::per_minute(requests(10)).gcra();
        assert_eq!(gcra.burst_size(), requests(10));
        assert_eq!(gcra.replenish_interval(), Duration::from_secs(6));
        let gcra = Quota::per_minute(requests(7)).gcra();
        assert_eq!(gcra.replenish_interval(), Duration::from_nanos(8_571_428_572));
    }
}
