//! The rows of a seeded environment. Each follows from its number alone, so that an interrupted seeding can go on, and
//! a measurement knows whom to look for.

use openssl::sha::sha256;
use std::{fmt::Write, ops::Range};

/// When the first user was made, and the time to the next one, in microseconds.
const FIRST: i64 = 1_735_689_600_000_000;
const STEP: i64 = 10_123_457;
/// From a user's creation to that of its roles and memberships.
const LATER: i64 = 1_000_000;
/// One user in so many has the role.
const ROLE_EVERY: u64 = 10;
/// The domain of all addresses: who has one in it was seeded.
const DOMAIN: &str = "seeded.example.com";
/// As long as a real one, and the hash of no password.
const PASSWORD_HASH: &str = "$argon2id$v=19$m=131072,t=4,p=8$AAAAAAAAAAAAAAAAAAAAAA$\
                             AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
const FIRST_NAMES: [&str; 16] = [
    "Ada", "Aylin", "Ben", "Clara", "David", "Emil", "Fatma", "Hugo", "Ida", "Jonas", "Lena", "Mateo", "Nora", "Omar",
    "Sofia", "Yusuf",
];
const LAST_NAMES: [&str; 16] = [
    "Adler", "Bauer", "Costa", "Demir", "Fischer", "Garcia", "Hoffmann", "Jansen", "Kaya", "Lopez", "Meyer", "Novak",
    "Rossi", "Schmidt", "Weber", "Yilmaz",
];

/// The environment to fill, and what it gets in all.
pub(crate) struct Rows {
    pub(crate) environment: Vec<u8>,
    /// The role that some users have.
    pub(crate) role: Vec<u8>,
    pub(crate) users: u64,
    /// At most one for each user.
    pub(crate) memberships: u64,
    /// At least one.
    pub(crate) organizations: u64,
    /// How the database writes bytes: what stands before and behind their hexadecimal digits.
    pub(crate) bytes: (&'static str, &'static str),
}

/// The e-mail address of a user, as it was typed.
pub(crate) fn email(number: u64) -> String {
    let (first, last) = name(number);
    format!("{first}.{last}{number}@{DOMAIN}")
}

/// Matches the keys of seeded addresses, for `LIKE`.
pub(crate) fn email_keys() -> String {
    format!("%@{DOMAIN}")
}

/// The names of a user. They change from one user to the next, so addresses come in no order.
fn name(number: u64) -> (&'static str, &'static str) {
    let pick = |names: [&'static str; 16], number: u64| names[(number % 16) as usize];
    (pick(FIRST_NAMES, number), pick(LAST_NAMES, number / 16))
}

/// The time of a user's creation.
fn created_at(number: u64) -> i64 {
    FIRST + STEP * i64::try_from(number).unwrap_or(0)
}

/// A UUIDv7 as the server makes them: 48 bits of milliseconds, the version, 12 bits of their fraction (RFC 9562 section
/// 6.2, method 3), the variant. The rest, random elsewhere, is a hash of what is named.
fn id(micros: i64, environment: &[u8], kind: &str, number: u64) -> [u8; 16] {
    let micros = u64::try_from(micros).unwrap_or(0);
    let fraction = micros % 1_000 * 4_096 / 1_000;
    let high = (micros / 1_000) << 16 | 0x7000 | fraction;
    let digest = sha256(&[environment, kind.as_bytes(), &number.to_be_bytes()].concat());
    let mut id = [0; 16];
    id[..8].copy_from_slice(&high.to_be_bytes());
    id[8..].copy_from_slice(&digest[..8]);
    id[8] = id[8] & 0x3f | 0x80;
    id
}

impl Rows {
    /// The statement that inserts the organizations, those that are there already excepted.
    pub(crate) fn organizations(&self) -> String {
        let rows: Vec<String> = (0..self.organizations).map(|number| self.organization(number)).collect();
        format!(
            "INSERT INTO organizations (environment_id, id, name, created_at, updated_at) VALUES {} \
             ON CONFLICT DO NOTHING;",
            rows.join(", ")
        )
    }

    /// The statements that insert users of these numbers, with their roles and memberships.
    pub(crate) fn users(&self, numbers: Range<u64>) -> String {
        let users = numbers.clone().map(|number| self.user(number)).collect();
        let roles = numbers.clone().filter(|number| number % ROLE_EVERY == 0);
        let roles = roles.map(|number| self.link("user_role", number, &self.role)).collect();
        let memberships = numbers.filter_map(|number| {
            let membership = self.membership(number)?;
            Some(self.link("membership", number, &self.organization_id(membership % self.organizations)))
        });
        [
            insert(
                "users (environment_id, id, kind, email, email_key, email_verified, first_name, last_name, \
                 password_hash, active, created_at, updated_at)",
                users,
            ),
            insert("user_roles (environment_id, id, user_id, role_id, created_at)", roles),
            insert("memberships (environment_id, id, user_id, organization_id, created_at)", memberships.collect()),
        ]
        .concat()
    }

    fn organization(&self, number: u64) -> String {
        let (environment, id) = (self.bytes(&self.environment), self.bytes(&self.organization_id(number)));
        let at = created_at(number);
        format!("({environment}, {id}, 'Organization {number}', {at}, {at})")
    }

    fn user(&self, number: u64) -> String {
        let (at, email, (first, last)) = (created_at(number), email(number), name(number));
        let (environment, id) = (self.bytes(&self.environment), self.bytes(&self.user_id(number)));
        let (key, active) = (email.to_lowercase(), number % 100 != 99);
        format!(
            "({environment}, {id}, 'person', '{email}', '{key}', TRUE, '{first}', '{last}', '{PASSWORD_HASH}', \
             {active}, {at}, {at})"
        )
    }

    /// The row that gives a user something: a role or an organization.
    fn link(&self, kind: &str, number: u64, to: &[u8]) -> String {
        let at = created_at(number) + LATER;
        let id = id(at, &self.environment, kind, number);
        let [environment, id, user, to] =
            [&self.environment[..], &id, &self.user_id(number), to].map(|key| self.bytes(key));
        format!("({environment}, {id}, {user}, {to}, {at})")
    }

    /// The number of the user's membership, if it has one. Members are evenly spread over the users.
    fn membership(&self, number: u64) -> Option<u64> {
        let before = number * self.memberships / self.users;
        let after = (number + 1) * self.memberships / self.users;
        (before < after).then_some(before)
    }

    fn user_id(&self, number: u64) -> [u8; 16] {
        id(created_at(number), &self.environment, "user", number)
    }

    fn organization_id(&self, number: u64) -> [u8; 16] {
        id(created_at(number), &self.environment, "organization", number)
    }

    /// Bytes as the database reads them in a statement.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> String {
        let (before, behind) = self.bytes;
        let mut text = String::with_capacity(bytes.len() * 2 + 5);
        text += before;
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        text + behind
    }
}

/// One statement, or none without rows.
fn insert(into: &str, rows: Vec<String>) -> String {
    match rows.is_empty() {
        true => String::new(),
        false => format!("INSERT INTO {into} VALUES {};", rows.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn rows(users: u64, memberships: u64) -> Rows {
        let (environment, role) = (vec![0xab; 16], vec![0xcd; 16]);
        Rows { environment, role, users, memberships, organizations: 3, bytes: ("X'", "'") }
    }

    #[test]
    fn an_id_holds_milliseconds_version_fraction_and_variant() {
        // 2024-12-31T23:20:00.000500Z: half a millisecond is 2048 of 4096.
        let id = id(1_735_687_200_000_500, b"environment", "user", 7);
        let milliseconds = id[..6].iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        assert_eq!(milliseconds, 1_735_687_200_000);
        assert_eq!(id[6..8], [0x78, 0x00]);
        assert_eq!(id[8] >> 6, 0b10);
    }

    #[test]
    fn ids_sort_as_their_times_and_none_occurs_twice() {
        let rows = rows(5_000, 0);
        let ids: Vec<_> = (0..5_000).map(|number| rows.user_id(number)).collect();
        assert!(ids.is_sorted());
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 5_000);
        assert_ne!(id(1, b"a", "user", 1)[8..], id(1, b"b", "user", 1)[8..]);
        assert_ne!(id(1, b"a", "user", 1)[8..], id(1, b"a", "membership", 1)[8..]);
    }

    #[test]
    fn memberships_are_as_many_as_asked_and_numbered_without_a_gap() {
        for (users, memberships) in [(1_000, 100), (1_000, 1_000), (7, 3), (5, 0)] {
            let rows = rows(users, memberships);
            let numbers: Vec<_> = (0..users).filter_map(|number| rows.membership(number)).collect();
            assert_eq!(numbers, (0..memberships).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_chunk_inserts_users_before_what_refers_to_them() {
        let sql = rows(20, 2).users(0..20);
        let places = ["INSERT INTO users", "INSERT INTO user_roles", "INSERT INTO memberships"];
        assert!(places.map(|insert| sql.find(insert).unwrap()).is_sorted());
        assert_eq!(sql.matches("'person'").count(), 20);
        // Two roles and two memberships refer to a user each.
        assert_eq!(sql.matches(&format!("X'{}'", "cd".repeat(16))).count(), 2);
        assert_eq!(sql.matches("X'ab").count(), 24);
    }

    #[test]
    fn addresses_are_unique_and_end_in_the_seeded_domain() {
        let emails: HashSet<_> = (0..5_000).map(email).collect();
        assert_eq!(emails.len(), 5_000);
        let end = email_keys().replace('%', "");
        assert!(emails.iter().all(|email| email.ends_with(&end)));
    }
}
