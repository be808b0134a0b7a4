//! Which site a `Host` header means, and the one canonical address of each environment.

use url::Url;

use crate::{
    Invalid,
    environment::{Environment, Handle, SYSTEM_HANDLE},
};

/// The addresses this installation answers at, derived from its base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    scheme: &'static str,
    base_host: String,
    port: Option<u16>,
    default_environment: Option<Handle>,
}

/// What a host name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Site {
    /// An environment by its handle, which may or may not exist.
    Environment(Handle),
    /// The dashboard.
    Dashboard,
    /// Some other host: an environment's custom domain, or nothing of ours.
    Foreign(String),
}

impl Hosts {
    /// Reads a base URL such as `https://paylent.example` or `http://localhost:8080`.
    ///
    /// # Errors
    /// The URL is not http(s), has no host, or has a path, query, fragment or user.
    pub fn new(base_url: &str, default_environment: Option<Handle>) -> Result<Self, Invalid> {
        let url = Url::parse(base_url).map_err(|_| Invalid("must be a URL such as https://id.example.com"))?;
        let scheme = match url.scheme() {
            "http" => "http",
            "https" => "https",
            _ => return Err(Invalid("must start with http:// or https://")),
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid("must have nothing after the host and port"));
        }
        let base_host = url.host_str().ok_or(Invalid("must name a host"))?.to_owned();
        Ok(Self { scheme, base_host, port: url.port(), default_environment })
    }

    /// Whether the outside reaches us by https, which decides on `Secure` cookies and HSTS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// What the value of a `Host` header means. The port is not compared: a proxy may have changed it.
    /// Anything that is not plainly `host` or `host:port` means nothing.
    #[must_use]
    pub fn site(&self, host: &str) -> Option<Site> {
        let name = without_port(host)?.to_ascii_lowercase();
        if name == self.base_host {
            return self.default_environment.clone().map(Site::Environment);
        }
        let Some(label) = name.strip_suffix(&self.base_host).and_then(|rest| rest.strip_suffix('.')) else {
            return Some(Site::Foreign(name));
        };
        match label {
            "dashboard" => Some(Site::Dashboard),
            SYSTEM_HANDLE => Some(Site::Environment(Handle::system())),
            _ => label.parse().ok().map(Site::Environment),
        }
    }

    /// The one base URL of an environment, without a trailing slash: custom domain, else the bare base host if it is
    /// the default environment, else the sub-domain. Issuer, endpoints and the Management API's identifier follow from it.
    #[must_use]
    pub fn canonical(&self, environment: &Environment) -> String {
        match &environment.custom_domain {
            Some(domain) => format!("{}://{domain}", self.scheme),
            None if self.is_default(environment) => self.base_url(),
            None => self.url_of(environment.handle.as_str()),
        }
    }

    /// The base URLs of the environment's own hosts, the canonical one among them.
    pub fn aliases(&self, environment: &Environment) -> impl Iterator<Item = String> {
        let by_default = self.is_default(environment).then(|| self.base_url());
        [Some(self.url_of(environment.handle.as_str())), by_default, Some(self.canonical(environment))]
            .into_iter()
            .flatten()
    }

    /// The dashboard's address.
    #[must_use]
    pub fn dashboard(&self) -> String {
        self.url_of("dashboard")
    }

    /// The installation's own address, without a trailing slash.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.base_host, self.port_suffix())
    }

    fn is_default(&self, environment: &Environment) -> bool {
        self.default_environment.as_ref() == Some(&environment.handle)
    }

    fn url_of(&self, label: &str) -> String {
        format!("{}://{label}.{}{}", self.scheme, self.base_host, self.port_suffix())
    }

    fn port_suffix(&self) -> String {
        self.port.map(|port| format!(":{port}")).unwrap_or_default()
    }
}

/// The host name of a `Host` header, refused when it holds anything but a DNS name, IPv4 or bracketed IPv6 address.
fn without_port(host: &str) -> Option<&str> {
    if host.len() > 255 {
        return None;
    }
    let (name, port) = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => (&host[..colon], Some(&host[colon + 1..])),
        _ => (host, None),
    };
    if port.is_some_and(|port| port.is_empty() || port.parse::<u16>().is_err()) {
        return None;
    }
    let literal = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.' || c == '_';
    let valid = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && !name.ends_with('.') && name.chars().all(plain),
    };
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Id, environment::Lifetimes};

    fn hosts(default: Option<&str>) -> Hosts {
        Hosts::new("http://localhost:8080", default.map(|handle| handle.parse().unwrap())).unwrap()
    }

    fn environment(handle: &str) -> Environment {
        Environment {
            id: Id::from_bytes([1; 16]),
            account_id: None,
            handle: handle.parse().unwrap(),
            custom_domain: None,
            name: None,
            registration_enabled: true,
            lifetimes: Lifetimes::default(),
        }
    }

    #[test]
    fn ho_norm_case_and_port_do_not_matter() {
        let site = Site::Environment("acme-test".parse().unwrap());
        for host in ["acme-test.localhost", "ACME-TEST.localhost:443", "acme-test.LOCALHOST:8080"] {
            assert_eq!(hosts(None).site(host), Some(site.clone()), "{host}");
        }
    }

    #[test]
    fn ho_unknown_hosts_mean_no_environment() {
        for host in [
            "",
            "a.b.localhost",
            "www.localhost",
            "acme-test.localhost.",
            "u@acme-test.localhost",
            "acme-test.localhost:x",
            "acme-test.localhost:99999",
            ".localhost",
            "acme-test.localhost:",
            "a b.localhost",
        ] {
            assert_eq!(hosts(None).site(host), None, "{host}");
        }
        assert_eq!(hosts(None).site(&"a".repeat(300)), None);
        for host in ["acme-test.localhost.evil.test", "evil-localhost", "127.0.0.1:8080", "[::1]:8080"] {
            assert!(matches!(hosts(None).site(host), Some(Site::Foreign(_))), "{host}");
        }
    }

    #[test]
    fn the_bare_host_serves_the_default_environment_only_when_one_is_set() {
        assert_eq!(hosts(None).site("localhost:8080"), None);
        assert_eq!(
            hosts(Some("acme-test")).site("localhost:8080"),
            Some(Site::Environment("acme-test".parse().unwrap()))
        );
    }

    #[test]
    fn one_canonical_base_url_per_environment() {
        let acme = environment("acme-test");
        assert_eq!(hosts(None).canonical(&acme), "http://acme-test.localhost:8080");
        assert_eq!(hosts(Some("acme-test")).canonical(&acme), "http://localhost:8080");
        let custom = Environment { custom_domain: Some("id.acme.example".into()), ..acme };
        assert_eq!(hosts(Some("acme-test")).canonical(&custom), "http://id.acme.example");
    }

    #[test]
    fn an_environment_knows_each_of_its_own_hosts() {
        let aliases: Vec<String> = hosts(Some("acme-test")).aliases(&environment("acme-test")).collect();
        assert!(aliases.contains(&"http://acme-test.localhost:8080".to_owned()));
        assert!(aliases.contains(&"http://localhost:8080".to_owned()));
        let others: Vec<String> = hosts(Some("acme-test")).aliases(&environment("beta-test")).collect();
        assert!(others.iter().all(|alias| alias == "http://beta-test.localhost:8080"));
    }

    #[test]
    fn a_base_url_has_nothing_after_its_port() {
        for bad in ["localhost", "ftp://x", "http://x/path", "http://x/?q", "http://u@x", "http://x#f"] {
            assert!(Hosts::new(bad, None).is_err(), "{bad}");
        }
    }
}
