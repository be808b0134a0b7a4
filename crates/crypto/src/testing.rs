//! Keys that the tests of this crate share: making one takes long.

use std::sync::OnceLock;

use crate::keys::{KeySize, PrivateKeyDer, SigningKey};

/// The key that the tests sign with; its kid is `key-1`.
pub(crate) fn key() -> &'static SigningKey {
    &pair("key-1", &OURS).0
}

/// The private bytes of [`key`].
pub(crate) fn key_der() -> &'static PrivateKeyDer {
    &pair("key-1", &OURS).1
}

/// Another key, which claims the same kid.
pub(crate) fn attacker() -> &'static SigningKey {
    &pair("key-1", &THEIRS).0
}

type Pair = OnceLock<(SigningKey, PrivateKeyDer)>;
static OURS: Pair = OnceLock::new();
static THEIRS: Pair = OnceLock::new();

fn pair(kid: &str, cell: &'static Pair) -> &'static (SigningKey, PrivateKeyDer) {
    cell.get_or_init(|| SigningKey::generate(kid.to_owned(), KeySize::Rsa2048).unwrap())
}
