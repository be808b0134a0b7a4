//! Section A17 (rl.*) of the security checks, as far as a limiter decides them.
#![cfg(test)]

use paylent_ratelimit::{AddressPrefix, Limiter, Quota, clock::FakeRelativeClock};
use std::{net::IpAddr, num::NonZeroU32, ops::Range, sync::Barrier, thread, time::Duration};

const SECOND: Duration = Duration::from_secs(1);
const PERIOD: Duration = Duration::from_secs(60);

fn per_minute(requests: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(requests).unwrap())
}

fn limiter<K: std::hash::Hash + Eq + Clone>(
    requests: u32,
    capacity: usize,
) -> (Limiter<K, FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    let limiter = Limiter::with_clock(per_minute(requests), capacity, clock.clone());
    (limiter, clock)
}

/// One request of each key, whatever the answer.
fn flood(limiter: &Limiter<u32, FakeRelativeClock>, keys: Range<u32>) {
    for key in keys {
        let _ = limiter.check(&key);
    }
}

/// rl.burst
#[test]
fn a_thousand_simultaneous_requests_get_exactly_the_burst() {
    for capacity in [0, 100_000] {
        let (limiter, _clock) = limiter(10, capacity);
        let start = Barrier::new(10);
        let hundred = || {
            start.wait();
            (0..100).filter(|_| limiter.check(&"key").is_ok()).count()
        };
        let admitted: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..10).map(|_| scope.spawn(hundred)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(admitted, 10, "capacity {capacity}");
    }
}

/// rl.limits
#[test]
fn waiting_exactly_retry_after_admits() {
    for (requests, offset) in [(10, 0), (10, 2_500), (7, 100), (1, 1), (100, 599), (1000, 5)] {
        let (limiter, clock) = limiter(requests, 1600);
        (0..requests).for_each(|_| limiter.check(&()).unwrap());
        clock.advance(Duration::from_millis(offset));
        let exceeded = limiter.check(&()).unwrap_err();
        assert!((1..=60).contains(&exceeded.seconds()), "{exceeded:?}");

        clock.advance(exceeded.retry_after - Duration::from_nanos(1));
        limiter.check(&()).unwrap_err();
        clock.advance(Duration::from_nanos(1));
        limiter.check(&()).unwrap();
    }
}

/// rl.limits: the header's whole seconds, not the exact wait.
#[test]
fn waiting_the_seconds_of_the_header_admits() {
    let (limiter, clock) = limiter(10, 1600);
    (0..10).for_each(|_| limiter.check(&()).unwrap());
    clock.advance(Duration::from_millis(1));
    let seconds = limiter.check(&()).unwrap_err().seconds();
    assert_eq!(seconds, 6);
    clock.advance(Duration::from_secs(seconds));
    limiter.check(&()).unwrap();
}

/// rl.order: the property of GCRA that keeps an impatient client from locking itself out.
#[test]
fn a_refusal_does_not_push_the_window_further() {
    let (limiter, clock) = limiter(10, 1600);
    (0..10).for_each(|_| limiter.check(&()).unwrap());
    for _ in 0..5 {
        clock.advance(SECOND);
        for _ in 0..1000 {
            limiter.check(&()).unwrap_err();
        }
    }
    clock.advance(SECOND);
    limiter.check(&()).unwrap();
}

/// rl.window: the decided number is 2 * requests - 1.
#[test]
fn a_window_of_one_period_holds_at_most_nineteen_of_ten_per_minute() {
    for (requests, step_ms) in [(10, 2000), (10, 100), (10, 6000), (7, 1), (100, 50)] {
        let (limiter, clock) = limiter(requests, 1600);
        let step = Duration::from_millis(step_ms);
        let in_one_window = PERIOD.as_millis() as u64 / step_ms;
        let window = || {
            (0..in_one_window)
                .filter(|_| {
                    let admitted = limiter.check(&()).is_ok();
                    clock.advance(step);
                    admitted
                })
                .count() as u32
        };
        let first = window();
        match step_ms {
            6000 => assert_eq!(first, 10, "never over the limit: never refused"),
            _ => assert_eq!(first, 2 * requests - 1),
        }
        assert_eq!(window(), requests, "in the long run, the limit");
    }
}

/// rl.v6
#[test]
fn rotating_through_one_ipv6_subnet_is_one_bucket() {
    let (limiter, _clock) = limiter(10, 1600);
    let admitted = |address: String| {
        let address: IpAddr = address.parse().unwrap();
        limiter.check(&AddressPrefix::from(address)).is_ok()
    };
    let rotated = (0..1000).filter(|n| admitted(format!("2001:db8::{n:x}:{n:x}")));
    assert_eq!(rotated.count(), 10);
    assert!(admitted("2001:db8:0:1::".into()));
}

/// rl.memory
#[test]
fn a_million_keys_stay_within_the_capacity_and_are_forgotten() {
    let (limiter, clock) = limiter(10, 16_000);
    for key in 0..1_000_000_u32 {
        let _ = limiter.check(&key);
        if key % 1000 == 0 {
            clock.advance(Duration::from_millis(1));
        }
    }
    assert!((15_000..=16_000).contains(&limiter.len()));
    clock.advance(PERIOD);
    limiter.forget_idle();
    assert!(limiter.is_empty());
}

#[test]
fn beyond_the_capacity_nobody_is_unlimited() {
    let (limiter, _clock) = limiter(10, 160);
    let admitted = (0..100_000).filter(|key| limiter.check(key).is_ok()).count();
    assert!(admitted <= 160 + 1024 * 10, "{admitted}");
    assert!((0..100_000).all(|key| { (0..11).any(|_| limiter.check(&key).is_err()) }));
}

#[test]
fn a_known_key_keeps_its_bucket_when_the_limiter_is_full() {
    let (limiter, _clock) = limiter(10, 160);
    limiter.check(&u32::MAX).unwrap();
    flood(&limiter, 0..100_000);
    (0..9).for_each(|_| limiter.check(&u32::MAX).unwrap());
    limiter.check(&u32::MAX).unwrap_err();
}

#[test]
fn room_returns_without_the_hosts_help() {
    let (limiter, clock) = limiter(1, 16_000);
    flood(&limiter, 0..100_000);
    clock.advance(2 * PERIOD);
    // The first new key finds the limiter full and sweeps; from then on there is room.
    flood(&limiter, 100_000..115_000);
    assert!((14_000..=15_000).contains(&limiter.len()), "{}", limiter.len());
}

#[test]
fn sweeping_keeps_the_keys_that_are_still_limited() {
    let (limiter, clock) = limiter(1, 1600);
    limiter.check(&"spent").unwrap();
    clock.advance(PERIOD - SECOND);
    limiter.forget_idle();
    assert_eq!(limiter.check(&"spent").unwrap_err().seconds(), 1);
}
