//! Identifiers: UUIDv7, typed by what they name, so that a role's id cannot be passed for a user's.

use std::{fmt, hash, marker::PhantomData, str::FromStr};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::clock::Timestamp;

/// The id of one `T`: a UUIDv7 (RFC 9562), unique over all environments.
pub struct Id<T> {
    uuid: Uuid,
    kind: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// Makes an id from the time and ten random bytes, both supplied by the caller. The microseconds go into the twelve
    /// bits after the milliseconds (RFC 9562 section 6.2, method 3), so ids sort exactly as the moments they were made.
    #[must_use]
    pub fn new(now: Timestamp, mut random: [u8; 10]) -> Self {
        let micros = u64::try_from(now.micros()).unwrap_or(0);
        let milliseconds = micros / 1_000;
        let fraction = (micros % 1_000) * 4_096 / 1_000;
        random[..2].copy_from_slice(&u16::try_from(fraction).unwrap_or(0).to_be_bytes());
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid())
    }

    /// The least id that can be made at `moment`: every earlier id sorts before it.
    #[must_use]
    pub fn least_at(moment: Timestamp) -> Self {
        Self::new(moment, [0; 10])
    }

    /// The sixteen bytes, as databases store them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.uuid.as_bytes()
    }

    /// An id read back from its sixteen bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_uuid(Uuid::from_bytes(bytes))
    }

    /// An id from the 32 hexadecimal digits that a database writes it in.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn from_hex(digits: &str) -> Result<Self, NotAnId> {
        if digits.len() != 32 {
            return Err(NotAnId);
        }
        Uuid::try_parse(digits).map(Self::from_uuid).map_err(|_| NotAnId)
    }

    /// The same number as the id of another kind of thing, where two rows share one identity.
    #[must_use]
    pub fn cast<U>(self) -> Id<U> {
        Id::from_uuid(self.uuid)
    }

    fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }
}

/// The text is not a UUID in its hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAnId;

impl<T> FromStr for Id<T> {
    type Err = NotAnId;

    /// Accepts the 36-character hyphenated form only, in either case; braced, URN and bare forms are refused.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != 36 {
            return Err(NotAnId);
        }
        Uuid::try_parse(text).map(Self::from_uuid).map_err(|_| NotAnId)
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.hyphenated().fmt(f)
    }
}
impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let earlier = Id::<()>::new(Timestamp::from_seconds(1_000), [0xff; 10]);
        let later = Id::<()>::new(Timestamp::from_seconds(1_001), [0; 10]);
        assert!(earlier < later);
        let a_microsecond_later = Id::<()>::new(Timestamp::from_micros(1_000_000_001), [0; 10]);
        assert!(earlier < a_microsecond_later && a_microsecond_later < later);
    }

    #[test]
    fn ap_uuid_only_the_hyphenated_form_is_an_id() {
        let id = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(id.parse::<Id<()>>().unwrap().to_string(), id);
        assert_eq!(id.to_uppercase().parse::<Id<()>>().unwrap().to_string(), id);
        for odd in [
            "550e8400e29b41d4a716446655440000",
            "{550e8400-e29b-41d4-a716-446655440000}",
            "urn:uuid:550e8400-e29b-41d4-a716-446655440000",
            "550e8400-e29b-41d4-a716-44665544000g",
            "..;",
            "",
        ] {
            assert_eq!(odd.parse::<Id<()>>(), Err(NotAnId), "{odd}");
        }
    }
}
