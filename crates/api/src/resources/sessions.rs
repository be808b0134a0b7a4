//! `session`: that a person is signed in. Its token is told once, to who made it.

use paylent_crypto::secret::{self, SecretHash, SecretKind};
use paylent_domain::{
    Id, Timestamp,
    policy::Resource as Managed,
    session::{MAX_USER_AGENT, Session},
    user::User,
};
use paylent_jsonapi::{Code, Error, FilterField, Incoming, Operator, Resource, Schema};
use paylent_storage::{Env, Expected, Listed, NewSession, Page, SessionFilter};

use super::{BY_CREATION, BY_ID, BY_TIME, by, users};
use crate::{
    Answering,
    attributes::{optional, read},
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::Failure,
    filters::Filters,
    handlers::verb,
    relationships::{RelatedTo, Relationship, existing, one},
};

static SCHEMA: Schema = Schema {
    kind: "session",
    attributes: &[
        "ip_address",
        "user_agent",
        "last_activity_at",
        "expires_at",
        "revoked_at",
        "created_at",
        "updated_at",
    ],
    relationships: &["user"],
    includes: &["user"],
    sorts: BY_CREATION,
    filters: &[BY_ID, BY_TIME, by("user"), FilterField { name: "revoked_at", operators: &[Operator::IsNil] }],
    others: &[&users::SCHEMA],
};

impl Entity for Session {
    const MANAGED: Managed = Managed::Sessions;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, User>()];
    type Filter = SessionFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("ip_address", self.ip.map(|ip| ip.to_string()))
            .attribute("user_agent", self.user_agent.as_deref())
            .attribute("last_activity_at", self.last_activity_at.to_string())
            .attribute("expires_at", self.expires_at.to_string())
            .attribute("revoked_at", self.revoked_at.map(|at| at.to_string()))
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<SessionFilter> {
        let revoked = filters.is_nil("revoked_at").map(|nil| !nil);
        Some(SessionFilter { user_id: filters.one("user")?, revoked })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.session(id).await
    }

    async fn list(env: &Env, filter: SessionFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.sessions(filter, page).await
    }
}

impl RelatedTo<User> for Session {
    const NAME: &'static str = "user";

    fn related(&self) -> Option<Id<User>> {
        Some(self.user_id)
    }
}

impl Create for Session {
    /// Signs a person in. The caller could do all that the person may do, and says which browser it is for.
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let (user, ip, user_agent) = read(document, |given| {
            let user = given.required_one("user", "user");
            let ip = optional(given, "ip_address", |text: String| {
                text.parse().map_err(|_| paylent_domain::Invalid("must be an IP address"))
            });
            let user_agent = optional(given, "user_agent", |text: String| {
                paylent_domain::text::optional_line(&text, MAX_USER_AGENT).map(|()| text)
            });
            Some((user, ip, user_agent))
        })?;
        let user = existing::<User>(call, "user", &user).await?;
        if !user.can_sign_in() {
            let detail = "This user cannot sign in.";
            return Err(Error::new(Code::INVALID_RELATIONSHIP, detail).at_relationship("user").into());
        }
        call.may_act_for(user.id).await?;
        let token = secret::generate(SecretKind::Session)?;
        let token_hash = SecretHash::of(token.expose());
        let new = NewSession { id: call.new_id(), user_id: user.id, token_hash, ip, user_agent };
        let row = call.env.create_session(new, &call.by).await?;
        Ok(Created { row, meta: Vec::new(), secret: Some(("token", token.expose().to_owned())) })
    }
}

impl Delete for Session {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.delete_session(self.id, expected, &call.by).await?)
    }
}

/// `PATCH /sessions/{id}/touch`
pub(crate) fn touch(call: Call) -> Answering {
    Box::pin(verb::<Session>(call, async |call, session, expected| {
        Ok(call.env.touch_session(session.id, expected, &call.by).await?.map(Created::from))
    }))
}

/// `PATCH /sessions/{id}/revoke`
pub(crate) fn revoke(call: Call) -> Answering {
    Box::pin(verb::<Session>(call, async |call, session, expected| {
        Ok(call.env.revoke_session(session.id, expected, &call.by).await?.map(Created::from))
    }))
}
