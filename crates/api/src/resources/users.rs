//! `user`: people, and the service users of machine clients.

use paylent_crypto::password::check_import;
use paylent_domain::{
    Id, Invalid, Timestamp, password,
    policy::{Action, Resource as Managed},
    role::Role,
    text,
    user::{Email, MAX_NAME, NewPerson, PasswordHash, User, UserChange, check_password},
};
use paylent_jsonapi::{Code, Error, Field, Incoming, Reader, Resource, Schema};
use paylent_storage::{Env, Expected, Links, Listed, Page, RoleFilter, UserFilter};

use super::{BY_ID, BY_TIME, by, by_name, changed, permissions, roles};
use crate::{
    attributes::{invalid, nullable, optional, read, required},
    call::Call,
    entity::{Create, Created, Delete, Entity, Update},
    failure::{Failure, or_conflict},
    filters::Filters,
    links::Link,
    relationships::{Holds, Includes, Relationship, few},
};

pub(super) static SCHEMA: Schema = Schema {
    kind: "user",
    attributes: &["email", "first_name", "last_name", "kind", "email_verified", "active", "created_at", "updated_at"],
    relationships: &["roles"],
    includes: &["roles", "roles.permissions"],
    sorts: &["created_at", "email"],
    filters: &[BY_ID, BY_TIME, by_name("email"), by("kind"), by("active"), by("role"), by("organization")],
    others: &[&roles::SCHEMA, &permissions::SCHEMA],
};

impl Entity for User {
    const MANAGED: Managed = Managed::Users;
    const SCHEMA: &'static Schema = &SCHEMA;
    const RELATIONSHIPS: &'static [Relationship<Self>] = &[few::<Self, Role>()];
    const NAMED_BY: Option<&'static str> = Some("email");
    const TELLING: &'static [(&'static str, Managed)] =
        &[("role", Managed::UserRoles), ("organization", Managed::Memberships)];
    type Filter = UserFilter;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn version(&self) -> Timestamp {
        self.updated_at
    }

    fn name_key(&self) -> String {
        User::name_key(self)
    }

    fn name_meant(text: &str) -> Option<String> {
        text.parse::<Email>().ok().map(|email| email.key())
    }

    fn show(&self, resource: Resource, _: &Call) -> Resource {
        resource
            .attribute("email", self.email.as_ref().map(Email::as_str))
            .attribute("first_name", self.first_name.as_deref())
            .attribute("last_name", self.last_name.as_deref())
            .attribute("kind", self.kind.as_str())
            .attribute("email_verified", self.email_verified)
            .attribute("active", self.active)
            .attribute("created_at", self.created_at.to_string())
            .attribute("updated_at", self.updated_at.to_string())
    }

    fn filter(filters: &Filters<'_>, _: &Call) -> Option<UserFilter> {
        Some(UserFilter {
            kind: filters.one("kind")?,
            active: filters.one("active")?,
            role_ids: filters.one("role")?.into_iter().collect(),
            organization_id: filters.one("organization")?,
        })
    }

    async fn find(env: &Env, id: Id<Self>) -> paylent_storage::Result<Option<Self>> {
        env.user(id).await
    }

    async fn list(env: &Env, filter: UserFilter, page: Page) -> paylent_storage::Result<Listed<Self>> {
        env.users(filter, page).await
    }
}

impl Holds<Role> for User {
    const NAME: &'static str = "roles";
    const TIE: Managed = Managed::UserRoles;

    fn held(mut filter: RoleFilter, owner: Id<User>) -> Option<RoleFilter> {
        filter.user_ids.push(owner);
        Some(filter)
    }
}

impl Includes<Role> for User {
    async fn pairs(env: &Env, owners: Vec<Id<User>>) -> paylent_storage::Result<Vec<(Id<User>, Id<Role>)>> {
        env.roles_of_users(owners).await
    }
}

impl Link<Role> for User {
    const ALSO: Option<Action> = Some(Action::Delete);

    async fn link(&self, call: &Call, mut links: Links<Role>) -> Result<(), Failure> {
        let touched = match &mut links {
            Links::Add(roles) | Links::Remove(roles) => roles.clone(),
            Links::Replace { was, with } => {
                let held = call.env.roles_of_users(vec![self.id]).await?.into_iter().map(|(_, role)| role);
                changed(was.insert(held.collect()), with)
            }
        };
        call.may_give_roles(touched, None).await?;
        Ok(call.env.link_user_roles(self.id, links, &call.by).await?)
    }
}

impl Create for User {
    async fn create(call: &Call, document: Incoming) -> Result<Created<Self>, Failure> {
        let minimum = call.settings.minimum_password;
        let (email, first_name, last_name, password) = read(document, |given| {
            let email = required(given, "email", |text: String| text.parse::<Email>());
            let (first_name, last_name) = (name(given, "first_name"), name(given, "last_name"));
            let password = secret(given, minimum, true);
            Some((email?, first_name.value(), last_name.value(), password?))
        })?;
        let about = [Some(email.as_str()), first_name.as_deref(), last_name.as_deref()];
        let password = hashed(call, password, &about).await?;
        let id = call.new_id();
        let person = NewPerson { id, email, email_verified: false, first_name, last_name, password };
        Ok(call.env.create_person(person, &call.by).await.map_err(|error| or_conflict(error, taken()))?.into())
    }
}

impl Update for User {
    async fn update(self, call: &Call, document: Incoming, expected: &Expected) -> Result<Option<Self>, Failure> {
        let minimum = call.settings.minimum_password;
        let (mut change, password) = read(document, |given| {
            let change = UserChange {
                email: optional(given, "email", |text: String| text.parse::<Email>()),
                first_name: name(given, "first_name").change(),
                last_name: name(given, "last_name").change(),
                password: None,
                active: given.optional("active"),
            };
            let password = secret(given, minimum, false);
            Some((change, password))
        })?;
        // What decides who can act as this user is for those who may do as much.
        if change.email.is_some() || change.active.is_some() || password.is_some() {
            call.may_act_for(self.id).await?;
        }
        if let Some(password) = password {
            let email = change.email.as_ref().or(self.email.as_ref()).map(Email::as_str);
            let named = |new: &Option<Option<String>>, old: &Option<String>| new.as_ref().unwrap_or(old).clone();
            let first = named(&change.first_name, &self.first_name);
            let last = named(&change.last_name, &self.last_name);
            change.password = Some(hashed(call, password, &[email, first.as_deref(), last.as_deref()]).await?);
        }
        call.env.update_user(self.id, change, expected, &call.by).await.map_err(|error| or_conflict(error, taken()))
    }
}

impl Delete for User {
    async fn delete(self, call: &Call, expected: &Expected) -> Result<bool, Failure> {
        call.may_act_for(self.id).await?;
        Ok(call.env.delete_user(self.id, expected, &call.by).await?)
    }
}

fn name(given: &mut Reader, attribute: &str) -> Field<String> {
    nullable(given, attribute, |name: String| text::one_line(&name, MAX_NAME).map(|()| name))
}

fn chosen(minimum: usize) -> impl FnOnce(String) -> Result<String, Invalid> {
    move |password| check_password(&password, minimum).map(|()| password)
}

fn confirm(given: &mut Reader, password: Option<&str>) {
    let repeated = given.optional::<String>("password_confirmation");
    if repeated.is_some() && repeated.as_deref() != password {
        let error = Error::new(Code::INVALID_ATTRIBUTE, "password_confirmation is not the same as password.");
        given.refuse(error.at_attribute("password_confirmation"));
    }
}

/// What a person shall sign in with.
enum Given {
    Password(String),
    /// The hash of a password, made by another system.
    Hash(String),
}

/// The password, or its hash: one of them. Where neither is `needed`, none will do. The password may be repeated; then it
/// must be the same.
fn secret(given: &mut Reader, minimum: usize, needed: bool) -> Option<Given> {
    let hash = given.optional::<String>("password_hash");
    let password = match needed && hash.is_none() {
        true => required(given, "password", chosen(minimum)),
        false => optional(given, "password", chosen(minimum)),
    };
    confirm(given, password.as_deref());
    let Some(hash) = hash else { return password.map(Given::Password) };
    if password.is_some() {
        given.refuse(invalid("password_hash", &Invalid("takes the place of password; give one of them")));
    }
    if check_import(&hash).is_err() {
        const BAD: Invalid =
            Invalid("must be a bcrypt, PBKDF2, scrypt or Argon2 hash at a cost that this server takes");
        given.refuse(invalid("password_hash", &BAD));
    }
    Some(Given::Hash(hash))
}

/// The hash to keep. A password must not be easy to guess for those who know its person (`about`).
async fn hashed(call: &Call, given: Given, about: &[Option<&str>]) -> Result<PasswordHash, Failure> {
    let password = match given {
        Given::Password(password) => password,
        Given::Hash(hash) => return Ok(PasswordHash(hash)),
    };
    let least = password::shortest(call.settings.minimum_password, call.env.password_min_length().await?);
    let environment = &call.env.tenant().environment;
    let here = [Some(environment.handle.as_str()), Some(environment.display_name())];
    let about: Vec<&str> = about.iter().copied().chain(here).flatten().collect();
    password::check(&password, least, &about).map_err(|reason| invalid("password", &reason))?;
    Ok(PasswordHash(call.settings.passwords.hash(&password).await?))
}

fn taken() -> Error {
    Error::new(Code::CONFLICT, "Another user has this e-mail address.").at_attribute("email")
}
