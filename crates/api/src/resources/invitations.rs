//! `invitation`: that somebody is asked to join an organization. Its token is mailed and never shown here.

use paylent_crypto::secret::{self, Secret, SecretHash, SecretKind};
use paylent_domain::{
    Id, Invalid, Timestamp,
    actor::Actor,
    invitation::{Invitation, InvitationStatus, MAX_ROLES, MAX_TTL},
    language::Language,
    mail::NewMail,
    organization::Organization,
    policy::{Denied, Resource as Managed},
    role::Role,
    user::{Email, User, UserKind},
};
use paylent_jsonapi::{Code, Error, FilterField, Incoming, Operator, Resource, Schema};
use paylent_mail::{About, Letter};
use paylent_storage::{Env, Expected, InvitationFilter, Listed, NewInvitation, Page, RoleFilter};
use serde_json::Value;

use super::{BY_ID, BY_TIME, by, by_name, organizations, users};
use crate::{
    Answering,
    attributes::{invalid_item, list, optional, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity},
    failure::{Failure, or_conflict},
    filters::Filters,
    handlers::verb,
    relationships::{RelatedTo, Relationship, existing, one},
};

static SCHEMA: Schema = Schema {
    kind: "invitation",
    attributes: &["email", "role_ids", "status", "expires_at", "created_at", "updated_at"],
    relationships: &["organization", "inviter"],
    includes: &["organization", "inviter"],
    sorts: &["created_at", "email"],
    filters: &[
        BY_ID,
        BY_TIME,
        by_name("email"),
        by("organization"),
        FilterField { name: "status", operators: &[Operator::Eq, Operator::NotEq] },
    ],
    others: &[&organizations::SCHEMA, &users::SCHEMA],
};

impl Entity for Invitation {
    const MANAGED: Managed = Managed::Invitations;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[one::<Self, Organization>(), one::<Self, User>()];
    const NAMED_BY: Option<&'static str> = Some("email");
    type Filter = InvitationFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn organization(&self) -> Option<Id<Organization>> {
        Some(self.organization_id)
    }

    fn name_key(&self) -> String {
        self.email.key()
    }

    fn name_meant(text: &str) -> Option<String> {
        text.parse::<Email>().ok().map(|email| email.key())
    }

    fn show(&self, resource: Resource, call: &Call) -> Resource {
        resource
            .attribute("email", self.email.as_str())
            .attribute("role_ids", self.role_ids.iter().map(|id| Value::from(id.to_string())).collect::<Value>())
            .attribute("status", self.status_at(call.by.at).as_str())
            .attribute("expires_at", self.expires_at.to_string())
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, call: &Call) -> Option<InvitationFilter> {
        Some(InvitationFilter {
            organization_id: filters.one("organization")?,
            status: filters.one::<InvitationStatus>("status")?,
            not_status: filters.not("status"),
            now: call.by.at,
            within: None,
        })
    }

    fn within(filter: InvitationFilter, organizations: Vec<Id<Organization>>) -> Option<InvitationFilter> {
        Some(InvitationFilter { within: Some(organizations), ..filter })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.invitation(id).await
    }

    async fn list(env: &Env, filter: InvitationFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.invitations(filter, page).await
    }
}

impl RelatedTo<Organization> for Invitation {
    const NAME: &'static str = "organization";

    fn related(&self) -> Option<Id<Organization>> {
        Some(self.organization_id)
    }
}

impl RelatedTo<User> for Invitation {
    const NAME: &'static str = "inviter";

    fn related(&self) -> Option<Id<User>> {
        Some(self.inviter_id)
    }
}

impl Create for Invitation {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let Actor::Token(token) = &call.actor else { return Err(Denied::Anonymous.into()) };
        let now = call.by.at;
        let (email, roles, expires_at, locale, organization) = read(document, |given| {
            let email = required(given, "email", |text: String| text.parse::<Email>());
            let roles = list(given, "role_ids", |id| id.parse::<Id<Role>>().map_err(|_| Invalid("must be an id")));
            let expires_at = optional(given, "expires_at", |text: String| expiry(&text, now));
            let locale = optional(given, "locale", |tag: String| tag.parse::<Language>());
            let organization = given.required_one("organization", "organization");
            Some((email?, roles.unwrap_or_default(), expires_at, locale, organization))
        })?;
        let organization = existing::<Organization>(call, "organization", &organization).await?;
        check_roles(call, &roles).await?;
        call.may_give_roles(roles.clone(), Some(organization.id)).await?;
        let expires_at = match expires_at {
            Some(expires_at) => expires_at,
            None => now.plus_seconds(call.env.invitation_ttl().await?),
        };
        let (id, secret) = (call.new_id(), secret::generate(SecretKind::Invitation)?);
        let mail = Mailing { id, secret: &secret, email: &email, locale, organization: &organization, expires_at };
        let new = NewInvitation {
            id,
            organization_id: organization.id,
            inviter_id: token.user_id,
            mail: mail.sealed(call, token.user_id).await?,
            email,
            role_ids: roles,
            expires_at,
            token_hash: SecretHash::of(secret.expose()),
        };
        let detail = "An invitation of this address to this organization is pending already.";
        let taken = Error::new(Code::CONFLICT, detail).at_attribute("email");
        Ok(call.env.create_invitation(new, &call.by).await.map_err(|error| or_conflict(error, taken))?.into())
    }
}

/// What the mail of an invitation is made of.
struct Mailing<'a> {
    id: Id<Invitation>,
    secret: &'a Secret,
    email: &'a Email,
    locale: Option<Language>,
    organization: &'a Organization,
    expires_at: Timestamp,
}

impl Mailing<'_> {
    /// The mail, in the language of whoever has the address, if that is known, or else the one that was asked for. It is
    /// the only place where the secret is.
    async fn sealed(&self, call: &Call, inviter: Id<User>) -> Result<NewMail, Failure> {
        const DAY: i64 = 24 * 3_600;
        let (tenant, now) = (call.tenant(), call.by.at);
        let known = call.env.language_of(self.email).await?;
        let inviter = call.env.user(inviter).await?.filter(|user| user.kind == UserKind::Person);
        let days = (self.expires_at.seconds() - now.seconds()).max(0) + DAY - 1;
        let letter = Letter {
            language: known.or(self.locale).unwrap_or_default(),
            environment: tenant.environment.display_name().to_owned(),
            base_url: tenant.base_url.clone(),
            about: About::Invitation {
                organization: self.organization.name.clone(),
                inviter: inviter.as_ref().and_then(name_of),
                link: format!("{}/invitations/{}?token={}", tenant.base_url, self.id, self.secret.expose()),
                days: u32::try_from(days / DAY).unwrap_or(u32::MAX),
            },
        };
        let letters = &call.settings.letters;
        Ok(letters.seal(tenant.environment.id, self.email, &letter, now, Some(self.expires_at))?)
    }
}

/// What people call the one who invites.
fn name_of(user: &User) -> Option<String> {
    let names: Vec<&str> = [&user.first_name, &user.last_name].into_iter().filter_map(|name| name.as_deref()).collect();
    match names.is_empty() {
        true => user.email.as_ref().map(|email| email.as_str().to_owned()),
        false => Some(names.join(" ")),
    }
}

impl Delete for Invitation {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        Ok(call.env.delete_invitation(self.id, expected, &call.by).await?)
    }
}

/// `PATCH /invitations/{id}/revoke`
pub(crate) fn revoke(call: Call) -> Answering {
    Box::pin(verb::<Invitation>(call, async |call, invitation, expected| {
        Ok(call.env.revoke_invitation(invitation.id, expected, &call.by).await?.map(Created::from))
    }))
}

/// Checks that every role is there.
async fn check_roles(call: &Call, roles: &[Id<Role>]) -> Result<(), Failure> {
    if roles.len() > MAX_ROLES {
        let detail = format!("role_ids must have at most {MAX_ROLES} items.");
        return Err(Error::new(Code::INVALID_ATTRIBUTE, detail).at_attribute("role_ids").into());
    }
    let page = Page::of_ids(roles.iter().map(|id| *id.as_bytes()).collect());
    let known = if roles.is_empty() { Vec::new() } else { call.env.roles(RoleFilter::default(), page).await?.rows };
    match roles.iter().position(|id| known.iter().all(|role| role.id != *id)) {
        Some(index) => Err(invalid_item("role_ids", index, &Invalid("is not a role of the environment")).into()),
        None => Ok(()),
    }
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, Invalid> {
    let at: Timestamp = text.parse().map_err(|_| Invalid("must be a date and time such as 2026-11-22T10:00:00Z"))?;
    match now < at && at <= now.plus_seconds(MAX_TTL) {
        true => Ok(at),
        false => Err(Invalid("must be in the next ninety days")),
    }
}
