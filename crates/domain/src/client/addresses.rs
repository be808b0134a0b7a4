//! The URLs and origins that a client registers: which may be.

use url::{Host, Url};

use super::{ClientType, MAX_ADDRESSES};
use crate::Invalid;

/// The longest URI, in bytes.
const MAX_URI: usize = 2_048;
/// The longest origin, in bytes: a host name has at most 253.
const MAX_ORIGIN: usize = 270;

/// Why one of several is refused: its index (none when there are too many) and the rule it breaks.
type Refused = (Option<usize>, Invalid);

/// Checks where one client may have people returned to: at most 10 URIs, each valid, none twice. A public client may be
/// an app on a device, which is called by a scheme of its own.
///
/// # Errors
/// The index of the offending URI (none when there are too many) and the rule it breaks.
pub fn check_uris(uris: &[String], client_type: ClientType) -> Result<(), Refused> {
    check_all(uris, "must be at most 10 URIs", |uri| match client_type {
        ClientType::Public if is_private_use(uri) => check_characters(uri),
        _ => check_uri(uri),
    })
}

/// Checks the origins of one client: at most 10, each valid, none twice.
///
/// # Errors
/// The index of the offending origin (none when there are too many) and the rule it breaks.
pub fn check_origins(origins: &[String]) -> Result<(), Refused> {
    check_all(origins, "must be at most 10 origins", check_origin)
}

fn check_all(
    items: &[String],
    too_many: &'static str,
    check: impl Fn(&str) -> Result<(), Invalid>,
) -> Result<(), Refused> {
    if items.len() > MAX_ADDRESSES {
        return Err((None, Invalid(too_many)));
    }
    for (index, item) in items.iter().enumerate() {
        check(item).map_err(|reason| (Some(index), reason))?;
        if items[..index].contains(item) {
            return Err((Some(index), Invalid("is listed twice")));
        }
    }
    Ok(())
}

/// Checks a URI of a client, where people or requests are sent: absolute, https or http to a loopback host, without
/// fragment, user and wildcard.
///
/// # Errors
/// The rule it breaks.
pub fn check_uri(uri: &str) -> Result<(), Invalid> {
    const BAD: Invalid = Invalid("must be an absolute https URL, or http for a loopback host");
    check_characters(uri)?;
    let url = Url::parse(uri).map_err(|_| BAD)?;
    let authority = uri.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next().unwrap_or(rest)).ok_or(BAD)?;
    if authority.contains('@') || !url.username().is_empty() {
        return Err(Invalid("must not name a user"));
    }
    if is_safe(&url) { Ok(()) } else { Err(BAD) }
}

/// Checks what holds for a URI of any scheme.
fn check_characters(uri: &str) -> Result<(), Invalid> {
    if uri.len() > MAX_URI {
        return Err(Invalid("must have at most 2048 characters"));
    }
    if !uri.bytes().all(|b| b.is_ascii_graphic()) || uri.contains(['\\', '*', '"', '<', '>']) {
        return Err(Invalid("must be printable ASCII without spaces, wildcards, quotes and backslashes"));
    }
    if uri.contains('#') { Err(Invalid("must not have a fragment")) } else { Ok(()) }
}

/// Whether the scheme is an app's own: a domain name in reverse order, with a dot at least, so that apps do not take each
/// other's and none of those that browsers run (RFC 8252 section 7.1). No authority follows: one could be taken for where
/// people are sent.
fn is_private_use(uri: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let Some((scheme, rest)) = uri.split_once(":/") else { return false };
    let is_name = scheme.contains('.') && scheme.split('.').all(is_label);
    is_name && scheme.starts_with(|c: char| c.is_ascii_lowercase()) && !rest.starts_with('/')
}

/// Checks an origin: https, or http of a loopback host, written as browsers send it (RFC 6454 section 6.2).
///
/// # Errors
/// The rule it breaks.
pub fn check_origin(origin: &str) -> Result<(), Invalid> {
    const BAD: Invalid =
        Invalid("must be an origin as browsers send it, such as https://app.example or http://localhost:3000");
    if origin.len() > MAX_ORIGIN || origin.contains(['*', '"']) {
        return Err(BAD);
    }
    let url = Url::parse(origin).map_err(|_| BAD)?;
    if is_safe(&url) && url.origin().ascii_serialization() == origin { Ok(()) } else { Err(BAD) }
}

/// Whether nobody on the way can read or change what is sent there.
fn is_safe(url: &Url) -> bool {
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(host)) => is_loopback(&host),
        _ => false,
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ru_reg_scheme_only_https_and_loopback_http_are_registered() {
        for good in [
            "https://app.example/cb?provider=payt",
            "http://localhost:3000/callback",
            "http://127.0.0.1/cb",
            "http://[::1]:8000/cb",
        ] {
            assert!(check_uri(good).is_ok(), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://x/y",
            "about:blank",
            "intent:x",
            "myapp:cb",
            "http://app.example/cb",
            "https://u@app.example/cb",
            "https://@app.example/cb",
            "https://app.example/cb#f",
            "https://app.example/cb#",
            "https://*.app.example/cb",
            "/cb",
            "",
            "https://app.example\\@evil.test",
            "https://app.example/a b",
            "https://app.example/\u{0}",
            "https:///cb\t",
            "http://localhost.evil.test/cb",
            "https://",
        ] {
            assert!(check_uri(bad).is_err(), "{bad}");
        }
        assert!(check_uri(&format!("https://app.example/{}", "a".repeat(2_048))).is_err());
    }

    #[test]
    fn ru_reg_http_at_most_ten_and_none_twice() {
        let uris: Vec<String> = (0..11).map(|n| format!("https://app.example/{n}")).collect();
        for client_type in [ClientType::Confidential, ClientType::Public] {
            assert!(check_uris(&uris[..10], client_type).is_ok());
            assert_eq!(check_uris(&uris, client_type).unwrap_err().0, None);
            let twice = vec![uris[0].clone(), uris[1].clone(), uris[0].clone()];
            assert_eq!(check_uris(&twice, client_type).unwrap_err().0, Some(2));
        }
    }

    #[test]
    fn ru_reg_scheme_a_public_client_may_have_a_scheme_of_its_own() {
        let check = |uri: &str, client_type| check_uris(&[uri.to_owned()], client_type);
        for good in ["com.example.app:/cb", "com.example-2.app:/oauth2redirect/payt?a=b", "a.b:/"] {
            assert!(check(good, ClientType::Public).is_ok(), "{good}");
            assert!(check(good, ClientType::Confidential).is_err(), "{good}");
            assert!(check_uri(good).is_err(), "{good}");
        }
        for bad in [
            "app:/cb",
            "myapp:/cb.x",
            "javascript:/a.b",
            "com.example.app:cb",
            "com.example.app",
            "com.example.app://cb",
            "com.example.app://app.bank.example/cb",
            "com.example.app:///cb",
            "com..app:/cb",
            ".example:/cb",
            "com.example.:/cb",
            "1com.example:/cb",
            "Com.Example.App:/cb",
            "com.example+x.app:/cb",
            "com.ex\u{e4}mple:/cb",
            "com.example.app:/cb#f",
            "com.example.app:/a b",
            "com.example.app:/*",
            "com.example.app:/\"",
            "com.example.app:/\\cb",
        ] {
            assert!(check(bad, ClientType::Public).is_err(), "{bad}");
        }
        assert!(check(&format!("com.example.app:/{}", "a".repeat(2_048)), ClientType::Public).is_err());
    }

    #[test]
    fn an_origin_is_as_a_browser_sends_it() {
        for good in [
            "https://app.example",
            "https://app.example:8443",
            "https://xn--bcher-kva.example",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "http://[::1]:8000",
        ] {
            assert!(check_origin(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "*",
            "null",
            "app.example",
            "https://",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?",
            "https://app.example#",
            "https://app.example:443",
            "https://APP.example",
            "HTTPS://app.example",
            "https://b\u{fc}cher.example",
            "https://*.app.example",
            "https://*",
            "https://u@app.example",
            "https://app.example https://other.example",
            " https://app.example",
            "https://app.example\n",
            "https://app\".example",
            "http://app.example",
            "http://localhost:80",
            "http://localhost.evil.test",
            "http://127.1",
            "ws://app.example",
            "file://app.example",
            "blob:https://app.example",
            "chrome-extension://abcdef",
        ] {
            assert!(check_origin(bad).is_err(), "{bad}");
        }
        assert!(check_origin(&format!("https://{}.example", "a.".repeat(130))).is_err(), "longer than any host");
    }

    #[test]
    fn at_most_ten_origins_and_none_twice() {
        let origins: Vec<String> = (0..11).map(|n| format!("https://app{n}.example")).collect();
        assert!(check_origins(&origins[..10]).is_ok());
        assert_eq!(check_origins(&origins).unwrap_err().0, None);
        let wrong = [origins[0].clone(), "*".to_owned()];
        assert_eq!(check_origins(&wrong).unwrap_err().0, Some(1));
        let twice = [origins[0].clone(), origins[0].clone()];
        assert_eq!(check_origins(&twice).unwrap_err().0, Some(1));
    }
}
