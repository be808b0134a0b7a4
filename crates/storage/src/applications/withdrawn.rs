//! What becomes of scopes that applications have permission for no more.

use paylent_domain::scope::Scopes;
use paylent_oauth::OIDC_SCOPES;

/// What is left of these scopes; `None` when nothing of them goes. OpenID Connect's are no permissions, and stay.
pub(crate) fn left(scopes: &str, lost: &[String]) -> Option<String> {
    let goes = |name: &str| !OIDC_SCOPES.contains(&name) && lost.iter().any(|lost| lost == name);
    let scopes = Scopes::stored(scopes);
    let left = || scopes.iter().filter(|name| !goes(name)).map(str::to_owned).collect::<Scopes>();
    scopes.iter().any(goes).then(|| left().to_string())
}

/// Takes scopes, in the unit of work at hand, from the connections of applications and from their tokens that never expire:
/// who gives the applications these scopes again gives them to nobody who did not agree anew. What the applications may
/// ask for is locked. `$applications` is what `eq_any` takes.
macro_rules! take_scopes {
    ($c:expr, $environment:expr, $applications:expr, $lost:expr, $at:expr) => {{
        use $crate::{
            applications::left,
            schema::{access_tokens, connections, static_tokens},
        };

        let its = connections::environment_id.eq($environment).and(connections::application_id.eq_any($applications));
        let its = connections::table.filter(its);
        // Many connections share few sets.
        let sets = its.clone().group_by(connections::scope);
        let sets = sets.select((connections::scope, diesel::dsl::max(connections::updated_at)));
        let sets: Vec<(String, Option<i64>)> = sets.load($c).await?;
        for (scope, changed) in sets {
            let Some(left) = left(&scope, $lost) else { continue };
            let at = $at.after(Timestamp::from_micros(changed.unwrap_or_default()));
            let narrowed = (connections::scope.eq(left), connections::updated_at.eq(at.micros()));
            diesel::update(its.clone().filter(connections::scope.eq(scope))).set(narrowed).execute($c).await?;
        }
        let its = static_tokens::environment_id.eq($environment);
        let its = static_tokens::table.filter(its.and(static_tokens::application_id.eq_any($applications)));
        let its = access_tokens::token_hash.eq_any(its.select(static_tokens::token_hash));
        let its = access_tokens::table.filter(access_tokens::environment_id.eq($environment).and(its));
        let sets: Vec<String> = its.clone().select(access_tokens::scope).distinct().load($c).await?;
        for scope in sets {
            let Some(left) = left(&scope, $lost) else { continue };
            let these = its.clone().filter(access_tokens::scope.eq(scope));
            diesel::update(these).set(access_tokens::scope.eq(left)).execute($c).await?;
        }
    }};
}

/// Takes a scope that goes from all applications of its resource server, which is locked, and from all that they were given.
macro_rules! withdraw_permission {
    ($c:expr, $environment:expr, $server:expr, $name:expr, $by:expr) => {{
        use $crate::{
            applications::take_scopes,
            schema::{applications, clients},
            scopes::without,
        };

        let name: &String = &$name;
        let its = applications::environment_id.eq($environment).and(applications::resource_server_id.eq($server));
        let its = applications::table.filter(its);
        let lists: Vec<String> = its.select(applications::permissions).distinct().load($c).await?;
        for list in lists {
            let Some(shorter) = without(&list, name)? else { continue };
            let these = its.filter(applications::permissions.eq(list));
            let theirs = clients::id.eq_any(these.clone().select(applications::id));
            let theirs = clients::table.filter(clients::environment_id.eq($environment).and(theirs));
            // The clients' rows first, as in every change of an application: their versions are there.
            let lock = diesel::update(theirs.clone()).set(clients::updated_at.eq(clients::updated_at));
            let changed: Vec<i64> = lock.returning(clients::updated_at).get_results($c).await?;
            let changed = Timestamp::from_micros(changed.into_iter().max().unwrap_or_default());
            let at = clients::updated_at.eq($by.at.after(changed).micros());
            diesel::update(theirs).set(at).execute($c).await?;
            diesel::update(these).set(applications::permissions.eq(shorter)).execute($c).await?;
        }
        let (its, lost) = (its.select(applications::id), std::slice::from_ref(name));
        take_scopes!($c, $environment, its, lost, $by.at);
    }};
}
pub(crate) use {take_scopes, withdraw_permission};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_goes_and_who_somebody_is_stays() {
        let lost = ["documents:write".to_owned(), "openid".to_owned()];
        assert_eq!(left("documents:read documents:write openid", &lost).as_deref(), Some("documents:read openid"));
        assert_eq!(left("documents:write", &lost).as_deref(), Some(""));
        assert_eq!(left("documents:read openid", &lost), None);
    }
}
