//! Lists of users: their order, their pages and their filters.

use paylent_domain::{
    Id,
    user::{NewPerson, User, UserChange, UserKind},
};
use paylent_oauth::crypto::secret::random_bytes;
use paylent_storage::{Env, Expected, NameIs, Order, Page, Place, UserFilter};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{ALL, assign, member, named, of_ids, organization, person, role};

both! {
    async fn pages_are_cut_by_key_in_both_directions(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let mut all = vec![seeded.service_user];
        for n in 0..24 {
            all.push(person(&env, &format!("user{n}@example.com")).await);
        }
        let page = Page { limit: 10, ..ALL };
        assert_eq!(pages(&env, page.clone()).await, [&all[..10], &all[10..20], &all[20..]]);
        let newest_first: Vec<_> = all.iter().rev().copied().collect();
        let backward = Page { order: Order { newest_first: true, ..Order::default() }, ..page.clone() };
        assert_eq!(pages(&env, backward).await, [&newest_first[..10], &newest_first[10..20], &newest_first[20..]]);
        assert_eq!(ids(&env, Page { offset: 22, ..page.clone() }).await, all[22..]);
        assert_eq!(ids(&env, Page { offset: 25, ..page.clone() }).await, []);
        assert_eq!(ids(&env, Page { limit: 2, offset: 3, beyond: Some(place(all[4])), ..ALL }).await, all[8..10]);
        let counted = env.users(UserFilter::default(), Page { counted: true, limit: 1, ..ALL }).await.unwrap();
        assert_eq!((counted.rows.len(), counted.total), (1, Some(25)));
        let beyond = Page { counted: true, beyond: Some(place(all[20])), ..page };
        let counted = env.users(UserFilter::default(), beyond).await.unwrap();
        assert_eq!((counted.rows.len(), counted.total), (4, Some(25)), "the count is of all rows, not of those beyond");
    }

    async fn a_page_begins_where_the_last_one_ended_whatever_came_or_went_meanwhile(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let mut all = vec![seeded.service_user];
        for n in 0..9 {
            all.push(person(&env, &format!("user{n}@example.com")).await);
        }
        let first = ids(&env, Page { limit: 5, ..ALL }).await;
        assert!(env.delete_user(all[1], &Expected::Any, &by()).await.unwrap());
        assert!(env.delete_user(all[4], &Expected::Any, &by()).await.unwrap());
        let late = person(&env, "late@example.com").await;
        let second = ids(&env, Page { beyond: first.last().copied().map(place), ..ALL }).await;
        assert_eq!(second, [&all[5..], &[late]].concat());
    }

    async fn users_are_sorted_by_address_in_either_direction_and_service_users_have_their_place(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = seeded.env;
        let second = env.register_client(seed::machine(new_id(), new_id(), &seeded.secret), &by()).await.unwrap();
        let services = [seeded.service_user, second.user_id.unwrap()];
        let mut people = Vec::new();
        for email in ["zoe@example.com", "Bob@example.com", "service.desk@example.com", "alice@example.com"] {
            people.push(person(&env, email).await);
        }
        let [zoe, bob, desk, alice] = people[..] else { panic!("four people") };
        let sorted = [alice, bob, desk, services[0], services[1], zoe];
        for descending in [false, true] {
            for newest_first in [false, true] {
                let order = Order { by_name: Some(descending), newest_first };
                let mut expected = sorted;
                if descending {
                    expected.reverse();
                }
                assert_eq!(ids(&env, Page { order, ..ALL }).await, expected, "{order:?}");
                for limit in 1..4 {
                    let cut = pages(&env, Page { order, limit, ..ALL }).await;
                    assert_eq!(cut.concat(), expected, "{order:?}, {limit} a page");
                }
            }
        }
    }

    async fn a_page_by_address_can_begin_at_an_address_that_is_gone(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let mut all = Vec::new();
        for name in ["a", "b", "c", "d"] {
            all.push(person(&env, &format!("{name}@example.com")).await);
        }
        let beyond = Some(Place { name: "b@example.com".to_owned(), id: *all[1].as_bytes() });
        env.delete_user(all[1], &Expected::Any, &by()).await.unwrap();
        let order = |descending| Order { by_name: Some(descending), newest_first: false };
        let people = UserFilter { kind: Some(UserKind::Person), ..UserFilter::default() };
        let after = Page { order: order(false), beyond: beyond.clone(), ..ALL };
        assert_eq!(found(&env, people.clone(), after).await, all[2..]);
        assert_eq!(found(&env, people, Page { order: order(true), beyond, ..ALL }).await, all[..1]);
    }

    async fn ap_filter_users_are_found_by_id_and_by_address(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (jane, john) = (person(&env, "Jane@Example.com").await, person(&env, "john_doe@example.com").await);
        let address = |condition| Page { name: vec![condition], ..ALL };
        let containing = |part: &str| address(NameIs::Containing(part.to_owned()));
        assert_eq!(ids(&env, of_ids(&[john, jane, john, new_id()])).await, [jane, john]);
        assert_eq!(ids(&env, of_ids::<User>(&[])).await, []);
        assert_eq!(ids(&env, named("jane@example.com")).await, [jane]);
        assert_eq!(ids(&env, named("jan_@example.com")).await, []);
        assert_eq!(ids(&env, Page { ids: of_ids(&[john]).ids, ..named("jane@example.com") }).await, []);
        let either = ["jane@example.com", "john_doe@example.com", "nobody@example.com"].map(str::to_owned).to_vec();
        assert_eq!(ids(&env, address(NameIs::In(either))).await, [jane, john]);
        assert_eq!(ids(&env, address(NameIs::In(Vec::new()))).await, []);
        assert_eq!(ids(&env, containing("EXAMPLE")).await, [jane, john]);
        assert_eq!(ids(&env, containing("n_d")).await, [john], "an underscore is an underscore");
        assert_eq!(ids(&env, containing("%")).await, []);
        let both = vec![NameIs::Containing("example".into()), NameIs::Not("jane@example.com".into())];
        assert_eq!(ids(&env, Page { name: both, ..ALL }).await, [john]);
        let by_name = Order { by_name: Some(true), newest_first: false };
        assert_eq!(ids(&env, Page { order: by_name, ..containing("example") }).await, [john, jane]);
    }

    async fn users_are_found_by_what_they_are_and_by_what_they_belong_to(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let (env, service) = (seeded.env, seeded.service_user);
        let (jane, john) = (person(&env, "jane@example.com").await, person(&env, "john@example.com").await);
        let viewer = role(&env, "viewer").await;
        assign(&env, jane, viewer).await;
        assign(&env, service, viewer).await;
        let (shop, empty) = (organization(&env, "Shop").await, organization(&env, "Empty").await);
        for user in [jane, john] {
            member(&env, user, shop).await;
        }
        let inactive = UserChange { active: Some(false), ..UserChange::default() };
        env.update_user(john, inactive, &Expected::Any, &by()).await.unwrap();
        let cases = [
            (UserFilter::default(), vec![service, jane, john]),
            (UserFilter { kind: Some(UserKind::Person), ..UserFilter::default() }, vec![jane, john]),
            (UserFilter { kind: Some(UserKind::Service), ..UserFilter::default() }, vec![service]),
            (UserFilter { active: Some(true), ..UserFilter::default() }, vec![service, jane]),
            (UserFilter { active: Some(false), ..UserFilter::default() }, vec![john]),
            (UserFilter { role_ids: vec![viewer], ..UserFilter::default() }, vec![service, jane]),
            (UserFilter { role_ids: vec![new_id()], ..UserFilter::default() }, vec![]),
            (UserFilter { organization_id: Some(shop), ..UserFilter::default() }, vec![jane, john]),
            (UserFilter { organization_id: Some(empty), ..UserFilter::default() }, vec![]),
            (
                UserFilter {
                    kind: Some(UserKind::Person),
                    active: Some(true),
                    role_ids: vec![viewer],
                    organization_id: Some(shop),
                },
                vec![jane],
            ),
        ];
        for (filter, expected) in cases {
            assert_eq!(found(&env, filter.clone(), ALL).await, expected, "{filter:?}");
            let order = Order { by_name: Some(false), newest_first: false };
            let mut sorted = found(&env, filter.clone(), Page { order, ..ALL }).await;
            sorted.sort();
            assert_eq!(sorted, expected, "{filter:?} by address");
        }
    }

    async fn users_are_found_by_when_they_were_made(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let (mut people, mut moments) = (Vec::new(), Vec::new());
        for n in 0..4 {
            let by = by();
            let id = Id::new(by.at, random_bytes().unwrap());
            let person = NewPerson { id, ..seed::person(&format!("user{n}@example.com")) };
            people.push(env.create_person(person, &by).await.unwrap().id);
            moments.push(by.at);
        }
        let page = |since: Option<usize>, before: Option<usize>| Page {
            since: since.map(|n| moments[n]),
            before: before.map(|n| moments[n]),
            ..ALL
        };
        assert_eq!(ids(&env, page(Some(1), None)).await, people[1..]);
        assert_eq!(ids(&env, page(Some(1), Some(3))).await, people[1..3]);
        assert_eq!(ids(&env, page(Some(3), Some(3))).await, []);
        assert_eq!(ids(&env, page(None, Some(2))).await[1..], people[..2], "the machine's user came first");
        let order = Order { by_name: Some(true), newest_first: false };
        assert_eq!(ids(&env, Page { order, ..page(Some(1), Some(3)) }).await, [people[2], people[1]]);
        let counted = env.users(UserFilter::default(), Page { counted: true, limit: 1, ..page(Some(1), None) }).await;
        assert_eq!(counted.unwrap().total, Some(3));
    }
}

/// The ids that match; the count says as many.
async fn found(env: &Env, filter: UserFilter, page: Page) -> Vec<Id<User>> {
    let counted = page.beyond.is_none() && page.limit == ALL.limit && page.offset == 0;
    let listed = env.users(filter, Page { counted, ..page }).await.unwrap();
    if counted {
        assert_eq!(listed.total.unwrap(), i64::try_from(listed.rows.len()).unwrap());
    }
    listed.rows.into_iter().map(|user| user.id).collect()
}

async fn ids(env: &Env, page: Page) -> Vec<Id<User>> {
    found(env, UserFilter::default(), page).await
}

fn place(id: Id<User>) -> Place {
    Place { name: String::new(), id: *id.as_bytes() }
}

/// All pages, each beginning where the one before ended.
async fn pages(env: &Env, mut page: Page) -> Vec<Vec<Id<User>>> {
    let mut pages = Vec::new();
    for _ in 0..10 {
        let users = env.users(UserFilter::default(), page.clone()).await.unwrap().rows;
        let Some(last) = users.last() else { return pages };
        page.beyond = Some(Place { name: last.name_key(), id: *last.id.as_bytes() });
        pages.push(users.into_iter().map(|user| user.id).collect());
    }
    panic!("the list has no end");
}
