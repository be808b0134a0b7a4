//! What becomes of the applications of an organization that goes.

/// Deletes the applications of an organization, whose row is locked, with their connections, tokens and service users.
macro_rules! delete_applications {
    ($c:ident, $environment:expr, $owner:expr, $by:expr) => {{
        use $crate::{
            clients::delete_service_user,
            schema::{applications, clients},
        };

        let owner: &OrganizationRow = &$owner;
        let theirs = applications::environment_id.eq($environment).and(applications::organization_id.eq(owner.id));
        let theirs = applications::table.filter(theirs).select(applications::id);
        let theirs = clients::table.filter(clients::environment_id.eq($environment).and(clients::id.eq_any(theirs)));
        let gone = diesel::delete(theirs).returning((clients::id, clients::name, clients::user_id));
        let gone: Vec<(Key, String, Option<Key>)> = gone.get_results($c).await?;
        for (id, name, service) in gone {
            if let Some(service) = service {
                delete_service_user!($c, $environment, service);
            }
            let event = $crate::applications::event("application.deleted", id.id(), &name, owner.id.id(), &owner.name);
            entry($environment, &$by, &event)?.insert_into(audit_events::table).execute($c).await?;
        }
    }};
}
pub(crate) use delete_applications;
