//! Lists: pages and cursors, sorting, filters, sparse fields, and the links that lead from page to page.

use paylent_crypto::seal::MasterKey;
use paylent_jsonapi::{Cursor, CursorValue};
use paylent_tests::{both, seed};
use serde_json::{Value, json};

use crate::support::*;

/// Every list, and the attribute that tells when a row of it was made.
fn lists() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lists = paylent_api::ENDPOINTS.iter().filter(|endpoint| endpoint.method == "GET");
    let lists = lists.map(|endpoint| endpoint.path.trim_start_matches('/'));
    // Of environments there is one, which is no list.
    let lists = lists.filter(|path| !path.contains('/') && *path != "environment");
    lists.map(|list| (list, if list == "audit-events" { "occurred_at" } else { "created_at" }))
}

impl Caller<'_> {
    /// Asks for the address that a link of a document names, as it stands there.
    async fn follow(&self, link: &Value) -> Reply {
        let path = link.as_str().unwrap().strip_prefix(&format!("{}/", self.tenant.api())).unwrap();
        self.get(path).await.is(200)
    }

    /// The cursor of the first row of a list.
    async fn cursor(&self, path: &str) -> String {
        let rows = self.get(path).await.is(200).json();
        rows["data"][0]["meta"]["page"]["cursor"].as_str().unwrap().to_owned()
    }
}

/// `count` persons, the oldest first.
async fn people(server: &TestServer, count: usize) -> Vec<String> {
    let mut ids = Vec::with_capacity(count);
    for number in 0..count {
        ids.push(server.acme.person(&format!("user{number:02}@example.com")).await);
    }
    ids
}

both! {
    async fn sixty_users_are_walked_forwards_and_backwards(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let service = server.acme.seeded.service_user.to_string();
        let everyone = [vec![service], people(&server, 60).await].concat();
        let default = admin.get("users").await.is(200);
        assert_eq!(default.ids(), everyone[..25]);
        assert_eq!(default.json()["meta"]["page"], json!({"size": 25, "limit": 25}));

        for (sort, order) in
            [("created_at", everyone.clone()), ("-created_at", everyone.iter().rev().cloned().collect())]
        {
            let query = format!("sort={sort}&fields[user]=email&page[size]=13");
            let first = admin.get(&format!("users?{query}")).await.is(200);
            let (mut page, mut forwards, mut pages) = (first.clone(), first.ids(), 1);
            assert_eq!(page.json()["links"]["prev"], Value::Null);
            while page.json()["links"]["next"] != Value::Null {
                page = admin.follow(&page.json()["links"]["next"]).await;
                assert!(page.json()["links"]["self"].as_str().unwrap().contains(&query), "{}", page.text);
                forwards.extend(page.ids());
                pages += 1;
            }
            assert_eq!((forwards, pages), (order.clone(), 5), "{sort}");
            let mut backwards = page.ids();
            while page.json()["links"]["prev"] != Value::Null {
                page = admin.follow(&page.json()["links"]["prev"]).await;
                backwards.splice(0..0, page.ids());
            }
            assert_eq!(backwards, order, "{sort}");
            assert_eq!(admin.follow(&page.json()["links"]["first"]).await.ids(), first.ids());
        }
    }

    /// Rows that come or go while a client walks are neither skipped nor shown twice.
    async fn a_walk_is_not_disturbed_by_rows_that_come_and_go(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let people = people(&server, 6).await;
        let page = admin.get("users?page[size]=3").await;
        admin.delete(&format!("users/{}", people[0])).await.is(200);
        admin.delete(&format!("users/{}", people[1])).await.is(200);
        let next = admin.follow(&page.json()["links"]["next"]).await;
        assert_eq!(next.ids(), people[2..5]);
        admin.delete(&format!("users/{}", people[4])).await.is(200);
        assert_eq!(admin.follow(&next.json()["links"]["next"]).await.ids(), people[5..]);
        assert_eq!(admin.follow(&next.json()["links"]["prev"]).await.ids().len(), 1);
    }

    async fn rows_can_be_skipped_and_counted(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let people = people(&server, 8).await;
        let page = admin.get("users?page[limit]=3&page[offset]=4&page[count]=true").await.is(200);
        assert_eq!(page.ids(), people[3..6]);
        let json = page.json();
        assert_eq!(
            (&json["meta"]["total"], &json["meta"]["page"]),
            (&json!(9), &json!({"size": 3, "limit": 3, "offset": 4, "total": 9}))
        );
        assert_eq!(admin.follow(&json["links"]["next"]).await.ids(), people[6..]);
        assert_eq!(admin.follow(&json["links"]["prev"]).await.ids(), people[..3]);
        assert_eq!(admin.follow(&json["links"]["last"]).await.ids(), people[5..]);
        assert_eq!(admin.follow(&json["links"]["first"]).await.ids().len(), 3);
        let beyond = admin.get("users?page[offset]=9000").await.is(200);
        assert_eq!((beyond.ids().len(), &beyond.json()["links"]["next"]), (0, &Value::Null));
        let counted = admin.get("users?filter[email]=user01@example.com&page[count]=true").await.is(200);
        assert_eq!((counted.ids(), &counted.json()["meta"]["total"]), (vec![people[1].clone()], &json!(1)));
        assert_eq!(admin.get("users?page[count]=false").await.json()["meta"].get("total"), None);
        assert_eq!(admin.get("users?filter[id]=nobody&page[count]=true").await.json()["meta"]["total"], 0);
    }

    async fn ap_page_a_page_is_a_whole_number_of_rows(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for (list, _) in lists() {
            for size in [
                "0",
                "-1",
                "1e9",
                "1000000000",
                "1.5",
                "abc",
                "",
                "18446744073709551616",
                "101",
                "+1",
                "0x10",
                "%20",
                "١",
            ] {
                for name in ["page[size]", "page[limit]"] {
                    admin.get(&format!("{list}?{name}={size}")).await.is_error(400, name);
                }
            }
            for (query, place) in [
                ("page[size]=1&page[limit]=1", "page[limit]"),
                ("page[offset]=-1", "page[offset]"),
                ("page[offset]=10001", "page[offset]"),
                ("page[offset]=x", "page[offset]"),
                ("page[count]=yes", "page[count]"),
                ("page[number]=2", "page[number]"),
                ("page=2", "page"),
                ("page[size][x]=2", "page[size][x]"),
                ("page[size]=1&page[size]=1", "page[size]"),
                ("page[offset]=1&page[after]=x", "page[offset]"),
                ("page[after]=x&page[before]=x", "page[before]"),
            ] {
                admin.get(&format!("{list}?{query}")).await.is_error(400, place);
            }
            assert!(admin.get(&format!("{list}?page%5Bsize%5D=1")).await.is(200).ids().len() <= 1);
        }
        let most = admin.get("users?page[size]=100").await.is(200);
        assert_eq!(most.json()["meta"]["page"]["size"], 100);
        let error = admin.get("users?page[size]=101").await.json()["errors"][0].clone();
        assert_eq!(error["meta"]["page"]["maxSize"], 100);
        assert!(error["links"]["type"].as_str().unwrap().ends_with("/max-size-exceeded"));
    }

    async fn ap_cursor_a_cursor_is_good_for_its_own_list_only(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let (admin, beta) = (server.admin(&server.acme).await, server.admin(&server.beta).await);
        let id = admin.user("jane@example.com").await;
        let good = admin.cursor("users").await;
        for place in ["page[after]", "page[before]"] {
            admin.get(&format!("users?{place}={good}")).await.is(200);
            let refuse = async |cursor: &str| admin.get(&format!("users?{place}={cursor}")).await.is_error(400, place);
            for index in (0..good.len()).step_by(7).chain([good.len() - 1]) {
                let mut edited = good.clone().into_bytes();
                edited[index] = if edited[index] == b'A' { b'B' } else { b'A' };
                refuse(&String::from_utf8(edited).unwrap()).await;
                refuse(&good[..index]).await;
            }
            refuse(&format!("{good}A")).await;
            refuse(&format!("{good}==")).await;
            refuse("'%20OR%201=1--").await;
            refuse(&id).await;
            refuse(&admin.cursor("users?sort=-created_at").await).await;
            refuse(&beta.cursor("users").await).await;
            refuse(&admin.cursor("roles").await).await;
            refuse(&admin.cursor("clients").await).await;
            // Minted for exactly this list: good under the key of the server, bad under keys that an attacker may try.
            let environment = server.acme.seeded.env.tenant().environment.id;
            let context = format!("{environment} /api/users\nuser\nid");
            let cursor = Cursor { values: vec![CursorValue::Text(id.clone())] };
            let minted = |key: [u8; 32]| {
                cursor.encode(&context, &|message: &[u8]| paylent_crypto::seal::mac(&key, message))
            };
            let own = MasterKey::from_base64(seed::MASTER_KEY).unwrap().derive("cursors");
            admin.get(&format!("users?{place}={}", minted(own))).await.is(200);
            for key in [
                [0; 32],
                *environment
                    .as_bytes()
                    .first_chunk::<16>()
                    .map(|half| [*half, *half].concat())
                    .unwrap()
                    .first_chunk()
                    .unwrap(),
            ] {
                refuse(&minted(key)).await;
            }
        }
    }

    async fn ap_sort_only_what_is_offered_can_be_sorted_by(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for (list, time) in lists() {
            let fifty = vec![time; 50].join(",");
            for sort in [
                "unknown",
                "password_hash",
                "secret_hash",
                "(select%20pg_sleep(5))",
                "created_at;drop%20table%20users",
                &fifty,
                &format!("{time},{time}"),
                &format!("--{time}"),
                &time.to_uppercase(),
                &format!("{time}%20desc"),
                ",",
                "-",
            ] {
                let reply = admin.get(&format!("{list}?sort={sort}")).await;
                assert_eq!(reply.error().1, "invalid_sort", "{list} {sort}");
                reply.is_error(400, "sort");
            }
            let sorted = async |sort: &str| {
                admin.get(&format!("{list}?page[size]=100&sort={sort}{time}")).await.is(200).ids()
            };
            let mut reversed = sorted("-").await;
            reversed.reverse();
            assert_eq!(sorted("").await, reversed, "{list}");
        }
        admin.get(&format!("users/{}?sort=created_at", nobody())).await.is_error(404, "");
        let one = admin.user("jane@example.com").await;
        admin.get(&format!("users/{one}?sort=created_at")).await.is_error(400, "sort");
    }

    async fn ap_filter_values_are_matched_literally(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let mut ids = Vec::new();
        for email in ["axb@example.com", "a%b@example.com", "a_b@example.com", "o'neil@example.com"] {
            ids.push(server.acme.person(email).await);
        }
        for (value, found) in [
            ("a%25b@example.com", vec![&ids[1]]),
            ("a_b@example.com", vec![&ids[2]]),
            ("o'neil@example.com", vec![&ids[3]]),
            ("%25@example.com", vec![]),
            ("%25", vec![]),
            ("_", vec![]),
            ("", vec![]),
            ("'%20OR%201=1--", vec![]),
            ("%5C", vec![]),
            ("axb@example.com,a_b@example.com", vec![&ids[0], &ids[2]]),
            ("axb@example.com,%25", vec![&ids[0]]),
            ("a*b@example.com", vec![]),
        ] {
            let reply = admin.get(&format!("users?filter[email]={value}")).await.is(200);
            assert_eq!(reply.ids().iter().collect::<Vec<_>>(), found, "{value}");
        }
        let two = admin.get(&format!("users?filter[id]={},{},nobody", ids[0], ids[2])).await.is(200);
        assert_eq!(two.ids(), [ids[0].clone(), ids[2].clone()]);
        assert_eq!(
            admin.get(&format!("users?filter[id][in]={}&filter[email]=axb@example.com", ids[0])).await.ids(),
            [ids[0].clone()]
        );
        assert_eq!(
            admin.get(&format!("users?filter[id][eq]={}&filter[email]=a_b@example.com", ids[0])).await.ids().len(),
            0
        );
    }

    async fn ap_filter_only_what_is_offered_can_be_filtered_by(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for (list, _) in lists() {
            for name in ["password_hash", "secret_hash", "sealed_private_key", "unknown", "user.password_hash"] {
                let place = format!("filter[{name}]");
                admin.get(&format!("{list}?{place}=x")).await.is_error(400, &place);
            }
        }
        for (query, place) in [
            ("filter=x", "filter"),
            ("filter[email][like]=x", "filter[email][like]"),
            ("filter[email][gt]=x", "filter[email][gt]"),
            ("filter[role][contains]=x", "filter[role][contains]"),
            ("filter[a][b][c]=x", "filter[a][b][c]"),
            ("filter[id]=a,,b", "filter[id]"),
            ("filter[email]=%00", "filter[email]"),
            ("filter[email]=%ff", "filter[email]"),
            ("filter[email]=%zz", "filter[email]"),
        ] {
            admin.get(&format!("users?{query}")).await.is_error(400, place);
        }
        let (long, list) = ("x".repeat(2_000), vec!["x"; 101].join(","));
        admin.get(&format!("users?filter[email]={long}")).await.is_error(400, "filter[email]");
        admin.get(&format!("users?filter[id]={list}")).await.is_error(400, "filter[id]");
        assert_eq!(admin.get(&format!("users?filter[email]={}", "x".repeat(10_240))).await.error().1, "uri_too_long");
    }

    async fn ap_fields_only_what_is_offered_can_be_seen(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        for sample in admin.samples("fields").await {
            let (path, kind) = (sample.path, sample.kind);
            let (_, time) = lists().find(|(list, _)| *list == path).unwrap();
            // Leads to nothing, and nothing leads to it.
            let other = if kind == "signing_key" { "audit_event" } else { "signing_key" };
            for at in [path.to_owned(), sample.at()] {
                for (query, place) in [
                    (format!("fields[{kind}]=password_hash"), format!("fields[{kind}]")),
                    (format!("fields[{kind}]={time},secret_hash"), format!("fields[{kind}]")),
                    (format!("fields[{other}]={time}"), format!("fields[{other}]")),
                    (format!("fields={time}"), "fields".to_owned()),
                    ("include=sessions.token".to_owned(), "include".to_owned()),
                    ("include=user.roles.permissions".to_owned(), "include".to_owned()),
                    ("unknown=1".to_owned(), "unknown".to_owned()),
                    ("Filter[id]=1".to_owned(), "Filter[id]".to_owned()),
                    ("=".to_owned(), String::new()),
                ] {
                    admin.get(&format!("{at}?{query}")).await.is_error(400, &place);
                }
            }
            let one =
                admin.get(&format!("{}?fields[{kind}]={time}", sample.at())).await.is(200).json()["data"].clone();
            assert_eq!(one["attributes"].as_object().unwrap().keys().collect::<Vec<_>>(), [time], "{kind}");
            assert_eq!(one.get("relationships"), None, "{kind}");
            let none = admin.get(&format!("{path}?fields[{kind}]=")).await.is(200).json()["data"][0].clone();
            assert_eq!((none.get("attributes"), none.get("relationships")), (None, None), "{kind}");
            assert_eq!((none["type"].as_str(), none["links"]["self"].is_string()), (Some(kind), true));
            let empty = admin.get(&format!("{path}?include=")).await.is(200).json();
            assert_eq!(empty["included"], json!([]), "given, and empty");
        }
        let attributes = json!({"email": "jane@example.com", "password": PASSWORD});
        let made = admin.post("users?fields[user]=email", &document("user", attributes, &[])).await.is(201);
        assert_eq!(made.json()["data"]["attributes"], json!({"email": "jane@example.com"}));
        let before = database.dump().await;
        let joe = json!({"email": "joe@example.com", "password": PASSWORD});
        admin.post("users?unknown=1", &document("user", joe, &[])).await.is_error(400, "unknown");
        admin.delete(&format!("users/{}?unknown=1", made.id())).await.is_error(400, "unknown");
        assert_eq!(database.dump().await, before);
    }

    async fn links_keep_the_query_as_it_was_written(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        people(&server, 3).await;
        let query = "fields%5Buser%5D=email,kind&sort=-created_at&page[size]=2&page%5Bcount%5D=true";
        let page = admin.get(&format!("users?{query}")).await.is(200).json();
        assert_eq!(page["links"]["self"], format!("{}/users?{query}", server.acme.api()));
        assert_eq!(page["links"]["first"], page["links"]["self"]);
        let next = page["links"]["next"].as_str().unwrap();
        assert!(next.starts_with(&format!("{}/users?{query}&page%5Bafter%5D=", server.acme.api())), "{next}");
        for name in ["first", "prev", "next", "last"] {
            assert!(page["links"].get(name).is_some(), "{name}");
        }
        let one = admin.only("users?filter[email]=user00@example.com").await;
        let shown = admin.get(&format!("users/{one}?fields[user]=email")).await.is(200).json();
        assert_eq!(shown["links"]["self"], format!("{}/users/{one}?fields[user]=email", server.acme.api()));
        assert_eq!(shown["data"]["links"]["self"], format!("{}/users/{one}", server.acme.api()));
    }
}
