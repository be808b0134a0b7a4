//! What OpenID Connect adds to OAuth: its scopes, the claims they cover, ID tokens and userinfo.

mod claims_request;
mod hint;
mod id_token;
mod userinfo;

use paylent_domain::scope::Scopes;
use serde_json::{Map, Value};

pub(crate) use claims_request::ClaimsRequest;
pub(crate) use id_token::IdTokenRequest;
pub use userinfo::{UserInfo, UserInfoError};

use crate::store::Profile;

/// Scopes that belong to OpenID Connect, not to a resource server.
pub const OIDC_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// How far a sign-in is to be trusted, the `acr`: level 1 of ISO/IEC 29115, which a password reaches.
pub(crate) const ACR: &str = "1";

/// The claims about a person, and the scope that covers each (OpenID Connect Core section 5.4).
pub(crate) const CLAIMS: [(&str, &str); 7] = [
    ("name", "profile"),
    ("given_name", "profile"),
    ("family_name", "profile"),
    ("locale", "profile"),
    ("updated_at", "profile"),
    ("email", "email"),
    ("email_verified", "email"),
];

/// What one of these scopes allows, in words for the person who is asked.
pub(crate) fn description(scope: &str) -> Option<&'static str> {
    match scope {
        "openid" => Some("Know who you are"),
        "profile" => Some("See your name and language"),
        "email" => Some("See your e-mail address"),
        "offline_access" => Some("Keep its access while you are away"),
        _ => None,
    }
}

/// What can be said about a person to whom the scopes were granted, as far as `wanted`.
pub(crate) fn claims(profile: &Profile, scopes: &Scopes, wanted: impl Fn(&str) -> bool) -> Map<String, Value> {
    let covered = CLAIMS.iter().filter(|(name, scope)| scopes.contains(scope) && wanted(name));
    covered.filter_map(|(name, _)| Some(((*name).to_owned(), claim(profile, name)?))).collect()
}

fn claim(profile: &Profile, name: &str) -> Option<Value> {
    let text = |text: &Option<String>| text.clone().map(Value::from);
    match name {
        "name" => full_name(profile).map(Value::from),
        "given_name" => text(&profile.given_name),
        "family_name" => text(&profile.family_name),
        "locale" => text(&profile.locale),
        "updated_at" => Some(profile.updated_at.seconds().into()),
        "email" => text(&profile.email),
        "email_verified" => profile.email.as_ref().map(|_| profile.email_verified.into()),
        _ => None,
    }
}

fn full_name(profile: &Profile) -> Option<String> {
    let names: Vec<&str> =
        [&profile.given_name, &profile.family_name].into_iter().flatten().map(String::as_str).collect();
    (!names.is_empty()).then(|| names.join(" "))
}
