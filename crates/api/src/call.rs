//! One call of the API: who calls, what was sent, and what handlers need to answer.

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, TRANSFER_ENCODING},
    web::{Bytes, Data, Payload},
};
use paylent_domain::{
    Id,
    actor::Actor,
    audit::Context,
    network::Origin,
    permission::Permissions,
    policy::{self, Denied},
    user::User,
};
use paylent_jsonapi::{Code, Error, Query, Schema, media_type};
use paylent_storage::{Env, Tenant};

use crate::{
    Endpoint, Settings, actor,
    failure::{self, Failure},
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
    /// Who and where from, for the audit trail, and the moment of the call.
    pub by: Context,
    request: HttpRequest,
    payload: Option<Payload>,
}

impl Call {
    /// Checks media types, finds out who calls, and asks the policy, in this order. Nothing of the body is read yet.
    ///
    /// # Errors
    /// 406, 414 or 415; 400 or 401 for the token; 401 or 403 by policy.
    pub(crate) async fn open(
        request: HttpRequest,
        payload: Payload,
        settings: Data<Settings>,
        env: Env,
        endpoint: &Endpoint,
    ) -> Result<Self, Failure> {
        check_head(&request, endpoint)?;
        let actor = actor::actor(&request, &env, &settings).await?;
        policy::permits(&actor, endpoint.resource, endpoint.action)?;
        let Actor::Token(token) = &actor else { return Err(Denied::Anonymous.into()) };
        let (ip, user_agent) = match request.extensions().get::<Origin>() {
            Some(origin) => (Some(origin.ip), origin.user_agent.clone()),
            None => (None, None),
        };
        let by = Context::token(token, ip, user_agent, settings.clock.now());
        Ok(Self { settings, env, actor, by, request, payload: Some(payload) })
    }

    /// Whose data the call is about.
    pub(crate) fn tenant(&self) -> &Tenant {
        self.env.tenant()
    }

    /// The URL of the request, at the environment's canonical address.
    pub(crate) fn url(&self) -> String {
        let target = self.request.uri().path_and_query().map_or(self.request.path(), |target| target.as_str());
        format!("{}{target}", self.tenant().base_url)
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

    /// The id in the path.
    ///
    /// # Errors
    /// 404: what is not an id names nothing.
    pub(crate) fn id<T>(&self) -> Result<Id<T>, Failure> {
        self.request.match_info().get("id").and_then(|id| id.parse().ok()).ok_or(Failure::NotFound)
    }

    /// A new id, made now.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub(crate) fn new_id<T>(&self) -> Result<Id<T>, Failure> {
        Ok(Id::new(self.by.at, paylent_crypto::secret::random_bytes()?))
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

    /// Whether the caller holds everything it is about to give to somebody.
    ///
    /// # Errors
    /// 403 naming the first permission the caller lacks.
    pub(crate) fn may_grant(&self, permissions: &Permissions) -> Result<(), Failure> {
        Ok(policy::may_grant(&self.actor, permissions)?)
    }

    /// Whether the caller holds every permission of this user: nobody takes over who may do more. `false` when there
    /// is no such user.
    ///
    /// # Errors
    /// 403 naming the first permission the caller lacks.
    pub(crate) async fn may_act_for(&self, user: Id<User>) -> Result<bool, Failure> {
        let Some(permissions) = self.env.permissions_of_user(user).await? else { return Ok(false) };
        self.may_grant(&permissions)?;
        Ok(true)
    }
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
