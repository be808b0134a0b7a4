//! Password hashes that other systems made: bcrypt, PBKDF2 and scrypt, in the ways they are written.
//!
//! Whoever imports a hash chooses what a sign-in costs here, so costs have ceilings.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bcrypt::HashParts;
use openssl::hash::MessageDigest;
use openssl::pkcs5;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::Error;

/// The highest cost of bcrypt: 2^15 rounds, a second and a half or so.
const MAX_BCRYPT_COST: u32 = 15;
/// The most iterations of PBKDF2.
const MAX_ITERATIONS: u64 = 5_000_000;
/// The most memory of scrypt, in bytes.
const MAX_MEMORY: u64 = 128 << 20;
/// The most that scrypt may write altogether, in bytes.
const MAX_WORK: u64 = 4 * MAX_MEMORY;
/// The longest hash, in characters.
pub(super) const MAX_LENGTH: usize = 512;

/// Base64 without padding, or with.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A hash, taken apart.
pub(super) enum Foreign {
    /// As it is written.
    Bcrypt(String),
    Pbkdf2 {
        digest: MessageDigest,
        iterations: usize,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
    Scrypt {
        n: u64,
        r: u64,
        p: u64,
        salt: Vec<u8>,
        tag: Vec<u8>,
    },
}

impl Foreign {
    /// Reads a hash; `None` for anything that is not exactly one, or costs too much.
    pub(super) fn parse(hash: &str) -> Option<Self> {
        if hash.len() > MAX_LENGTH {
            return None;
        }
        let parts: Vec<&str> = hash.split('$').collect();
        match parts.as_slice() {
            ["", "2a" | "2b" | "2y", cost, rest] => bcrypt(hash, cost, rest),
            ["", "scrypt", parameters, salt, tag] => scrypt(parameters, salt, tag),
            ["", name, cost, salt, tag] => pbkdf2(digest(name.strip_prefix("pbkdf2")?)?, cost, salt, tag),
            // Django's two: the salt is the text itself.
            [name, cost, salt, tag] => {
                let digest = digest(&name.strip_prefix("pbkdf2_").map(|name| format!("-{name}"))?)?;
                let salt = (!salt.is_empty()).then(|| salt.as_bytes().to_vec())?;
                Some(Self::Pbkdf2 { digest, iterations: iterations(cost)?, salt, tag: tag_of(tag)? })
            }
            ["scrypt", n, salt, r, p, tag] => {
                let salt = (!salt.is_empty()).then(|| salt.as_bytes().to_vec())?;
                let n = number(n).filter(|n| n.is_power_of_two())?;
                costing(n.ilog2().into(), number(r)?, number(p)?, salt, tag_of(tag)?)
            }
            _ => None,
        }
    }

    /// Whether this is the password.
    pub(super) fn matches(&self, password: &[u8]) -> Result<bool, Error> {
        match self {
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).map_err(|_| Error::PasswordHash),
            Self::Pbkdf2 { digest, iterations, salt, tag } => {
                let mut computed = Zeroizing::new(vec![0; tag.len()]);
                pkcs5::pbkdf2_hmac(password, salt, *iterations, *digest, &mut computed)?;
                Ok(computed.ct_eq(tag).into())
            }
            Self::Scrypt { n, r, p, salt, tag } => {
                let mut computed = Zeroizing::new(vec![0; tag.len()]);
                pkcs5::scrypt(password, salt, *n, *r, *p, MAX_MEMORY + (MAX_MEMORY >> 2), &mut computed)?;
                Ok(computed.ct_eq(tag).into())
            }
        }
    }
}

fn bcrypt(hash: &str, cost: &str, rest: &str) -> Option<Foreign> {
    let cost =
        Some(cost).filter(|cost| cost.len() == 2 && cost.bytes().all(|b| b.is_ascii_digit()))?.parse::<u32>().ok()?;
    let whole = rest.len() == 53 && hash.parse::<HashParts>().is_ok();
    (whole && (4..=MAX_BCRYPT_COST).contains(&cost)).then(|| Foreign::Bcrypt(hash.to_owned()))
}

/// `i=…,l=…` as PHC strings have it, or the iterations alone as passlib does.
fn pbkdf2(digest: MessageDigest, cost: &str, salt: &str, tag: &str) -> Option<Foreign> {
    let tag = tag_of(tag)?;
    let iterations = match cost.strip_prefix("i=") {
        None => iterations(cost)?,
        Some(cost) => {
            let (cost, length) = cost.split_once(",l=").map_or((cost, None), |(cost, length)| (cost, Some(length)));
            if length.is_some_and(|length| number(length) != Some(tag.len() as u64)) {
                return None;
            }
            iterations(cost)?
        }
    };
    Some(Foreign::Pbkdf2 { digest, iterations, salt: salt_of(salt)?, tag })
}

fn scrypt(parameters: &str, salt: &str, tag: &str) -> Option<Foreign> {
    let mut parameters = parameters.split(',');
    let mut next = |name: &str| number(parameters.next()?.strip_prefix(name)?.strip_prefix('=')?);
    let (ln, r, p) = (next("ln")?, next("r")?, next("p")?);
    if parameters.next().is_some() {
        return None;
    }
    costing(ln, r, p, salt_of(salt)?, tag_of(tag)?)
}

/// A hash of scrypt with `n` as a power of two, if it does not cost too much.
fn costing(ln: u64, r: u64, p: u64, salt: Vec<u8>, tag: Vec<u8>) -> Option<Foreign> {
    if !(1..=24).contains(&ln) || !(1..=64).contains(&r) || !(1..=64).contains(&p) {
        return None;
    }
    let n = 1_u64 << ln;
    let memory = 128 * n * r;
    (memory <= MAX_MEMORY && memory * p <= MAX_WORK).then_some(Foreign::Scrypt { n, r, p, salt, tag })
}

/// The digest that follows the name of PBKDF2; the oldest of them names none.
fn digest(name: &str) -> Option<MessageDigest> {
    match name {
        "" | "-sha1" => Some(MessageDigest::sha1()),
        "-sha256" => Some(MessageDigest::sha256()),
        "-sha512" => Some(MessageDigest::sha512()),
        _ => None,
    }
}

fn iterations(text: &str) -> Option<usize> {
    let iterations = number(text).filter(|iterations| (1..=MAX_ITERATIONS).contains(iterations))?;
    usize::try_from(iterations).ok()
}

/// A decimal number, written in the one way there is.
fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

fn salt_of(text: &str) -> Option<Vec<u8>> {
    decode(text).filter(|salt| (1..=64).contains(&salt.len()))
}

/// A tag shorter than 16 bytes would be a password's for too many others.
fn tag_of(text: &str) -> Option<Vec<u8>> {
    decode(text).filter(|tag| (16..=64).contains(&tag.len()))
}

/// Base64; passlib writes `.` for `+`.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace('.', "+")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each made by the tool named, of the password `correct horse`.
    const MADE_ELSEWHERE: &[(&str, &str)] = &[
        (
            "hashlib, PHC",
            "$pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$yRTMTwbMbo9G0VfjobWqerzuuxe7BETNTErBbKKumGQ",
        ),
        (
            "hashlib, PHC without length",
            "$pbkdf2-sha512$i=1000$AAECAwQFBgcICQoLDA0ODw$Xpx07WjVx4vCIvrmBRj8uOoVVtGqJqtUv2J5bhizSQs7osCteF7W4A61dZDqSIqQjO+dxO6p5FT/Uy7QRBXSXA",
        ),
        ("passlib, SHA-256", "$pbkdf2-sha256$1000$.//7//v/.//7//v/.//7/w$CvkdidOLlidYTYD/DWlZEumyC3MzQ0JtgSXS3UeF6oc"),
        (
            "passlib, SHA-512",
            "$pbkdf2-sha512$1000$MAZgbG1NSSkFYOz9fw8hBA$cfKjFGLiOt1QnGW3sq988AjTpq4toCsYUI/0NRsCzo8wv539m2jdPA1ZkT/bG9u9UiGVEC/yLXmamDrJ.sAuBg",
        ),
        ("passlib, SHA-1", "$pbkdf2$1000$hjCGUErpPScEQOg9p5Sytg$9RQtFy/pcRMPTDu7UfA5zXqAidY"),
        ("passlib, scrypt", "$scrypt$ln=10,r=8,p=1$3ttb6/2/d641hlBqTam19g$pw4b3DP4dwM4Zbnt4hGgd3a3udl3j9tIPW2pMXNv7Mo"),
        ("bcrypt", "$2b$04$q6Qjga7bPnhtzfOo3bwr9OfCMt/QVIzZJbc8ZBOd6yRssZXzbnXoO"),
        ("PHP's name for bcrypt", "$2y$04$q6Qjga7bPnhtzfOo3bwr9OfCMt/QVIzZJbc8ZBOd6yRssZXzbnXoO"),
        ("bcrypt's older name", "$2a$05$/e6jbxitHEzd07tkoFhJDurCzxyVKdKzllBeA1IC0DWWMWs1svRde"),
        ("Django", "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso="),
        (
            "Django, scrypt",
            "scrypt$1024$seasalt$8$1$b9vqOe0B5HZh2f10Q9RPN9OFNPtmb+ezp5YOlnZsJQ0vQ5I3eq8Zt7GFMuqQ58xCxTIvVL1QCL/PTXEWr+RNHA==",
        ),
    ];

    #[test]
    fn hashes_of_other_systems_are_verified() {
        for (tool, hash) in MADE_ELSEWHERE {
            let foreign = Foreign::parse(hash).unwrap_or_else(|| panic!("{tool}: {hash}"));
            assert!(foreign.matches(b"correct horse").unwrap(), "{tool}");
            assert!(!foreign.matches(b"Correct horse").unwrap(), "{tool}");
        }
    }

    #[test]
    fn what_is_not_exactly_a_hash_or_costs_too_much_is_refused() {
        let bcrypt = "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW";
        assert!(Foreign::parse(bcrypt).is_some());
        let (salt, tag) = ("A".repeat(22), "A".repeat(43));
        for bad in [
            "",
            "correct horse",
            "$$$$",
            "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
            "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
            &bcrypt.replace("$2b$", "$2x$"),
            &bcrypt.replace("$12$", "$16$"),
            &bcrypt.replace("$12$", "$03$"),
            &bcrypt.replace("$12$", "$+5$"),
            &bcrypt[..59],
            &format!("{bcrypt}x"),
            &format!("$pbkdf2-md5$i=1000,l=32${salt}${tag}"),
            &format!("$pbkdf2-sha256$i=5000001,l=32${salt}${tag}"),
            &format!("$pbkdf2-sha256$i=0,l=32${salt}${tag}"),
            &format!("$pbkdf2-sha256$i=01000,l=32${salt}${tag}"),
            &format!("$pbkdf2-sha256$i=1000,l=31${salt}${tag}"),
            &format!("$pbkdf2-sha256$1000$${tag}"),
            &format!("$pbkdf2-sha256$1000${salt}$AAAA"),
            &format!("$pbkdf2-sha256$1000${salt}$!{tag}"),
            &format!("pbkdf2_sha256$1000$${tag}"),
            &format!("pbkdf2_sha256$9999999$salt${tag}"),
            &format!("scrypt$16384$$8$1${tag}"),
            &format!("scrypt$16383$salt$8$1${tag}"),
            &format!("scrypt$1$salt$8$1${tag}"),
            &format!("scrypt$0$salt$8$1${tag}"),
            &format!("scrypt$262144$salt$8$1${tag}"),
            &format!("scrypt$131072$salt$8$5${tag}"),
            &format!("scrypt$016384$salt$8$1${tag}"),
            &format!("scrypt$16384$salt$0$1${tag}"),
            "scrypt$16384$salt$8$1$AAAA",
            &format!("$scrypt$ln=18,r=8,p=1${salt}${tag}"),
            &format!("$scrypt$ln=17,r=8,p=5${salt}${tag}"),
            &format!("$scrypt$ln=64,r=8,p=1${salt}${tag}"),
            &format!("$scrypt$r=8,ln=10,p=1${salt}${tag}"),
            &format!("$scrypt$ln=10,r=8,p=1,x=1${salt}${tag}"),
            &format!("$pbkdf2-sha256$1000${}${tag}", "A".repeat(600)),
        ] {
            assert!(Foreign::parse(bad).is_none(), "{bad}");
        }
    }
}
