//! Every way a call can fail, and the JSON:API error document that tells of it.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    error::BlockingError,
    http::{
        StatusCode,
        header::{ALLOW, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use paylent_domain::{network::Origin, policy::Denied};
use paylent_jsonapi::{Code, Error, Errors};
use paylent_oauth::{BearerError, ErrorCode};
use paylent_storage::{Env, Error as StorageError, Refusal};

use crate::respond::response;

/// The query string is too long.
pub(crate) const URI_TOO_LONG: Code = Code { status: 414, word: "uri_too_long", title: "URI too long" };
const INVALID_REQUEST: Code = Code { status: 400, word: "invalid_request", title: "Invalid request" };
const INVALID_TOKEN: Code = Code { status: 401, word: "invalid_token", title: "Invalid access token" };

/// How long a caller should wait after a 503, in seconds.
const RETRY_AFTER_SECONDS: &str = "2";

/// Why a call is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Faulty(#[from] Errors),
    #[error(transparent)]
    Bearer(#[from] BearerError),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("there is no such resource")]
    NotFound,
    /// With the methods that are allowed.
    #[error("the method is not allowed")]
    MethodNotAllowed(String),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Crypto(#[from] paylent_crypto::Error),
    #[error(transparent)]
    Letter(#[from] paylent_mail::Error),
    #[error(transparent)]
    Engine(#[from] paylent_oauth::Error),
    #[error(transparent)]
    Blocking(#[from] BlockingError),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Faulty(error.into())
    }
}

impl Failure {
    /// A related resource that is named in the body is not there (JSON:API 1.1, "Creating Resources").
    pub(crate) fn related_not_found(relationship: &str) -> Self {
        let detail = format!("There is no such {relationship}.");
        Error::new(Code::NOT_FOUND, detail).at_relationship(relationship).into()
    }

    /// A linkage document names more than one request may.
    pub(crate) fn too_many_links(most: usize) -> Self {
        Error::new(Code::INVALID_RELATIONSHIP, format!("At most {most} can be named at once."))
            .at_pointer("/data")
            .into()
    }

    /// An item of a linkage document names nothing.
    pub(crate) fn no_such_link(kind: &str, index: usize) -> Self {
        Error::new(Code::NOT_FOUND, format!("There is no such {kind}.")).at_pointer(format!("/data/{index}")).into()
    }

    /// The relationship cannot be changed at its own address (JSON:API 1.1, "Updating Relationships").
    pub(crate) fn fixed_relationship() -> Self {
        Error::new(Code::FORBIDDEN, "This relationship cannot be changed here.").into()
    }

    /// The response, and a line in the log if the fault is ours.
    pub(crate) fn response(self, request: &HttpRequest) -> HttpResponse {
        let request_id = request.extensions().get::<Origin>().map(|origin| origin.request_id.clone());
        let headers = self.headers(request);
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(request_id, error = causes(&self), "a call of the Management API failed");
        }
        let mut errors = self.into_errors();
        if let Some(id) = request_id {
            errors = errors.with_id(&id);
        }
        let mut response = response(status);
        for header in headers {
            response.insert_header(header);
        }
        response.json(errors)
    }

    /// Whether the fault is ours, so that it is not known what was done.
    pub(crate) fn is_server_error(&self) -> bool {
        self.status() >= 500
    }

    fn status(&self) -> u16 {
        match self {
            Self::Faulty(errors) => errors.status(),
            other => other.code().status,
        }
    }

    fn code(&self) -> Code {
        match self {
            _ if self.is_unavailable() => Code::UNAVAILABLE,
            Self::Bearer(BearerError::Malformed) => INVALID_REQUEST,
            Self::Bearer(BearerError::Invalid) => INVALID_TOKEN,
            Self::Bearer(BearerError::Foreign(_)) => Code::FORBIDDEN,
            Self::Denied(Denied::Anonymous) => Code::UNAUTHORIZED,
            Self::Denied(_) => Code::FORBIDDEN,
            Self::NotFound => Code::NOT_FOUND,
            Self::MethodNotAllowed(_) => Code::METHOD_NOT_ALLOWED,
            Self::Storage(StorageError::Conflict) => Code::CONFLICT,
            Self::Storage(StorageError::Reference) => Code::NOT_FOUND,
            Self::Storage(StorageError::TooMany { .. }) => Code::TOO_MANY_REQUESTS,
            Self::Storage(StorageError::Refused(refusal)) => code_of(*refusal),
            _ => Code::INTERNAL,
        }
    }

    fn is_unavailable(&self) -> bool {
        match self {
            Self::Storage(StorageError::Unavailable(_)) | Self::Crypto(paylent_crypto::Error::Busy) => true,
            Self::Engine(error) | Self::Bearer(BearerError::Failed(error)) => {
                error.code == ErrorCode::TemporarilyUnavailable
            }
            _ => false,
        }
    }

    fn into_errors(self) -> Errors {
        let code = self.code();
        let detail = match &self {
            _ if code == Code::UNAVAILABLE => "The service is busy. Try again in a moment.".to_owned(),
            _ if code == Code::INTERNAL => "The service failed to answer this request.".to_owned(),
            Self::NotFound => "There is nothing here.".to_owned(),
            Self::MethodNotAllowed(allowed) => format!("Only {allowed} can be used here."),
            Self::Storage(StorageError::Conflict) => "Such a resource exists already.".to_owned(),
            Self::Storage(StorageError::Reference) => "A related resource is not there.".to_owned(),
            Self::Storage(StorageError::TooMany { .. }) => {
                "This was done too often lately. Try again later.".to_owned()
            }
            Self::Storage(StorageError::Refused(refusal)) => refusal.to_string(),
            other => other.to_string(),
        };
        let error = Error::new(code, detail);
        match self {
            Self::Faulty(errors) if !errors.is_empty() => errors,
            Self::Bearer(BearerError::Malformed) => error.at_header("Authorization").into(),
            Self::Storage(StorageError::Reference) => error.at_pointer("/data/relationships").into(),
            _ => error.into(),
        }
    }

    fn headers(&self, request: &HttpRequest) -> Vec<(HeaderName, String)> {
        let challenge = |text: String| vec![(WWW_AUTHENTICATE, text)];
        match self {
            _ if self.is_unavailable() => vec![(RETRY_AFTER, RETRY_AFTER_SECONDS.to_owned())],
            Self::Storage(StorageError::TooMany { retry_after }) => vec![(RETRY_AFTER, retry_after.to_string())],
            Self::Bearer(BearerError::Malformed) => challenge(r#"Bearer error="invalid_request""#.to_owned()),
            Self::Bearer(BearerError::Invalid) => challenge(r#"Bearer error="invalid_token""#.to_owned()),
            Self::Denied(Denied::Anonymous) => {
                let realm = request.extensions().get::<Env>().map(|env| env.tenant().base_url.clone());
                challenge(format!(r#"Bearer realm="{}""#, realm.unwrap_or_default()))
            }
            Self::Denied(Denied::MissingScope(scope)) => {
                challenge(format!(r#"Bearer error="insufficient_scope", scope="{scope}""#))
            }
            Self::MethodNotAllowed(allowed) => vec![(ALLOW, allowed.clone())],
            _ => Vec::new(),
        }
    }
}

/// Tells a conflict with another row as `conflict`, and every other storage error as itself.
pub(crate) fn or_conflict(error: StorageError, conflict: Error) -> Failure {
    match error {
        StorageError::Conflict => conflict.into(),
        other => other.into(),
    }
}

fn code_of(refusal: Refusal) -> Code {
    let conflict = |word| Code { word, ..Code::CONFLICT };
    match refusal {
        Refusal::Stale => Code::PRECONDITION_FAILED,
        Refusal::System => Code { word: "system_resource", ..Code::FORBIDDEN },
        Refusal::LastAdmin => conflict("last_admin"),
        Refusal::LastKey => conflict("last_key"),
        Refusal::ActiveKey => conflict("active_key"),
        Refusal::InactiveKey => conflict("inactive_key"),
        Refusal::ServiceUser => conflict("service_user"),
        Refusal::ActingClients => conflict("acting_clients"),
        Refusal::Overtaken => conflict("overtaken"),
        Refusal::TooMany => conflict("too_many"),
        Refusal::Account => conflict("account"),
        Refusal::InactiveSession => conflict("inactive_session"),
        Refusal::CannotSignIn => conflict("cannot_sign_in"),
        Refusal::AlreadyMember => conflict("already_member"),
        Refusal::AnsweredInvitation => conflict("answered_invitation"),
        Refusal::RegistrationClosed => conflict("registration_closed"),
        Refusal::PublicClient => conflict("public_client"),
        Refusal::ClientWithKeys => conflict("client_with_keys"),
        Refusal::DeadInvitation => conflict("dead_invitation"),
        Refusal::OtherAddress | Refusal::UnverifiedAddress => Code::FORBIDDEN,
        Refusal::NoRefreshTokens => conflict("no_refresh_tokens"),
        Refusal::NeededRefreshTokens => conflict("needed_refresh_tokens"),
        Refusal::UsedByApplications => conflict("used_by_applications"),
        Refusal::NoLetter => conflict("no_letter"),
        Refusal::Wider => conflict("wider_connection"),
        Refusal::NothingLeft => Code::INVALID_ATTRIBUTE,
    }
}

/// An error with all its causes, for the log.
fn causes(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use actix_web::{http::header::CONTENT_TYPE, test::TestRequest};

    use super::*;

    fn told(failure: impl Into<Failure>) -> (u16, Option<String>, String) {
        let request = TestRequest::get().to_http_request();
        let failure = failure.into();
        let word = failure.code().word.to_owned();
        let response = failure.response(&request);
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/vnd.api+json");
        assert_eq!(response.headers().get("vary").unwrap(), "Accept");
        assert_eq!(response.headers().get("cache-control").unwrap(), "no-store");
        let challenge = response.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap().to_owned());
        (response.status().as_u16(), challenge, word)
    }

    #[test]
    fn ap_auth_no_token_a_bad_token_and_a_weak_token_are_told_apart() {
        assert_eq!(told(Denied::Anonymous), (401, Some(r#"Bearer realm="""#.into()), "unauthorized".into()));
        assert_eq!(
            told(BearerError::Invalid),
            (401, Some(r#"Bearer error="invalid_token""#.into()), "invalid_token".into())
        );
        assert_eq!(
            told(BearerError::Malformed),
            (400, Some(r#"Bearer error="invalid_request""#.into()), "invalid_request".into())
        );
        let scope = Denied::MissingScope("users:read".into());
        let challenge = r#"Bearer error="insufficient_scope", scope="users:read""#;
        assert_eq!(told(scope), (403, Some(challenge.into()), "forbidden".into()));
        assert_eq!(told(Denied::MissingPermission("users:read".into())), (403, None, "forbidden".into()));
    }

    #[test]
    fn an_outage_says_when_to_come_back() {
        let request = TestRequest::get().to_http_request();
        for failure in [
            Failure::from(StorageError::Unavailable("down".into())),
            Failure::from(paylent_crypto::Error::Busy),
            Failure::from(BearerError::Failed(paylent_oauth::Error::unavailable("down"))),
        ] {
            let response = failure.response(&request);
            assert_eq!(response.status(), 503);
            assert_eq!(response.headers().get("retry-after").unwrap(), "2");
        }
    }

    #[test]
    fn ap_errors_a_defect_is_told_without_its_cause() {
        let failure = Failure::from(StorageError::Broken("column secret_hash".into()));
        let errors = failure.into_errors();
        assert_eq!(errors.status(), 500);
        assert!(!errors.to_string().contains("secret_hash"), "{errors}");
    }

    #[test]
    fn rb_system_what_came_with_the_environment_is_forbidden_and_other_rules_are_conflicts() {
        assert_eq!(told(StorageError::Refused(Refusal::System)), (403, None, "system_resource".into()));
        assert_eq!(told(StorageError::Refused(Refusal::LastAdmin)), (409, None, "last_admin".into()));
    }
}
