//! What ends with a session, and who is told of it.

use diesel::{
    dsl::{self, auto_type},
    prelude::*,
};

use crate::{key::Key, schema::sessions};

/// The statement that ends all sessions of a user that are live at this moment.
#[auto_type(no_type_alias)]
pub(crate) fn end_sessions(environment: Key, user: Key, at: i64) -> _ {
    let theirs = sessions::environment_id.eq(environment).and(sessions::user_id.eq(user));
    let live = sessions::revoked_at.is_null().and(sessions::expires_at.gt(at));
    dsl::update(sessions::table)
        .filter(theirs)
        .filter(live)
        .set((sessions::revoked_at.eq(at), sessions::updated_at.eq(at)))
}

/// Ends what shall not outlive these sessions of a user, which end in this unit of work: their families without
/// `offline_access`, but not those of applications. Notes which clients are to be told of which session, and names them.
macro_rules! end_families {
    ($c:ident, $environment:expr, $sessions:expr, $user:expr, $at:expr) => {{
        use diesel::dsl::not;
        use $crate::schema::{clients, logout_deliveries, token_families};

        let ended: Vec<$crate::key::Key> = $sessions;
        let families = || {
            token_families::environment_id
                .eq($environment)
                .and(token_families::session_id.eq_any(ended.clone()))
                .and(token_families::revoked_at.is_null())
        };
        let theirs = clients::environment_id
            .eq(token_families::environment_id)
            .and(clients::client_id.eq(token_families::client_id));
        let told: Vec<($crate::key::Key, String, Option<String>)> = token_families::table
            .inner_join(clients::table.on(theirs))
            .filter(families())
            .filter(clients::active.eq(true).and(clients::backchannel_logout_uri.is_not_null()))
            .select((token_families::session_id, clients::client_id, clients::backchannel_logout_uri))
            .distinct()
            .order((token_families::session_id.asc(), clients::client_id.asc()))
            .load($c)
            .await?;
        // Scopes are one text: surrounded by spaces, a name is found as a whole.
        let scope = token_families::scope;
        let offline = scope
            .eq("offline_access")
            .or(scope.like("offline\\_access %").escape('\\'))
            .or(scope.like("% offline\\_access").escape('\\'))
            .or(scope.like("% offline\\_access %").escape('\\'));
        let dead = token_families::revoked_at.eq($at.micros());
        // A connection lasts until it is withdrawn.
        let bound = families().and(token_families::connection_id.is_null()).and(not(offline));
        diesel::update(token_families::table.filter(bound)).set(dead).execute($c).await?;
        let mut logouts = Vec::with_capacity(told.len());
        for (session, client_id, uri) in told {
            let Some(uri) = uri else { continue };
            let logout = paylent_oauth::store::BackchannelLogout { client_id, uri };
            let row = $crate::logout_deliveries::NewDeliveryRow::new($environment, &logout, session, $user, $at);
            row.insert_into(logout_deliveries::table).execute($c).await?;
            logouts.push(logout);
        }
        logouts
    }};
}

/// Ends the live sessions of a user but the one to `$keep`, with what shall not outlive them, and says which those are.
/// The user's row is locked before, so that nobody signs in meanwhile and units of work that do this wait in turn.
macro_rules! end_all_sessions {
    ($c:ident, $environment:expr, $user:expr, $keep:expr, $at:expr) => {{
        let keep: Option<$crate::key::Key> = $keep;
        let all = $crate::session_ends::end_sessions($environment, $user, $at.micros());
        let others = all.filter($crate::schema::sessions::id.ne_all(keep.into_iter().collect::<Vec<_>>()));
        let ended: Vec<$crate::key::Key> = others.returning($crate::schema::sessions::id).get_results($c).await?;
        if !ended.is_empty() {
            $crate::session_ends::end_families!($c, $environment, ended.clone(), $user, $at);
        }
        ended
    }};
}

pub(crate) use {end_all_sessions, end_families};
