//! Reads the mails that wait to go out.

use paylent_domain::Id;
use paylent_mail::{About, Letter, LetterKey};

use super::*;

/// A mail in the outbox: to whom, and what it says.
pub struct Waiting {
    pub to: String,
    pub letter: Letter,
}

impl TestServer {
    /// The mails of an environment, the oldest first.
    pub async fn letters(&self, database: &TestDatabase, tenant: &Tenant) -> Vec<Waiting> {
        let key = LetterKey::new(&MasterKey::from_base64(seed::MASTER_KEY).unwrap());
        let environment = tenant.seeded.env.tenant().environment.id;
        let hex = |column: &str| match database.is_postgres() {
            true => format!("encode({column}, 'hex')"),
            false => format!("lower(hex({column}))"),
        };
        let query = format!(
            "SELECT {} || ' ' || recipient || ' ' || {} FROM mails WHERE environment_id = {} ORDER BY id",
            hex("id"),
            hex("letter"),
            database.bytes(environment.as_bytes())
        );
        let rows = database.values(&query).await;
        let open = |row: &String| {
            let mut parts = row.split(' ');
            let (id, to, sealed) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
            let id = Id::from_bytes(bytes(id).try_into().unwrap());
            Waiting { to: to.to_owned(), letter: key.open(environment, id, &bytes(sealed)).unwrap() }
        };
        rows.iter().map(open).collect()
    }

    /// The path and query of the link in the last mail that brings one for a new password.
    pub async fn reset_link(&self, database: &TestDatabase, tenant: &Tenant) -> String {
        let letters = self.letters(database, tenant).await;
        let link = letters.into_iter().rev().find_map(|waiting| match waiting.letter.about {
            About::PasswordReset { link, .. } => Some(link),
            _ => None,
        });
        link.expect("no mail with a link").strip_prefix(&tenant.issuer()).unwrap().to_owned()
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// The letters to this address, oldest first.
pub async fn letters_to(database: &TestDatabase, tenant: &Tenant, recipient: &str) -> Vec<Letter> {
    let hex = |column: &str| match database.is_postgres() {
        true => format!("encode({column}, 'hex')"),
        false => format!("lower(hex({column}))"),
    };
    let row = format!("{} || ':' || {}", hex("id"), hex("letter"));
    let rows = database.values(&format!("SELECT {row} FROM mails WHERE recipient = '{recipient}' ORDER BY id")).await;
    let key = LetterKey::new(&MasterKey::from_base64(seed::MASTER_KEY).unwrap());
    let open = |row: &String| {
        let (id, letter) = row.split_once(':').unwrap();
        let id: Id<Mail> = Id::from_hex(id).unwrap();
        let bytes = |at: usize| u8::from_str_radix(&letter[at..at + 2], 16).unwrap();
        let letter: Vec<u8> = (0..letter.len()).step_by(2).map(bytes).collect();
        key.open(tenant.seeded.env.tenant().environment.id, id, &letter).unwrap()
    };
    rows.iter().map(open).collect()
}

/// The token in the link of the last invitation to this address.
pub async fn invitation_token(database: &TestDatabase, tenant: &Tenant, recipient: &str) -> String {
    let letter = letters_to(database, tenant, recipient).await.pop().unwrap();
    let About::Invitation { link, .. } = letter.about else { panic!("another letter") };
    link.split_once("?token=").unwrap().1.to_owned()
}
