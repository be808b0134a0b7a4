//! One call of the API: who calls, what was sent, and what handlers need to answer.

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, TRANSFER_ENCODING},
    },
    web::{Bytes, Data, Payload},
};
use paylent_domain::{
    Id, Timestamp,
    actor::Actor,
    audit::Context,
    network::Origin,
    organization::Organization,
    permission::Permissions,
    policy::{self, Denied, Reach},
    role::Role,
    user::User,
};
use paylent_jsonapi::{Code, Document, Error, Query, Schema, media_type};
use paylent_storage::{Env, Error as StorageError, Expected, Refusal, Tenant};

use crate::{
    Endpoint, Settings, actor, etag,
    failure::{self, Failure},
    respond::response,
};

/// The largest body, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// The longest query string, in bytes.
const MAX_QUERY: usize = 8 * 1024;

/// A call that the policy agreed to.
pub(crate) struct Call {
    pub settings: Data<Settings>,
    pub env: Env,
    pub actor: Actor,
    /// How far the right to the endpoint's resource reaches.
    pub reach: Reach,
    /// Who and where from, for the audit trail, and the moment of the call.
    pub by: Context,
    /// The id of what the call makes, if it makes something.
    making: [u8; 16],
    request: HttpRequest,
    payload: Option<Payload>,
}

impl Call {
    /// Finds out who calls, asks the policy, and checks media types, in this order: a token that comes from where it should
    /// not is known for that whatever it was sent with. Nothing of the body is read yet.
    ///
    /// # Errors
    /// 400, 401 or 403 for the token; 401 or 403 by policy; 406, 414 or 415.
    pub(crate) async fn open(
        request: HttpRequest,
        payload: Payload,
        settings: Data<Settings>,
        env: Env,
        endpoint: &Endpoint,
    ) -> Result<Self, Failure> {
        let actor = actor::actor(&request, &env, &settings).await?;
        let reach = policy::permits(&actor, endpoint.resource, endpoint.action)?;
        check_head(&request, endpoint)?;
        let Actor::Token(token) = &actor else { return Err(Denied::Anonymous.into()) };
        let (ip, user_agent) = match request.extensions().get::<Origin>() {
            Some(origin) => (Some(origin.ip), origin.user_agent.clone()),
            None => (None, None),
        };
        let by = Context::token(token, ip, user_agent, settings.clock.now());
        let making = *fresh_id::<()>(by.at)?.as_bytes();
        Ok(Self { settings, env, actor, reach, by, making, request, payload: Some(payload) })
    }

    /// Whose data the call is about.
    pub(crate) fn tenant(&self) -> &Tenant {
        self.env.tenant()
    }

    /// The request as it came.
    pub(crate) fn request(&self) -> &HttpRequest {
        &self.request
    }

    /// The path of the request.
    pub(crate) fn path(&self) -> &str {
        self.request.path()
    }

    /// The URL of the request, at the environment's canonical address.
    pub(crate) fn url(&self) -> String {
        let target = self.request.uri().path_and_query().map_or(self.request.path(), |target| target.as_str());
        format!("{}{target}", self.tenant().base_url)
    }

    /// An answer with the headers all have.
    pub(crate) fn answer(&self, status: StatusCode) -> HttpResponseBuilder {
        response(status)
    }

    /// The answer of this document.
    pub(crate) fn ok(&self, document: Document) -> HttpResponse {
        self.answer(StatusCode::OK).json(self.described(document))
    }

    /// A document with the link to the description of the API.
    pub(crate) fn described(&self, document: Document) -> Document {
        document.link("describedby", format!("{}/api/openapi.json", self.tenant().base_url))
    }

    /// Which versions of the resource the request is meant for.
    ///
    /// # Errors
    /// 400 for a malformed `If-Match`.
    pub(crate) fn expected(&self) -> Result<Expected, Failure> {
        Ok(etag::expected(self.request.headers())?)
    }

    /// For what has no version: a condition on one cannot hold.
    ///
    /// # Errors
    /// 400 for a malformed `If-Match`, 412 for one that names versions.
    pub(crate) fn expects_nothing(&self) -> Result<(), Failure> {
        match self.expected()? {
            Expected::Any => Ok(()),
            Expected::OneOf(_) => Err(StorageError::Refused(Refusal::Stale).into()),
        }
    }

    /// The query of a request for a collection.
    ///
    /// # Errors
    /// 400 with the parameters at fault.
    pub(crate) fn collection_query(&self, schema: &Schema) -> Result<Query, Failure> {
        Ok(Query::collection(self.request.query_string(), schema)?)
    }

    /// The query of a request for one resource, or of a write.
    ///
    /// # Errors
    /// 400 with the parameters at fault.
    pub(crate) fn resource_query(&self, schema: &Schema) -> Result<Query, Failure> {
        Ok(Query::resource(self.request.query_string(), schema)?)
    }

    /// A query whose answer includes nothing.
    ///
    /// # Errors
    /// 400 for `include`.
    pub(crate) fn without_include(query: Query) -> Result<Query, Failure> {
        match query.include {
            None => Ok(query),
            Some(_) => {
                let detail = "Nothing can be included here.";
                Err(Error::new(Code::INVALID_INCLUDES, detail).at_parameter("include").into())
            }
        }
    }

    /// The id in the path.
    ///
    /// # Errors
    /// 404: what is not an id names nothing.
    pub(crate) fn id<T>(&self) -> Result<Id<T>, Failure> {
        self.request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or(Failure::NotFound)
    }

    /// The id of what this call makes.
    pub(crate) fn new_id<T>(&self) -> Id<T> {
        Id::from_bytes(self.making)
    }

    /// Makes it under this id, which an earlier attempt reserved.
    pub(crate) fn make_under(&mut self, id: [u8; 16]) {
        self.making = id;
    }

    /// The id of something that is made besides.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(crate) fn another_id<T>(&self) -> Result<Id<T>, Failure> {
        fresh_id(self.by.at)
    }

    /// The body, once; empty if there is none.
    ///
    /// # Errors
    /// 413 when it is too large, 415 when it came without a media type, 400 when it broke off.
    pub(crate) async fn body(&mut self) -> Result<Bytes, Failure> {
        let Some(payload) = self.payload.take() else { return Ok(Bytes::new()) };
        let body = payload.to_bytes_limited(MAX_BODY).await.map_err(|_| {
            Error::new(Code::PAYLOAD_TOO_LARGE, format!("The body must have at most {MAX_BODY} bytes."))
        })?;
        let body = body.map_err(|_| Error::new(Code::INVALID_BODY, "The body could not be read to its end."))?;
        if !body.is_empty() {
            check_content_type(self.request.headers())?;
        }
        Ok(body)
    }

    /// Whether the caller holds everything it is about to give to somebody in the whole environment.
    ///
    /// # Errors
    /// 403 naming the first permission the caller lacks.
    pub(crate) fn may_grant(&self, permissions: &Permissions) -> Result<(), Failure> {
        Ok(policy::may_grant(&self.actor, permissions, None)?)
    }

    /// Whether the caller holds what these roles hold, in the environment or in the organization they are for.
    ///
    /// # Errors
    /// 403 naming the first permission the caller lacks.
    pub(crate) async fn may_give_roles(
        &self,
        roles: Vec<Id<Role>>,
        within: Option<Id<Organization>>,
    ) -> Result<(), Failure> {
        let permissions = self.env.permissions_held_by(roles).await?;
        Ok(policy::may_grant(&self.actor, &permissions, within)?)
    }

    /// Whether the caller holds every permission of this user, those in organizations too: nobody takes over who may do
    /// more. `false` when there is no such user.
    ///
    /// # Errors
    /// 403 naming the first permission the caller lacks.
    pub(crate) async fn may_act_for(&self, user: Id<User>) -> Result<bool, Failure> {
        let Some(rights) = self.env.rights_of_user(user).await? else { return Ok(false) };
        self.may_grant(&rights.permissions)?;
        for (organization, permissions) in &rights.organizations {
            policy::may_grant(&self.actor, permissions, Some(*organization))?;
        }
        Ok(true)
    }
}

fn fresh_id<T>(at: Timestamp) -> Result<Id<T>, Failure> {
    Ok(Id::new(at, paylent_crypto::secret::random_bytes()?))
}

/// Checks what can be told from the head of a request alone.
fn check_head(request: &HttpRequest, endpoint: &Endpoint) -> Result<(), Failure> {
    let headers = request.headers();
    if request.query_string().len() > MAX_QUERY {
        return Err(Error::new(failure::URI_TOO_LONG, format!("The query must have at most {MAX_QUERY} bytes.")).into());
    }
    media_type::check_accept(headers.get_all(ACCEPT).map(|value| value.as_bytes()))?;
    if matches!(endpoint.method, "POST" | "PATCH") {
        let encodings = headers.get_all(CONTENT_ENCODING);
        if encodings.into_iter().any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            let detail = "The body must not be compressed.";
            return Err(Error::new(Code::UNSUPPORTED_MEDIA_TYPE, detail).at_header("Content-Encoding").into());
        }
        let announces_body = one(headers, &CONTENT_LENGTH).is_some_and(|length| length != b"0")
            || headers.contains_key(TRANSFER_ENCODING);
        if announces_body || headers.contains_key(CONTENT_TYPE) {
            check_content_type(headers)?;
        }
    }
    Ok(())
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Error> {
    media_type::check_content_type(one(headers, &CONTENT_TYPE))
}

/// The value of a header that is given exactly once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name);
    values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes())
}
