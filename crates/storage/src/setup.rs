//! Makes an account with everything it starts with, in one transaction.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use paylent_domain::{
    Id, Timestamp,
    account::{Account, AccountHandle},
    audit::{Context, Event},
    environment::{Environment, Handle, SYSTEM_HANDLE},
    permission::system_permissions,
    policy::management_scopes,
    resource_server::{DEFAULT_TOKEN_TTL, MANAGEMENT_API},
    role::{ADMIN, VIEWER},
    signing_key::NewSigningKey,
    user::NewPerson,
};

use crate::{
    Db, MachineUser, NewClient, Result,
    audit::{AuditRow, entry, new_id},
    client_grants::{ClientGrantRow, NewClientGrant},
    clients::NewClientRow,
    key::Key,
    membership_roles::MembershipRoleRow,
    memberships::MembershipRow,
    organizations::OrganizationRow,
    permissions::PermissionRow,
    pool::on,
    resource_servers::ResourceServerRow,
    role_permissions::RolePermissionRow,
    roles::RoleRow,
    schema::{
        accounts, audit_events, client_grants, clients, environments, membership_roles, memberships, organizations,
        permissions, resource_servers, role_permissions, roles, scopes, signing_keys, user_roles, users,
    },
    scopes::ScopeRow,
    signing_keys::NewSigningKeyRow,
    user_roles::UserRoleRow,
    users::NewUserRow,
};

/// An account about to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its id, which is also its organization's.
    pub id: Id<Account>,
    /// Its handle.
    pub handle: AccountHandle,
    /// The person who administers it. One whose address is known already keeps its password.
    pub admin: NewPerson,
    /// The system environment, made if this is the first account.
    pub system: NewEnvironment,
    /// The environments it starts with.
    pub environments: Vec<NewEnvironment>,
}

/// An environment about to be made.
#[derive(Debug, Clone)]
pub struct NewEnvironment {
    /// Its id.
    pub id: Id<Environment>,
    /// The name in its host.
    pub handle: Handle,
    /// Its first signing key.
    pub key: NewSigningKey,
    /// A machine client with the admin role and a grant to the Management API.
    pub machine: Option<NewClient>,
}

#[derive(Insertable)]
#[diesel(table_name = environments, treat_none_as_default_value = false)]
struct EnvironmentRow {
    id: Key,
    account_id: Option<Key>,
    handle: String,
    custom_domain: Option<String>,
    created_at: i64,
    updated_at: i64,
    registration_enabled: bool,
}

#[derive(Insertable)]
#[diesel(table_name = accounts)]
struct AccountRow {
    id: Key,
    environment_id: Key,
    handle: String,
    created_at: i64,
}

/// Every row of a new environment, in the order of their references.
struct Seed {
    environment: EnvironmentRow,
    key: NewSigningKeyRow,
    permissions: Vec<PermissionRow>,
    roles: Vec<RoleRow>,
    role_permissions: Vec<RolePermissionRow>,
    management_api: ResourceServerRow,
    scopes: Vec<ScopeRow>,
    machine: Option<MachineSeed>,
    audit: AuditRow,
}

struct MachineSeed {
    user: Option<NewUserRow>,
    client: NewClientRow,
    grant: ClientGrantRow,
    role: Option<UserRoleRow>,
}

impl Seed {
    fn new(new: NewEnvironment, account: Option<Id<Account>>, by: &Context) -> Result<Self> {
        let (environment, at) = (Key::from(new.id), by.at);
        let management_api = management_api(environment, at)?;
        let roles = [ADMIN, VIEWER].map(|name| role(environment, name, at)).into_iter().collect::<Result<Vec<_>>>()?;
        let (mut permissions, mut role_permissions) = (Vec::new(), Vec::new());
        for name in system_permissions() {
            let permission = permission(environment, name, at)?;
            for role in roles.iter().filter(|role| role.name == ADMIN || permission.name.ends_with(":read")) {
                role_permissions.push(RolePermissionRow::new(environment, role.id, permission.id, at)?);
            }
            permissions.push(permission);
        }
        let scopes = management_scopes()
            .map(|name| ScopeRow::new(environment, management_api.id, &name, at))
            .collect::<Result<_>>()?;
        let machine = new.machine.map(|client| MachineSeed::new(environment, client, &roles, &management_api, at));
        let event = Event::new("environment.created", "environment", new.id, new.handle.as_str());
        Ok(Self {
            environment: EnvironmentRow {
                id: environment,
                account_id: account.map(Key::from),
                handle: new.handle.to_string(),
                custom_domain: None,
                created_at: at.micros(),
                updated_at: at.micros(),
                // Into the system environment, whose people have accounts, one is invited.
                registration_enabled: account.is_some(),
            },
            key: NewSigningKeyRow::new(environment, new.key, at),
            permissions,
            roles,
            role_permissions,
            management_api,
            scopes,
            machine: machine.transpose()?,
            audit: entry(environment, by, &event)?,
        })
    }

    fn role(&self, name: &str) -> Option<Key> {
        self.roles.iter().find(|role| role.name == name).map(|role| role.id)
    }
}

impl MachineSeed {
    fn new(
        environment: Key,
        client: NewClient,
        roles: &[RoleRow],
        api: &ResourceServerRow,
        at: Timestamp,
    ) -> Result<Self> {
        let service = match client.user {
            Some(MachineUser::Service(id)) => Some(id),
            _ => None,
        };
        let grant = NewClientGrant {
            id: new_id::<()>(at)?.id(),
            client_id: client.id,
            resource_server_id: api.id.id(),
            allowed_scopes: None,
        };
        let admin = roles.iter().find(|role| role.name == ADMIN).map(|role| role.id);
        let role = match service.zip(admin) {
            Some((user, role_id)) => Some(UserRoleRow {
                environment_id: environment,
                id: new_id::<()>(at)?,
                user_id: user.into(),
                role_id,
                created_at: at.micros(),
            }),
            None => None,
        };
        Ok(Self {
            user: service.map(|id| NewUserRow::service(environment, id, &client.name, at)),
            client: NewClientRow::new(environment, client, at),
            grant: ClientGrantRow::new(environment, grant, at),
            role,
        })
    }
}

fn role(environment_id: Key, name: &str, at: Timestamp) -> Result<RoleRow> {
    let description = if name == ADMIN { "May do everything." } else { "May read everything." };
    Ok(RoleRow {
        environment_id,
        id: new_id::<()>(at)?,
        name: name.to_owned(),
        description: Some(description.to_owned()),
        system: true,
        created_at: at.micros(),
        updated_at: at.micros(),
    })
}

fn permission(environment_id: Key, name: String, at: Timestamp) -> Result<PermissionRow> {
    let (created_at, updated_at) = (at.micros(), at.micros());
    Ok(PermissionRow {
        environment_id,
        id: new_id::<()>(at)?,
        name,
        description: None,
        system: true,
        created_at,
        updated_at,
    })
}

fn management_api(environment_id: Key, at: Timestamp) -> Result<ResourceServerRow> {
    Ok(ResourceServerRow {
        environment_id,
        id: new_id::<()>(at)?,
        name: MANAGEMENT_API.to_owned(),
        identifier: None,
        token_ttl: DEFAULT_TOKEN_TTL,
        allow_offline_access: true,
        system: true,
        created_at: at.micros(),
        updated_at: at.micros(),
    })
}

/// Inserts every row of a seed.
macro_rules! plant {
    ($c:ident, $seed:expr) => {{
        let seed = $seed;
        seed.environment.insert_into(environments::table).execute($c).await?;
        seed.key.insert_into(signing_keys::table).execute($c).await?;
        for row in seed.permissions {
            row.insert_into(permissions::table).execute($c).await?;
        }
        for row in seed.roles {
            row.insert_into(roles::table).execute($c).await?;
        }
        for row in seed.role_permissions {
            row.insert_into(role_permissions::table).execute($c).await?;
        }
        seed.management_api.insert_into(resource_servers::table).execute($c).await?;
        for row in seed.scopes {
            row.insert_into(scopes::table).execute($c).await?;
        }
        if let Some(machine) = seed.machine {
            if let Some(row) = machine.user {
                row.insert_into(users::table).execute($c).await?;
            }
            machine.client.insert_into(clients::table).execute($c).await?;
            machine.grant.insert_into(client_grants::table).execute($c).await?;
            if let Some(row) = machine.role {
                row.insert_into(user_roles::table).execute($c).await?;
            }
        }
        seed.audit.insert_into(audit_events::table).execute($c).await?;
    }};
}

impl Db {
    /// Makes an account, its organization in the system environment, its admin and its environments.
    ///
    /// # Errors
    /// `Conflict` when the account or one of its environments exists.
    pub async fn create_account(&self, new: NewAccount, by: &Context) -> Result<()> {
        let by = by.clone();
        let system = Seed::new(new.system, None, &by)?;
        let seeds =
            new.environments.into_iter().map(|env| Seed::new(env, Some(new.id), &by)).collect::<Result<Vec<_>>>()?;
        let (account, handle, admin, at) = (Key::from(new.id), new.handle, new.admin, by.at);
        on!(self, transaction, |c| {
            let known = environments::table.filter(environments::handle.eq(SYSTEM_HANDLE)).select(environments::id);
            let (environment, role) = match known.get_result::<Key>(c).await.optional()? {
                Some(id) => {
                    let admin = roles::table.filter(roles::environment_id.eq(id).and(roles::name.eq(ADMIN)));
                    (id, admin.select(roles::id).get_result::<Key>(c).await?)
                }
                None => {
                    let ids = (system.environment.id, system.role(ADMIN).unwrap_or(system.management_api.id));
                    plant!(c, system);
                    ids
                }
            };
            let organization = OrganizationRow {
                environment_id: environment,
                id: account,
                name: handle.to_string(),
                created_at: at.micros(),
                updated_at: at.micros(),
                slug: None,
            };
            organization.insert_into(organizations::table).execute(c).await?;
            let row = AccountRow {
                id: account,
                environment_id: environment,
                handle: handle.to_string(),
                created_at: at.micros(),
            };
            row.insert_into(accounts::table).execute(c).await?;
            let same_address = users::environment_id.eq(environment).and(users::email_key.eq(admin.email.key()));
            let user_id =
                match users::table.filter(same_address).select(users::id).get_result::<Key>(c).await.optional()? {
                    Some(id) => id,
                    None => {
                        let row = NewUserRow::person(environment, admin, at);
                        let id = row.id;
                        row.insert_into(users::table).execute(c).await?;
                        id
                    }
                };
            let membership = MembershipRow {
                environment_id: environment,
                id: new_id::<()>(at)?,
                user_id,
                organization_id: account,
                created_at: at.micros(),
            };
            let membership_id = membership.id;
            membership.insert_into(memberships::table).execute(c).await?;
            let id = new_id::<()>(at)?;
            let role = MembershipRoleRow {
                environment_id: environment,
                id,
                membership_id,
                role_id: role,
                created_at: at.micros(),
            };
            role.insert_into(membership_roles::table).execute(c).await?;
            for seed in seeds {
                plant!(c, seed);
            }
            let event = Event::new("account.created", "account", account.id::<Account>(), handle.as_str());
            entry(environment, &by, &event)?.insert_into(audit_events::table).execute(c).await?;
            Ok(())
        })
    }
}
