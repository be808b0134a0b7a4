//! Lists in the order of names, page by page.

use paylent_tests::both;
use serde_json::Value;

use crate::support::*;

/// Asks for the address that a link of a document names.
async fn at_link(admin: &Caller<'_>, link: &Value) -> Reply {
    let path = link.as_str().unwrap().strip_prefix(&format!("{}/", admin.tenant.api())).unwrap();
    admin.get(path).await.is(200)
}

/// All ids of a list in pages of this size: forwards by `next`, and back again by `prev`.
async fn there_and_back(admin: &Caller<'_>, path: &str, size: usize) -> (Vec<String>, Vec<String>) {
    let mut page = admin.get(&format!("{path}&page[size]={size}")).await.is(200);
    assert!(page.json()["links"]["prev"].is_null(), "{path}");
    let mut forwards = page.ids();
    while !page.json()["links"]["next"].is_null() {
        assert_eq!(page.ids().len(), size, "{path}");
        page = at_link(admin, &page.json()["links"]["next"]).await;
        forwards.extend(page.ids());
        assert!(forwards.len() <= 200, "{path} goes in circles");
    }
    let mut pages = vec![page.ids()];
    while !page.json()["links"]["prev"].is_null() {
        page = at_link(admin, &page.json()["links"]["prev"]).await;
        pages.push(page.ids());
        assert!(pages.len() <= 100, "{path} goes in circles");
    }
    pages.reverse();
    (forwards, pages.concat())
}

/// The names of a list's rows, in the order of these ids.
async fn names(admin: &Caller<'_>, path: &str, attribute: &str, ids: &[String]) -> Vec<String> {
    let json = admin.get(&format!("{path}?page[size]=100")).await.is(200).json();
    let rows = json["data"].as_array().unwrap();
    let name = |id: &String| {
        let row = rows.iter().find(|row| row["id"] == id.as_str()).unwrap();
        row["attributes"][attribute].as_str().unwrap_or_default().to_owned()
    };
    ids.iter().map(name).collect()
}

both! {
    async fn equal_names_are_neither_skipped_nor_repeated(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let mut made = Vec::new();
        for name in ["b", "a", "b", "B", "ä", "a", "a", "a b", "Z", "'; --", "b", "%"] {
            server.clock.advance_seconds(1);
            made.push((name, admin.organization(name).await));
        }
        let by = |descending: bool, newest: bool| {
            let mut rows: Vec<(usize, &(&str, String))> = made.iter().enumerate().collect();
            rows.sort_by(|(left, one), (right, other)| {
                let names = one.0.as_bytes().cmp(other.0.as_bytes());
                let ages = left.cmp(right);
                let names = if descending { names.reverse() } else { names };
                names.then(if newest { ages.reverse() } else { ages })
            });
            rows.into_iter().map(|(_, row)| row.1.clone()).collect::<Vec<_>>()
        };
        for (sort, expected) in [
            ("name", by(false, false)),
            ("-name", by(true, true)),
            ("name,-created_at", by(false, true)),
            ("-name,created_at", by(true, false)),
            ("name,created_at", by(false, false)),
        ] {
            let (forwards, back) = there_and_back(&admin, &format!("organizations?sort={sort}"), 2).await;
            assert_eq!(forwards, expected, "{sort}");
            assert_eq!(back, expected, "{sort}: backwards");
            let skipped = admin.get(&format!("organizations?sort={sort}&page[offset]=3&page[limit]=4")).await.is(200);
            assert_eq!(skipped.ids(), expected[3..7], "{sort}: with an offset");
        }
        let oldest: Vec<String> = made.iter().map(|(_, id)| id.clone()).collect();
        let (forwards, _) = there_and_back(&admin, "organizations?sort=created_at,name", 2).await;
        assert_eq!(forwards, oldest, "what comes after the time decides nothing");
        let (narrowed, back) = there_and_back(&admin, "organizations?sort=-name&filter[name]=a,b", 2).await;
        let wanted: Vec<String> = [10, 2, 0, 6, 5, 1].map(|index: usize| made[index].1.clone()).to_vec();
        assert_eq!((&narrowed, &back), (&wanted, &wanted));
    }

    async fn every_list_with_names_can_be_walked_in_their_order(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        admin.samples("one").await;
        admin.samples("two").await;
        for (path, attribute) in [
            ("users", "email"),
            ("roles", "name"),
            ("permissions", "name"),
            ("clients", "name"),
            ("resource-servers", "name"),
            ("scopes", "name"),
            ("organizations", "name"),
            ("invitations", "email"),
            ("applications", "name"),
            ("audit-events", "action"),
            ("mails", "recipient"),
        ] {
            let all = admin.get(&format!("{path}?page[size]=100")).await.is(200).ids();
            assert!(all.len() >= 2, "{path}");
            let (up, up_again) = there_and_back(&admin, &format!("{path}?sort={attribute}"), 7).await;
            let (mut down, _) = there_and_back(&admin, &format!("{path}?sort=-{attribute}"), 7).await;
            assert_eq!(up, up_again, "{path}");
            down.reverse();
            assert_eq!(up, down, "{path}: the other way round");
            let mut everything = all.clone();
            everything.sort();
            let mut walked = up.clone();
            walked.sort();
            assert_eq!(walked, everything, "{path}: none skipped, none twice");
            let names = names(&admin, path, attribute, &up).await;
            let named: Vec<&String> = names.iter().filter(|name| !name.is_empty()).collect();
            assert!(named.is_sorted(), "{path}: {names:?}");
        }
    }

    /// A cursor is good for its list in its order, and for no list that only looks alike.
    async fn ap_cursor_a_cursor_of_another_list_or_order_is_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let samples = admin.samples("cursor").await;
        let (role, user) = (&samples.of("roles").id, &samples.of("users").id);
        let other = server.acme.role("Other", &[]).await;
        server.acme.give(user, &other).await;
        let lists = [
            "users".to_owned(),
            "users?sort=-created_at".to_owned(),
            "users?sort=email".to_owned(),
            "users?sort=-email".to_owned(),
            "users?sort=email,-created_at".to_owned(),
            format!("roles/{role}/users"),
            format!("roles/{other}/users"),
            format!("roles/{role}/users?sort=email"),
            format!("roles/{role}/relationships/users"),
            "roles".to_owned(),
            "roles?sort=name".to_owned(),
            format!("users/{user}/roles"),
            "organizations?sort=name".to_owned(),
            "invitations?sort=email".to_owned(),
        ];
        let mut cursors = Vec::new();
        for list in &lists {
            let json = admin.get(list).await.is(200).json();
            let cursor = json["data"][0]["meta"]["page"]["cursor"].as_str();
            // Linkage shows no cursors of its own.
            cursors.extend(cursor.map(|cursor| (list, cursor.to_owned())));
        }
        assert_eq!(cursors.len(), lists.len() - 1);
        for (of, cursor) in &cursors {
            for list in &lists {
                for place in ["page[after]", "page[before]"] {
                    let and = if list.contains('?') { '&' } else { '?' };
                    let reply = admin.get(&format!("{list}{and}{place}={cursor}")).await;
                    if list == *of {
                        assert_eq!(reply.status, 200, "{of} at {list}: {}", reply.text);
                    } else {
                        assert_eq!(reply.status, 400, "{of} at {list}");
                        reply.is_error(400, place);
                    }
                }
            }
        }
    }

    async fn rows_that_come_and_go_disturb_nobody_on_the_way(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let mut ids = Vec::new();
        for name in ["a", "b", "c", "d", "e"] {
            ids.push(admin.organization(name).await);
        }
        let first = admin.get("organizations?sort=name&page[size]=2").await.is(200);
        assert_eq!(first.ids(), ids[..2]);
        admin.delete(&format!("organizations/{}", ids[1])).await.is(200);
        admin.organization("aa").await;
        let late = admin.organization("cc").await;
        let second = at_link(&admin, &first.json()["links"]["next"]).await;
        assert_eq!(second.ids(), [ids[2].clone(), late]);
        let third = at_link(&admin, &second.json()["links"]["next"]).await;
        assert_eq!(third.ids(), ids[3..]);
    }
}
