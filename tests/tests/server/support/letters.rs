//! The mails that wait to go out, opened.

use paylent_crypto::seal::MasterKey;
use paylent_mail::{About, Letter, LetterKey};

use super::*;

/// A mail in the outbox: to whom, and what it says.
pub struct Waiting {
    pub to: String,
    pub letter: Letter,
}

/// Every letter that waits to be delivered, the oldest first.
pub async fn letters(database: &TestDatabase) -> Vec<Waiting> {
    let hex = |column: &str| match database.is_postgres() {
        true => format!("encode({column}, 'hex')"),
        false => format!("hex({column})"),
    };
    let [environment, id, letter] = ["environment_id", "id", "letter"].map(hex);
    let query = format!(
        "SELECT recipient || ' ' || {environment} || ' ' || {id} || ' ' || {letter} FROM mails \
         WHERE letter IS NOT NULL ORDER BY created_at, id"
    );
    let key = LetterKey::new(&MasterKey::from_base64(seed::MASTER_KEY).unwrap());
    let open = |row: String| {
        let mut parts = row.split(' ');
        let to = parts.next().unwrap().to_owned();
        let mut bytes = || unhex(parts.next().unwrap());
        let environment = Id::from_bytes(bytes().try_into().unwrap());
        let id = Id::from_bytes(bytes().try_into().unwrap());
        Waiting { to, letter: key.open(environment, id, &bytes()).unwrap() }
    };
    database.values(&query).await.into_iter().map(open).collect()
}

/// The letters to this address, the oldest first.
pub async fn letters_to(database: &TestDatabase, recipient: &str) -> Vec<Letter> {
    let all = letters(database).await.into_iter();
    all.filter(|waiting| waiting.to == recipient).map(|waiting| waiting.letter).collect()
}

/// The newest code that was mailed to this address.
pub async fn passcode(database: &TestDatabase, recipient: &str) -> String {
    let mut newest_first = letters_to(database, recipient).await.into_iter().rev();
    let code = newest_first.find_map(|letter| match letter.about {
        About::Passcode { passcode, .. } => Some(passcode),
        _ => None,
    });
    code.unwrap_or_else(|| panic!("no code for {recipient}"))
}

/// The token in the link of the last invitation to this address.
pub async fn invitation_token(database: &TestDatabase, recipient: &str) -> String {
    let letter = letters_to(database, recipient).await.pop().unwrap();
    let About::Invitation { link, .. } = letter.about else { panic!("another letter") };
    link.split_once("?token=").unwrap().1.to_owned()
}

/// The path and query of the link in the last mail that brings one for a new password.
pub async fn reset_link(database: &TestDatabase, tenant: &Tenant) -> String {
    let link = letters(database).await.into_iter().rev().find_map(|waiting| match waiting.letter.about {
        About::PasswordReset { link, .. } => Some(link),
        _ => None,
    });
    link.expect("no mail with a link").strip_prefix(&tenant.issuer()).unwrap().to_owned()
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
