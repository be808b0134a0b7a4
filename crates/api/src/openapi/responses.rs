//! What every operation may answer when it cannot do what it was asked for.

use paylent_jsonapi::Code;
use serde_json::{Value, json};
use utoipa::openapi::{
    Header, HeaderBuilder, Ref, Response, ResponseBuilder,
    content::{Content, ContentBuilder},
};

use super::{
    examples,
    property::{integer, text},
    schemas::schema,
};
use crate::failure::URI_TOO_LONG;

/// One answer of the components.
struct Failing {
    name: &'static str,
    when: &'static str,
    code: Code,
    detail: &'static str,
    /// Which member of `source` tells where the fault is, and what it tells.
    source: Option<(&'static str, &'static str)>,
    header: Option<&'static str>,
}

const CHALLENGE: Option<&str> = Some("WWW-Authenticate");
const RETRY: Option<&str> = Some("Retry-After");

const FAILINGS: [Failing; 14] = [
    Failing {
        name: "BadRequest",
        when: "The document, a parameter or a header is malformed or unknown.",
        code: Code::INVALID_QUERY,
        detail: "This parameter is not supported here.",
        source: Some(("parameter", "colour")),
        header: CHALLENGE,
    },
    Failing {
        name: "Unauthorized",
        when: "There is no access token, or it is invalid, expired, revoked or for another audience.",
        code: Code::UNAUTHORIZED,
        detail: "This needs an access token.",
        source: None,
        header: CHALLENGE,
    },
    Failing {
        name: "Forbidden",
        when: "The token's scope or its user's permission is missing, what is named came with the \
               environment, or the document chooses an id.",
        code: Code::FORBIDDEN,
        detail: "The access token lacks the scope users:read.",
        source: None,
        header: CHALLENGE,
    },
    Failing {
        name: "NotFound",
        when: "Nothing is here, or a related resource is not there. What belongs to another environment \
               is not there.",
        code: Code::NOT_FOUND,
        detail: "There is nothing here.",
        source: None,
        header: None,
    },
    Failing {
        name: "NotAcceptable",
        when: "`Accept` names the JSON:API media type, but only with parameters that are not known.",
        code: Code::NOT_ACCEPTABLE,
        detail: "Only application/vnd.api+json without extensions and without other parameters can be served.",
        source: Some(("header", "Accept")),
        header: None,
    },
    Failing {
        name: "Conflict",
        when: "A value is taken, the type or id is another one, or a rule between resources forbids it.",
        code: Code::CONFLICT,
        detail: "Another user has this e-mail address.",
        source: Some(("pointer", "/data/attributes/email")),
        header: None,
    },
    Failing {
        name: "PreconditionFailed",
        when: "The resource does not have the `ETag` that `If-Match` names.",
        code: Code::PRECONDITION_FAILED,
        detail: "It has changed since you read it. Read it again.",
        source: None,
        header: None,
    },
    Failing {
        name: "PayloadTooLarge",
        when: "The body has more than 1 MiB.",
        code: Code::PAYLOAD_TOO_LARGE,
        detail: "The body must have at most 1048576 bytes.",
        source: None,
        header: None,
    },
    Failing {
        name: "UriTooLong",
        when: "The query has more than 8 KiB.",
        code: URI_TOO_LONG,
        detail: "The query must have at most 8192 bytes.",
        source: None,
        header: None,
    },
    Failing {
        name: "UnsupportedMediaType",
        when: "The body's media type is not that of JSON:API, or it is compressed.",
        code: Code::UNSUPPORTED_MEDIA_TYPE,
        detail: "The body must be application/vnd.api+json without parameters other than profile.",
        source: Some(("header", "Content-Type")),
        header: None,
    },
    Failing {
        name: "Unprocessable",
        when: "Attributes or relationships are wrong, missing, unknown or not to be written. All that is \
               wrong is told at once.",
        code: Code::INVALID_ATTRIBUTE,
        detail: "email must be an e-mail address such as jane@example.com.",
        source: Some(("pointer", "/data/attributes/email")),
        header: None,
    },
    Failing {
        name: "TooManyRequests",
        when: "The caller asks too often.",
        code: Code::TOO_MANY_REQUESTS,
        detail: "Too many requests. Try again later.",
        source: None,
        header: RETRY,
    },
    Failing {
        name: "InternalError",
        when: "The server failed. The request's id leads to the reason in its log.",
        code: Code::INTERNAL,
        detail: "The service failed to answer this request.",
        source: None,
        header: None,
    },
    Failing {
        name: "Unavailable",
        when: "The service is busy.",
        code: Code::UNAVAILABLE,
        detail: "The service is busy. Try again in a moment.",
        source: None,
        header: RETRY,
    },
];

/// The answer of the components for a status.
pub(super) fn failing(status: u16) -> Ref {
    let failing = FAILINGS.iter().find(|failing| failing.code.status == status);
    Ref::from_response_name(failing.map_or("InternalError", |failing| failing.name))
}

/// Every answer of the components, by name.
pub(super) fn failings() -> impl Iterator<Item = (&'static str, Response)> {
    FAILINGS.iter().map(|failing| {
        let source = failing.source.map_or(Value::Null, |(place, name)| json!({ place: name }));
        let example = examples::error(failing.code, failing.detail, source);
        let response = with_request_id(ResponseBuilder::new().description(failing.when));
        let response = failing.header.into_iter().fold(response, |response, name| response.header(name, header(name)));
        (failing.name, response.content(super::JSON_API, content("ErrorDocument", example)).build())
    })
}

/// A document with its schema and an example.
pub(super) fn content(name: &str, example: Value) -> Content {
    ContentBuilder::new().schema(Some(schema(name))).example(Some(example)).build()
}

/// Every response names its request.
pub(super) fn with_request_id(response: ResponseBuilder) -> ResponseBuilder {
    response.header("X-Request-Id", header("X-Request-Id"))
}

/// A header of responses.
pub(super) fn header(name: &str) -> Header {
    let (description, schema) = match name {
        "ETag" => ("The version of the resource, for `If-Match`.", text()),
        "Location" => ("The URL of what was made.", text()),
        "Idempotency-Replayed" => ("`true` when the answer was given before.", text()),
        "WWW-Authenticate" => ("What is wrong with the token, or which scope it lacks (RFC 6750).", text()),
        "Retry-After" => ("After how many seconds to try again.", integer(0, None)),
        _ => ("The id of the request, as the log has it.", text()),
    };
    HeaderBuilder::new().schema(schema).description(Some(description)).build()
}
