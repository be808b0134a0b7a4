//! The mails that wait to go out, opened.

use paylent_crypto::seal::MasterKey;
use paylent_domain::{Id, mail::Mail};
use paylent_mail::{About, Letter, LetterKey};
use paylent_tests::{TestDatabase, seed};

use super::Tenant;

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
