//! What a request asks for, once it is known to be right.

use paylent_crypto::secret::SecretHash;
use paylent_domain::{
    client::{ClientType, GrantType},
    scope::Scopes,
};

use super::{
    prompt::{Prompt, max_age},
    redirect::MAX_STATE,
};
use crate::{
    Engine,
    error::{Error, ErrorCode},
    oidc::{ClaimsRequest, OIDC_SCOPES},
    parameters::Parameters,
    pkce,
    store::{Application, Ownership, Store},
};

/// The longest `nonce` and `login_hint`, in bytes.
const MAX_NONCE: usize = 512;
const MAX_LOGIN_HINT: usize = 254;

/// The parameters that mean something here. Others are ignored (RFC 6749 section 3.1), and so are `acr_values`,
/// `display`, `ui_locales` and `claims_locales`, which are wishes (OpenID Connect Core section 3.1.2.1).
const KNOWN: [&str; 19] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "response_mode",
    "scope",
    "resource",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
    "claims",
    "id_token_hint",
    "login_hint",
    "organization",
    "request",
    "request_uri",
    "registration",
];

const UNKNOWN_RESOURCE: Error = Error::new(ErrorCode::InvalidTarget, "The resource is not known.");

/// A request that is right, and the client that made it.
pub(super) struct Ask {
    pub(super) application: Application,
    pub(super) redirect_uri_sent: bool,
    pub(super) audience: String,
    pub(super) scopes: Scopes,
    pub(super) nonce: Option<String>,
    pub(super) code_challenge: Option<SecretHash>,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<i64>,
    /// The only person the client wants to hear of.
    pub(super) subject: Option<String>,
    pub(super) login_hint: Option<String>,
    pub(super) id_token_claims: Vec<String>,
    /// The organization to act for, by its id or slug.
    pub(super) organization: Option<String>,
}

/// The parameters to carry from page to page.
pub(super) fn known_parameters(parameters: &Parameters) -> Vec<(String, String)> {
    let known = KNOWN.iter().filter_map(|name| Some(((*name).to_owned(), parameters.get(name)?.to_owned())));
    known.collect()
}

impl<S: Store> Engine<S> {
    /// Judges everything about a request but its client and address, which are right.
    pub(super) async fn ask(
        &self,
        application: Application,
        parameters: &Parameters,
        redirect_uri_sent: bool,
    ) -> Result<Ask, Error> {
        check_form(parameters)?;
        check_client(&application, parameters)?;
        let public = application.client.client_type == ClientType::Public;
        let code_challenge = pkce::challenge(parameters, public || application.require_pkce)?;
        let (prompt, max_age) = (Prompt::parse(parameters)?, max_age(parameters)?);
        let claims = ClaimsRequest::parse(parameters.get("claims"))?;
        if claims.insists_on_other_acr {
            return Err(Error::new(
                ErrorCode::AccessDenied,
                "The essential acr that claims asks for cannot be reached.",
            ));
        }
        let (audience, mut scopes) = self.asked(&application, parameters)?;
        scopes = scopes.iter().chain(claims.scopes.iter()).map(str::to_owned).collect();
        if scopes.contains("openid") && !redirect_uri_sent {
            return Err(Error::invalid_request("OpenID Connect requires the parameter redirect_uri."));
        }
        let subject = self.subject(&application, parameters, claims.subject).await?;
        Ok(Ask {
            redirect_uri_sent,
            audience,
            scopes,
            nonce: parameters.get("nonce").map(str::to_owned),
            code_challenge,
            prompt,
            max_age,
            subject,
            login_hint: parameters.get("login_hint").filter(|hint| hint.len() <= MAX_LOGIN_HINT).map(str::to_owned),
            id_token_claims: claims.id_token,
            organization: parameters.get("organization").map(str::to_owned),
            application,
        })
    }

    /// The audience and the scopes. Without a resource the audience is the issuer, and only OpenID Connect's scopes are
    /// known (RFC 8707 section 2).
    fn asked(&self, application: &Application, parameters: &Parameters) -> Result<(String, Scopes), Error> {
        let asked = Scopes::parse(parameters.get("scope").unwrap_or_default())
            .map_err(|_| Error::new(ErrorCode::InvalidScope, "The scope is malformed."))?;
        let resource = parameters.get("resource").map(|resource| self.config.resolve(resource));
        if let Some(ownership) = &application.client.ownership {
            return asked_by_application(application, ownership, resource, asked);
        }
        let server = match (resource, &application.resource) {
            (Some(_), None) => return Err(UNKNOWN_RESOURCE),
            (Some(_), Some(server)) => Some(server),
            (None, _) => None,
        };
        let has = |name: &str| server.is_some_and(|server| server.scopes.iter().any(|scope| scope.name == name));
        if asked.iter().any(|name| !OIDC_SCOPES.contains(&name) && !has(name)) {
            return Err(Error::new(
                ErrorCode::InvalidScope,
                "A requested scope is not known. The scopes of an API need the parameter resource.",
            ));
        }
        let audience = server.map_or(&self.config.issuer, |server| &server.identifier);
        Ok((audience.clone(), asked))
    }

    /// The only person the client wants to hear of, by `id_token_hint` or by `claims`.
    async fn subject(
        &self,
        application: &Application,
        parameters: &Parameters,
        claimed: Option<String>,
    ) -> Result<Option<String>, Error> {
        let Some(text) = parameters.get("id_token_hint") else { return Ok(claimed) };
        const BAD: Error =
            Error::invalid_request("The id_token_hint is not an ID token of this issuer for this client.");
        let hint = self.hint(text).await?.filter(|hint| hint.aud == application.client.client_id).ok_or(BAD)?;
        match claimed {
            Some(claimed) if claimed != hint.sub => {
                Err(Error::invalid_request("The id_token_hint and the parameter claims mean different people."))
            }
            _ => Ok(Some(hint.sub)),
        }
    }
}

/// An application of an organization is for one API, and without a scope it asks for all it has permission for.
fn asked_by_application(
    application: &Application,
    ownership: &Ownership,
    resource: Option<&str>,
    asked: Scopes,
) -> Result<(String, Scopes), Error> {
    let server = application.resource.as_ref().ok_or(UNKNOWN_RESOURCE)?;
    if resource.is_some_and(|resource| resource != server.identifier) {
        return Err(Error::new(ErrorCode::InvalidTarget, "The application is for another resource."));
    }
    let permitted =
        |name: &str| ownership.permissions.contains(name) && server.scopes.iter().any(|scope| scope.name == name);
    if asked.is_empty() {
        let all = ownership.permissions.iter().filter(|name| permitted(name)).map(str::to_owned).collect();
        return Ok((server.identifier.clone(), all));
    }
    let may_ask = asked.iter().all(|name| OIDC_SCOPES.contains(&name) || permitted(name));
    match may_ask {
        true => Ok((server.identifier.clone(), asked)),
        false => Err(Error::new(ErrorCode::InvalidScope, "The application has no permission for a requested scope.")),
    }
}

/// The parameters that have one right form, or must not be there at all.
fn check_form(parameters: &Parameters) -> Result<(), Error> {
    let unsupported = [
        ("request", ErrorCode::RequestNotSupported, "Request objects are not supported."),
        ("request_uri", ErrorCode::RequestUriNotSupported, "Request objects are not supported."),
        ("registration", ErrorCode::RegistrationNotSupported, "The parameter registration is not supported."),
    ];
    if let Some((_, code, reason)) = unsupported.into_iter().find(|(name, ..)| parameters.get(name).is_some()) {
        return Err(Error::new(code, reason));
    }
    if !matches!(parameters.get("response_mode"), None | Some("query" | "form_post")) {
        return Err(Error::invalid_request("The response_mode must be query or form_post."));
    }
    match parameters.require("response_type", "The parameter response_type is missing.")? {
        "code" => {}
        _ => return Err(Error::new(ErrorCode::UnsupportedResponseType, "The response_type must be code.")),
    }
    if parameters.get("state").is_some_and(|state| state.len() > MAX_STATE) {
        return Err(Error::invalid_request("The state must have at most 2048 bytes."));
    }
    if parameters.get("nonce").is_some_and(|nonce| nonce.len() > MAX_NONCE) {
        return Err(Error::invalid_request("The nonce must have at most 512 bytes."));
    }
    Ok(())
}

/// What this client in particular must do.
fn check_client(application: &Application, parameters: &Parameters) -> Result<(), Error> {
    if !application.client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(Error::new(ErrorCode::UnauthorizedClient, "The client may not use this grant type."));
    }
    if application.client.ownership.is_some() && parameters.get("state").is_none() {
        return Err(Error::invalid_request("The parameter state is missing."));
    }
    Ok(())
}
