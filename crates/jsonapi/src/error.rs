//! Error objects and the document that carries them (JSON:API 1.1, "Errors").

use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::{Map, Value};

use crate::document::VERSION;

/// What kind of problem an [`Error`] is: its HTTP status, the stable word for programs and the title for people.
///
/// The words are those of `AshJsonApi` where it has one. Callers may define further constants of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// HTTP status of this problem.
    pub status: u16,
    /// Stable, application-specific word: the member `code`.
    pub word: &'static str,
    /// Summary that never changes from one occurrence to the next: the member `title`.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $status:literal, $word:literal, $title:literal;)*) => {
        impl Code {
            $(#[doc = concat!($title, " (", stringify!($status), ", `", $word, "`).")]
            pub const $name: Code = Code { status: $status, word: $word, title: $title };)*
        }
    };
}

codes! {
    INVALID_BODY = 400, "invalid_body", "Invalid request body";
    MISSING_TYPE = 400, "missing_type", "Missing resource type";
    INVALID_QUERY = 400, "invalid_query", "Invalid query parameter";
    INVALID_INCLUDES = 400, "invalid_includes", "Invalid include";
    INVALID_FIELD = 400, "invalid_field", "Invalid sparse fieldset";
    INVALID_SORT = 400, "invalid_sort", "Invalid sort";
    INVALID_FILTER = 400, "invalid_filter", "Invalid filter";
    INVALID_PAGINATION = 400, "invalid_pagination", "Invalid pagination";
    UNAUTHORIZED = 401, "unauthorized", "Authentication required";
    FORBIDDEN = 403, "forbidden", "Forbidden";
    NOT_FOUND = 404, "not_found", "Not found";
    METHOD_NOT_ALLOWED = 405, "method_not_allowed", "Method not allowed";
    NOT_ACCEPTABLE = 406, "not_acceptable", "Not acceptable";
    CONFLICT = 409, "conflict", "Conflict";
    PRECONDITION_FAILED = 412, "precondition_failed", "Precondition failed";
    PAYLOAD_TOO_LARGE = 413, "payload_too_large", "Request body too large";
    UNSUPPORTED_MEDIA_TYPE = 415, "unsupported_media_type", "Unsupported media type";
    INVALID_ATTRIBUTE = 422, "invalid_attribute", "Invalid attribute";
    INVALID_RELATIONSHIP = 422, "invalid_relationship", "Invalid relationship";
    REQUIRED = 422, "required", "Required value missing";
    TOO_MANY_REQUESTS = 429, "too_many_requests", "Too many requests";
    INTERNAL = 500, "internal_error", "Internal server error";
    UNAVAILABLE = 503, "unavailable", "Service unavailable";
}

/// The part of the request an [`Error`] speaks of: the member `source`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Location {
    /// JSON Pointer (RFC 6901) into the request document, such as `/data/attributes/email`.
    Pointer(String),
    /// Name of a query parameter, decoded, such as `page[size]`.
    Parameter(String),
    /// Name of a request header.
    Header(&'static str),
}

/// One error object.
///
/// ```
/// use paylent_jsonapi::{Code, Error};
/// let error = Error::new(Code::CONFLICT, "This e-mail address is taken.").at_attribute("email");
/// assert_eq!(error.status(), 409);
/// ```
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{} {}: {detail}", code.status, code.word)]
pub struct Error {
    code: Code,
    detail: String,
    location: Option<Location>,
    /// Boxed because few errors have these, and `Result<_, Error>` should stay small.
    extra: Option<Box<Extra>>,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Extra {
    id: Option<String>,
    about: Option<String>,
    kind: Option<&'static str>,
    meta: Map<String, Value>,
}

impl Error {
    /// An error whose `detail` explains this occurrence in a sentence. It reaches the client: no secrets, no internals.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), location: None, extra: None }
    }

    /// Says which part of the request is at fault.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Points into the request document (RFC 6901).
    #[must_use]
    pub fn at_pointer(self, pointer: impl Into<String>) -> Self {
        self.at(Location::Pointer(pointer.into()))
    }

    /// Points to an attribute by its name, whether or not the request had it.
    #[must_use]
    pub fn at_attribute(self, name: &str) -> Self {
        self.at_pointer(pointer("/data/attributes", name))
    }

    /// Points to a relationship by its name, whether or not the request had it.
    #[must_use]
    pub fn at_relationship(self, name: &str) -> Self {
        self.at_pointer(pointer("/data/relationships", name))
    }

    /// Names the query parameter at fault. Very long names are cut: they come from the client.
    #[must_use]
    pub fn at_parameter(self, name: &str) -> Self {
        self.at(Location::Parameter(shortened(name).to_owned()))
    }

    /// Names the request header at fault.
    #[must_use]
    pub fn at_header(self, name: &'static str) -> Self {
        self.at(Location::Header(name))
    }

    /// Sets `id`, usually the request id.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.extra().id = Some(id.into());
        self
    }

    /// Sets `links.about`: a page about this occurrence.
    #[must_use]
    pub fn about(mut self, url: impl Into<String>) -> Self {
        self.extra().about = Some(url.into());
        self
    }

    /// Sets `links.type`: the URI that identifies this type of error.
    #[must_use]
    pub fn kind(mut self, uri: &'static str) -> Self {
        self.extra().kind = Some(uri);
        self
    }

    /// Adds one member to `meta`.
    #[must_use]
    pub fn meta(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extra().meta.insert(name.to_owned(), value.into());
        self
    }

    /// HTTP status of this error.
    pub fn status(&self) -> u16 {
        self.code.status
    }

    /// What kind of problem this is.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence about this occurrence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The part of the request at fault, if one is known.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }
}

impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Links<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            about: Option<&'a str>,
            #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
            kind: Option<&'static str>,
        }
        let extra = self.extra.as_deref();
        let mut object = serializer.serialize_struct("Error", 8)?;
        if let Some(id) = extra.and_then(|extra| extra.id.as_ref()) {
            object.serialize_field("id", id)?;
        }
        if let Some(extra) = extra.filter(|extra| extra.about.is_some() || extra.kind.is_some()) {
            object.serialize_field("links", &Links { about: extra.about.as_deref(), kind: extra.kind })?;
        }
        object.serialize_field("status", &self.code.status.to_string())?;
        object.serialize_field("code", self.code.word)?;
        object.serialize_field("title", self.code.title)?;
        object.serialize_field("detail", &self.detail)?;
        if let Some(location) = &self.location {
            object.serialize_field("source", location)?;
        }
        if let Some(extra) = extra.filter(|extra| !extra.meta.is_empty()) {
            object.serialize_field("meta", &extra.meta)?;
        }
        object.end()
    }
}

/// Errors listed in one answer, at most: else a large broken request would choose the size of its answer.
const MAX_ERRORS: usize = 64;

/// The errors of one request (the first 64); serialises as the whole error document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Errors(Vec<Error>);

impl Errors {
    /// No errors yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one error, unless there are 64 already.
    pub fn push(&mut self, error: Error) {
        if self.0.len() < MAX_ERRORS {
            self.0.push(error);
        }
    }

    /// True while nothing went wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The errors, in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Error> {
        self.0.iter()
    }

    /// `value` if there are no errors, otherwise the errors.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Sets the `id` of every error to `id`, usually the request id.
    #[must_use]
    pub fn with_id(self, id: &str) -> Self {
        Self(self.0.into_iter().map(|error| error.id(id)).collect())
    }

    /// Status of the response: the one all errors share, else the most general that applies (400, or 500 when a
    /// server error is among them). 500 without any error.
    pub fn status(&self) -> u16 {
        let mut statuses = self.0.iter().map(Error::status);
        let Some(first) = statuses.next() else { return 500 };
        let mut rest = statuses.filter(|status| *status != first).peekable();
        if rest.peek().is_none() {
            first
        } else if first >= 500 || rest.any(|status| status >= 500) {
            500
        } else {
            400
        }
    }
}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl FromIterator<Error> for Errors {
    fn from_iter<I: IntoIterator<Item = Error>>(errors: I) -> Self {
        let mut collected = Self::new();
        collected.extend(errors);
        collected
    }
}

impl Extend<Error> for Errors {
    fn extend<I: IntoIterator<Item = Error>>(&mut self, errors: I) {
        errors.into_iter().for_each(|error| self.push(error));
    }
}

impl IntoIterator for Errors {
    type Item = Error;
    type IntoIter = std::vec::IntoIter<Error>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

impl Serialize for Errors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_struct("Errors", 2)?;
        document.serialize_field("jsonapi", &VERSION)?;
        document.serialize_field("errors", &self.0)?;
        document.end()
    }
}

/// `parent` extended by one reference token, escaped as RFC 6901 section 3 says.
pub fn pointer(parent: &str, token: &str) -> String {
    format!("{parent}/{}", shortened(token).replace('~', "~0").replace('/', "~1"))
}

/// At most 256 bytes of a name that the client chose and that an answer repeats.
pub(crate) fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(256)]
}
