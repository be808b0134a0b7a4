//! Applications: OAuth clients that an organization owns and manages itself.

use std::{collections::BTreeSet, str::FromStr};

use crate::{
    Id, Invalid,
    allow_list::{AllowList, AllowListMode},
    client::{GrantType, check_uri},
    clock::Timestamp,
    organization::Organization,
    resource_server::ResourceServer,
    scope::Scopes,
    user::{Email, User},
};

/// How long an access token of an application lives, in seconds, when it expires at all.
pub const ACCESS_TOKEN_TTL: i32 = 7_200;
/// How many live static tokens an application may have.
pub const MAX_STATIC_TOKENS: usize = 100;
/// How many live secrets an application may have: the new one, and the old one while they overlap.
pub const MAX_SECRETS: usize = 2;
/// How long nobody is mailed again about foreign addresses of one application, in seconds.
pub const MAIL_INTERVAL: i64 = 600;
/// How many mails about violations one address gets in an hour, of whatever applications.
pub const HOURLY_MAILS: i64 = 50;
/// How many addresses are told of tokens from elsewhere, at most.
pub const MAX_NOTIFICATION_EMAILS: usize = 10;
/// The permission that makes a member of an organization one of its company-wide admins.
pub const COMPANY_ADMIN: &str = "applications:update";

/// Reads the addresses that are told of tokens from elsewhere.
///
/// # Errors
/// The index of the offending address (none when there are too many) and the rule it breaks: it is malformed, or listed
/// twice, perhaps in other letters.
pub fn notification_emails<'a>(
    addresses: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<Email>, (Option<usize>, Invalid)> {
    let (mut emails, mut keys) = (Vec::<Email>::new(), BTreeSet::new());
    for (index, address) in addresses.into_iter().enumerate() {
        if index == MAX_NOTIFICATION_EMAILS {
            return Err((None, Invalid("must have at most 10 items")));
        }
        let email: Email = address.parse().map_err(|reason| (Some(index), reason))?;
        if !keys.insert(email.key()) {
            return Err((Some(index), Invalid("is listed twice")));
        }
        emails.push(email);
    }
    Ok(emails)
}

/// A client that belongs to an organization. Its access tokens are opaque, so that its allow list and its permissions
/// count from one request to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// Its id, which is that of its client too.
    pub id: Id<Application>,
    /// Its public identifier at the OAuth endpoints.
    pub client_id: String,
    /// Who owns it.
    pub organization_id: Id<Organization>,
    /// The API that its tokens are for.
    pub resource_server_id: Id<ResourceServer>,
    /// What people call it.
    pub name: String,
    /// How it gets tokens; never changed.
    pub grant_type: ApplicationGrant,
    /// Where people return to after they agreed; for `authorization_code` alone.
    pub redirect_uri: Option<String>,
    /// From where its tokens may be used; an empty list restricts nothing.
    pub ip_allow_list: AllowList,
    /// What happens to a token from elsewhere.
    pub ip_allow_list_mode: AllowListMode,
    /// The scopes it may ask for.
    pub permissions: Scopes,
    /// Who is told of tokens from elsewhere.
    pub notification_emails: Vec<Email>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How an application gets tokens: one way, chosen when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationGrant {
    /// People of any organization connect it. Tokens expire and are refreshed.
    AuthorizationCode,
    /// It acts for the organization that owns it, with static tokens that never expire.
    ClientCredentials,
}

impl ApplicationGrant {
    /// The RFC's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => GrantType::AuthorizationCode.as_str(),
            Self::ClientCredentials => GrantType::ClientCredentials.as_str(),
        }
    }

    /// The lifetime of its access tokens in seconds; `None`: they never expire.
    #[must_use]
    pub const fn access_token_ttl(self) -> Option<i32> {
        match self {
            Self::AuthorizationCode => Some(ACCESS_TOKEN_TTL),
            Self::ClientCredentials => None,
        }
    }

    /// Checks where people return to: required for `authorization_code`, without meaning for `client_credentials`.
    ///
    /// # Errors
    /// The rule it breaks; for a URI those of [`check_uri`].
    pub fn check_redirect_uri(self, uri: Option<&str>) -> Result<(), Invalid> {
        match (self, uri) {
            (Self::AuthorizationCode, Some(uri)) => check_uri(uri),
            (Self::AuthorizationCode, None) => Err(Invalid("is required for the grant type authorization_code")),
            (Self::ClientCredentials, Some(_)) => Err(Invalid("has no use with the grant type client_credentials")),
            (Self::ClientCredentials, None) => Ok(()),
        }
    }

    /// Checks that tokens that never expire are bound to addresses.
    ///
    /// # Errors
    /// The list is empty, and the grant is `client_credentials`.
    pub fn check_allow_list(self, list: &AllowList) -> Result<(), Invalid> {
        match (self, list.is_empty()) {
            (Self::ClientCredentials, true) => {
                Err(Invalid("must have at least one address for the grant type client_credentials"))
            }
            _ => Ok(()),
        }
    }
}

/// What an organization, or one person, lets an application do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: Id<Connection>,
    /// The application.
    pub application_id: Id<Application>,
    /// The organization that it is for; none for a person who acts for none.
    pub organization_id: Option<Id<Organization>>,
    /// The person that it is for; none when it is the whole organization's.
    pub user_id: Option<Id<User>>,
    /// Who made it. They may be gone.
    pub connected_by: Id<User>,
    /// What the application may do, at most, and only while its own permissions cover it.
    pub permissions: Scopes,
    /// When a token of it was last used; known half a minute later.
    pub last_used_at: Option<Timestamp>,
    /// From where that was.
    pub last_used_ip: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed; a use is no change.
    pub updated_at: Timestamp,
}

/// An access token of an application that never expires, as people tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticToken {
    /// Its id.
    pub id: Id<StaticToken>,
    /// The application.
    pub application_id: Id<Application>,
    /// Who owns that.
    pub organization_id: Id<Organization>,
    /// How the token begins.
    pub prefix: String,
    /// When it was last used; known half a minute later.
    pub last_used_at: Option<Timestamp>,
    /// From where that was.
    pub last_used_ip: Option<String>,
    /// When it was issued.
    pub created_at: Timestamp,
}

impl FromStr for ApplicationGrant {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "authorization_code" => Ok(Self::AuthorizationCode),
            "client_credentials" => Ok(Self::ClientCredentials),
            _ => Err(Invalid("must be authorization_code or client_credentials")),
        }
    }
}

/// How long the old secret still works after a new one was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SecretOverlap {
    /// Not at all.
    #[default]
    None,
    /// One hour.
    Hour,
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
}

impl SecretOverlap {
    /// Every choice, the shortest first.
    pub const ALL: [Self; 4] = [Self::None, Self::Hour, Self::Day, Self::Week];

    /// The name the Management API and the pages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// Its length in seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        match self {
            Self::None => 0,
            Self::Hour => 3_600,
            Self::Day => 86_400,
            Self::Week => 604_800,
        }
    }
}

impl FromStr for SecretOverlap {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|overlap| overlap.as_str() == text);
        found.ok_or(Invalid("must be none, 1h, 24h or 7d"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRANTS: [ApplicationGrant; 2] = [ApplicationGrant::AuthorizationCode, ApplicationGrant::ClientCredentials];

    #[test]
    fn a_grant_and_an_overlap_are_written_as_they_are_read() {
        for grant in GRANTS {
            assert_eq!(grant.as_str().parse(), Ok(grant));
        }
        for overlap in SecretOverlap::ALL {
            assert_eq!(overlap.as_str().parse(), Ok(overlap));
        }
        assert!("refresh_token".parse::<ApplicationGrant>().is_err());
        assert!("2h".parse::<SecretOverlap>().is_err());
    }

    #[test]
    fn only_tokens_of_people_expire() {
        assert_eq!(GRANTS.map(ApplicationGrant::access_token_ttl), [Some(7_200), None]);
    }

    #[test]
    fn ip_required_static_tokens_are_bound_to_addresses() {
        let listed = AllowList::parse(["203.0.113.5"]).unwrap();
        for grant in GRANTS {
            assert_eq!(grant.check_allow_list(&listed), Ok(()));
        }
        assert_eq!(ApplicationGrant::AuthorizationCode.check_allow_list(&AllowList::default()), Ok(()));
        assert!(ApplicationGrant::ClientCredentials.check_allow_list(&AllowList::default()).is_err());
    }

    #[test]
    fn an_address_is_told_once_however_it_is_written() {
        let fault = |addresses: &[&str]| notification_emails(addresses.iter().copied()).unwrap_err().0;
        let both = notification_emails(["it@app.example", "Ops@app.example"]).unwrap();
        assert_eq!(both.iter().map(Email::as_str).collect::<Vec<_>>(), ["it@app.example", "Ops@app.example"]);
        assert_eq!(fault(&["it@app.example", "ops@app.example", "IT@app.example"]), Some(2));
        assert_eq!(fault(&["it@app.example", "it"]), Some(1));
        let many: Vec<String> = (0..=MAX_NOTIFICATION_EMAILS).map(|number| format!("{number}@app.example")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(fault(&many), None);
        assert_eq!(notification_emails(many[1..].iter().copied()).unwrap().len(), MAX_NOTIFICATION_EMAILS);
    }

    #[test]
    fn a_redirect_uri_is_what_people_who_agree_need() {
        let [code, credentials] = GRANTS;
        assert_eq!(code.check_redirect_uri(Some("https://app.example/callbacks?provider=payt")), Ok(()));
        assert!(code.check_redirect_uri(Some("http://app.example/callbacks")).is_err());
        assert!(code.check_redirect_uri(None).is_err());
        assert_eq!(credentials.check_redirect_uri(None), Ok(()));
        assert!(credentials.check_redirect_uri(Some("https://app.example/cb")).is_err());
    }
}
