//! The short codes that people read in a mail and type: how they are drawn, and the keyed hash that is stored in their
//! place.

use std::fmt;

use crate::Error;
use crate::seal::{MasterKey, mac};
use crate::secret::{Secret, SecretHash, random_bytes};

/// There are so many codes.
const CODES: u32 = 1_000_000;
/// As many bits as it takes to count them.
const MASK: u32 = (1 << 20) - 1;

/// A new code: six digits, each of the million codes as likely as any other.
///
/// # Errors
/// [`Error::Randomness`].
pub fn generate() -> Result<Secret, Error> {
    let number = uniform(random_bytes)?;
    Ok(format!("{number:06}").into())
}

/// A number below [`CODES`]. What is drawn too high is drawn again: the rest of a division would favour low numbers.
fn uniform(mut draw: impl FnMut() -> Result<[u8; 4], Error>) -> Result<u32, Error> {
    loop {
        let number = u32::from_be_bytes(draw()?) & MASK;
        if number < CODES {
            return Ok(number);
        }
    }
}

/// The key that codes are hashed with. There are so few codes that a hash without a key would hide none of them from
/// somebody who has the database.
#[derive(Clone)]
pub struct PasscodeKey([u8; 32]);

impl PasscodeKey {
    /// The key for codes that follows from this installation's master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(master.derive("passcodes"))
    }

    /// What is stored of a code: HMAC-SHA-256 over the code and each part of the place where it is good, such as
    /// environment and flow. The hash of another place is another one.
    #[must_use]
    pub fn hash(&self, place: &[&[u8]], passcode: &str) -> SecretHash {
        // With their lengths, so that no two lists of parts make the same message.
        let message = place.iter().chain([&passcode.as_bytes()]).fold(Vec::new(), |mut message, part| {
            message.extend_from_slice(&(part.len() as u64).to_be_bytes());
            message.extend_from_slice(part);
            message
        });
        SecretHash::from_bytes(mac(&self.0, &message))
    }
}

impl fmt::Debug for PasscodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chi-square statistic of counts that should be equal.
    fn chi_square(counts: &[u32]) -> f64 {
        let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
        counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum()
    }

    #[test]
    fn ot_rng_a_million_codes_are_spread_evenly() {
        let (mut high, mut low, mut digits) = ([0_u32; 1_000], [0_u32; 1_000], [[0_u32; 10]; 6]);
        for _ in 0..1_000_000 {
            let number = uniform(random_bytes).unwrap() as usize;
            high[number / 1_000] += 1;
            low[number % 1_000] += 1;
            for (place, counts) in digits.iter_mut().enumerate() {
                counts[number / 10_usize.pow(place as u32) % 10] += 1;
            }
        }
        // A fair source exceeds these once in ten million runs: 999 and 9 degrees of freedom.
        for counts in [high, low] {
            let found = chi_square(&counts);
            assert!((780.0..1_250.0).contains(&found), "{found}");
        }
        for counts in digits {
            assert!(chi_square(&counts) < 52.0, "{counts:?}");
        }
    }

    #[test]
    fn ot_rng_the_test_sees_codes_that_are_not_even() {
        let mut counts = [1_000_u32; 1_000];
        // What the rest of a division of twenty bits would do: the lowest 48,576 codes come twice.
        counts.iter_mut().take(48).for_each(|count| *count = 2_000);
        assert!(chi_square(&counts) > 1_250.0);
    }

    #[test]
    fn ot_rng_what_is_drawn_too_high_is_drawn_again() {
        let mut drawn = [1_048_575_u32, 1_000_000, 999_999, 0].into_iter();
        assert_eq!(uniform(|| Ok(drawn.next().unwrap().to_be_bytes())).unwrap(), 999_999);
        assert_eq!(drawn.len(), 1);
        assert_eq!(uniform(|| Ok([0xff, 0xf0, 0, 7])).unwrap(), 7, "only twenty bits count");
    }

    #[test]
    fn ot_rng_without_randomness_there_is_no_code() {
        assert!(matches!(uniform(|| Err(Error::Randomness)), Err(Error::Randomness)));
    }

    #[test]
    fn ot_format_a_code_keeps_its_zeros() {
        let codes: Vec<Secret> = (0..200).map(|_| generate().unwrap()).collect();
        assert!(codes.iter().all(|code| code.expose().len() == 6));
        assert!(codes.iter().all(|code| code.expose().bytes().all(|byte| byte.is_ascii_digit())));
        assert!(codes.iter().any(|code| code.expose().starts_with('0')));
    }

    #[test]
    fn ot_store_a_code_is_hashed_with_a_key_and_for_one_place() {
        let key = PasscodeKey::new(&MasterKey::generate().unwrap());
        let here: [&[u8]; 2] = [b"environment", b"flow"];
        let hash = key.hash(&here, "004711");
        assert_eq!(hash, key.hash(&here, "004711"));
        assert_ne!(hash, key.hash(&here, "004712"));
        assert_ne!(hash, key.hash(&[b"environment", b"other"], "004711"));
        assert_ne!(hash, key.hash(&[b"environmentflow", b""], "004711"));
        assert_ne!(hash, PasscodeKey::new(&MasterKey::generate().unwrap()).hash(&here, "004711"));
        assert_ne!(hash, SecretHash::of("004711"));
        assert_eq!(format!("{key:?}"), "[redacted]");
    }
}
