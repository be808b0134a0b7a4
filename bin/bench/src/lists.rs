//! The lists of an environment with very many users: the way to a deep page, and the requests that `load` sends.

use crate::{
    api::{self, Api, Site, text},
    error::Error,
    http,
    progress::Progress,
    rows,
};
use std::{net::SocketAddr, path::PathBuf};

/// The lists that are measured, and under which `report` finds them.
pub(crate) const FIRST: &str = "users_first_page";
pub(crate) const DEEP: &str = "users_deep_page";
pub(crate) const BY_EMAIL: &str = "users_by_email";
pub(crate) const NEWEST: &str = "users_newest_first";
pub(crate) const WITH_ROLES: &str = "users_with_roles";
pub(crate) const ALL: [&str; 5] = [FIRST, DEEP, BY_EMAIL, NEWEST, WITH_ROLES];

/// Rows of a page on the way to the deep page: the most there may be.
const STRIDE: u64 = 100;
/// Addresses to look for, evenly spread over the users.
const ADDRESSES: u64 = 1_000;

/// Where the users are.
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    /// What `paylent setup --json` printed; its first environment is measured.
    pub(crate) setup: PathBuf,
    pub(crate) users: u64,
    /// The directory of the request files.
    pub(crate) out: PathBuf,
}

/// Runs the plan on this thread.
pub(crate) fn run(plan: &Plan) -> Result<(), Error> {
    let environments = api::environments(std::slice::from_ref(&plan.setup))?;
    let first = environments.first().ok_or_else(|| Error::Input("the setup has no environment".into()))?;
    api::runtime()?.block_on(async {
        let mut api = Api::open(plan.address).await?;
        let site = api.site(first).await?;
        let cursors = deep_cursors(&mut api, &site, plan.users).await?;
        let list = |query: &str| site.get(&format!("/api/users?{query}"));
        let addresses = ADDRESSES.min(plan.users);
        let files = [
            (FIRST, vec![list("page[size]=25")]),
            (DEEP, cursors.iter().map(|cursor| list(&format!("page[size]=25&page[after]={cursor}"))).collect()),
            (
                BY_EMAIL,
                (0..addresses)
                    .map(|number| list(&format!("filter[email]={}", rows::email(number * plan.users / addresses))))
                    .collect(),
            ),
            (NEWEST, vec![list("page[size]=25&sort=-created_at")]),
            (WITH_ROLES, vec![list("page[size]=25&include=roles")]),
        ];
        files.iter().try_for_each(|(operation, requests)| http::write(&plan.out, operation, requests))
    })
}

/// The cursors of a page at nine tenths of the list. Cursors are signed, so one has to walk there.
async fn deep_cursors(api: &mut Api, site: &Site, users: u64) -> Result<Vec<String>, Error> {
    let depth = users / 10 * 9;
    let mut progress = Progress::new("users passed on the way to the deep page", depth);
    let mut cursors: Vec<String> = Vec::new();
    let mut passed = 0;
    while passed < depth {
        let after = cursors.last().map(|cursor| format!("&page[after]={cursor}")).unwrap_or_default();
        let page = api.call(&site.get(&format!("/api/users?page[size]={STRIDE}&fields[user]=email{after}"))).await?;
        let rows = page.pointer("/data").and_then(|data| data.as_array()).map_or(&[][..], Vec::as_slice);
        cursors = rows.iter().map(|row| text(row, "/meta/page/cursor")).collect::<Result<_, _>>()?;
        if cursors.is_empty() {
            return Err(Error::Server(format!("the list ended after {passed} users; are {users} seeded?")));
        }
        passed += cursors.len() as u64;
        progress.at(passed.min(depth));
    }
    Ok(cursors)
}
