//! The mails that wait to go out, opened.

use paylent_crypto::seal::MasterKey;
use paylent_mail::{About, Letter, LetterKey};

use super::*;

/// Every letter that waits to be delivered, with the address it goes to; the oldest first.
pub async fn letters(database: &TestDatabase) -> Vec<(String, Letter)> {
    let hex = |column: &str| match database.is_postgres() {
        true => format!("encode({column}, 'hex')"),
        false => format!("hex({column})"),
    };
    let [environment, id, letter] = ["environment_id", "id", "letter"].map(hex);
    let query = format!(
        "SELECT recipient || ' ' || {environment} || ' ' || {id} || ' ' || {letter} FROM mails \
         WHERE letter IS NOT NULL ORDER BY created_at"
    );
    let key = LetterKey::new(&MasterKey::from_base64(seed::MASTER_KEY).unwrap());
    let open = |row: String| {
        let mut parts = row.split(' ');
        let recipient = parts.next().unwrap().to_owned();
        let mut bytes = || unhex(parts.next().unwrap());
        let environment = Id::from_bytes(bytes().try_into().unwrap());
        let id = Id::from_bytes(bytes().try_into().unwrap());
        (recipient, key.open(environment, id, &bytes()).unwrap())
    };
    database.values(&query).await.into_iter().map(open).collect()
}

/// The newest code that was mailed to this address.
pub async fn passcode(database: &TestDatabase, email: &str) -> String {
    let codes = letters(database).await.into_iter().filter_map(|(to, letter)| match letter.about {
        About::Passcode { passcode, .. } if to == email => Some(passcode),
        _ => None,
    });
    codes.last().unwrap_or_else(|| panic!("no code for {email}"))
}

fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
