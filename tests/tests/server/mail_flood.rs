//! No endpoint fills a mailbox: each has its cap of mails to one address in an hour, wherever they are asked for. Catalogue:
//! em.flood.

use paylent_domain::mail::HOURLY_LIMIT;
use paylent_tests::both;
use serde_json::json;

use crate::support::{
    PASSWORD, Reply, TestServer,
    account::at_home,
    browser::*,
    document,
    forwarded::forged,
    letters::letters_to,
    registering::{self, elsewhere},
};

/// The endpoints that have mails sent to an address that the caller names.
const CAUSES: [&str; 6] =
    ["registration", "known-address", "registration-page", "forgotten-password", "change-of-address", "invitation"];

/// Asks for a mail to an address, from a network where nobody was before.
async fn ask(server: &TestServer, ada: &Browser<'_>, cause: &str, to: &str) -> Reply {
    let submit = async |page: &str, fields: &[(&str, &str)]| {
        let csrf = hidden(&ada.get(page).await.is(200), "csrf");
        let fields = [fields, &[("csrf", csrf.as_str())]].concat();
        ada.send(ada.form(page, &fields).header("x-forwarded-for", elsewhere())).await
    };
    match cause {
        "registration" | "known-address" => server.register(to).await,
        "registration-page" => submit("/register", &[("email", to)]).await,
        "forgotten-password" => {
            let asked = server.ask_as_front_end(&server.acme, "/password/forgot", &json!({"email": to}));
            Reply::of(asked.header("x-forwarded-for", elsewhere())).await
        }
        "change-of-address" => submit("/account/email", &[("email", to), ("current_password", PASSWORD)]).await,
        "invitation" => {
            // One can be pending in each organization.
            let admin = server.admin(&server.acme).await;
            let organization = [("organization", "organization", &*admin.organization("Acme").await)];
            admin.post("invitations", &document("invitation", json!({"email": to}), &organization)).await
        }
        _ => panic!("what is {cause}?"),
    }
}

both! {
    async fn em_flood_no_endpoint_sends_an_address_more_mails_in_an_hour_than_its_cap(database: TestDatabase) {
        let server = registering::start(&database).await;
        scene(&server.acme).await;
        let ada = at_home(&server, EMAIL).await;
        let cap = usize::try_from(HOURLY_LIMIT).unwrap();
        for cause in CAUSES {
            let to = format!("{cause}@example.com");
            if ["known-address", "forgotten-password"].contains(&cause) {
                person(&server.acme, &to).await;
            }
            let mails = format!("mails WHERE recipient = '{to}'");
            for number in 0..4 * cap {
                let reply = ask(&server, &ada, cause, &to).await;
                assert_eq!(reply.status == 429, number >= cap, "{cause} {number}: {} {}", reply.status, reply.text);
                if reply.status == 429 {
                    assert!((1..=3_600).contains(&reply.header("retry-after").parse().unwrap()), "{cause}");
                }
            }
            assert_eq!(database.count(&mails).await, cap, "{cause}");
            server.clock.advance_seconds(3_600);
            assert_ne!(ask(&server, &ada, cause, &to).await.status, 429, "{cause}");
            assert_eq!(database.count(&mails).await, cap + 1, "{cause}");
        }
    }

    /// Whatever a request says of the host it was for: a link in a mail leads to the issuer.
    async fn em_link_no_header_leads_a_mail_elsewhere(database: TestDatabase) {
        let server = registering::start(&database).await;
        scene(&server.acme).await;
        let ada = at_home(&server, EMAIL).await;
        let scheme = ("x-forwarded-proto", "https".to_owned());
        for (number, (name, value)) in forged(&server).into_iter().chain([scheme]).enumerate() {
            let forged = server.seen_through(&[(name, &value)]);
            let there = ada.at(&forged, &forged.acme);
            for cause in CAUSES {
                let to = format!("{cause}{number}@example.com");
                if ["known-address", "forgotten-password"].contains(&cause) {
                    person(&server.acme, &to).await;
                }
                assert!(ask(&forged, &there, cause, &to).await.status < 400, "{cause} {name}");
                let letter = letters_to(&database, &to).await.pop().unwrap();
                let letter = serde_json::to_string(&letter).unwrap();
                let mut links = letter.match_indices("http").map(|(at, _)| &letter[at..]).peekable();
                assert!(links.peek().is_some(), "{cause}");
                assert!(links.all(|link| link.strip_prefix(&server.acme.issuer()).is_some_and(|rest| rest.starts_with(['/', '"']))), "{cause} {name}: {letter}");
            }
        }
    }

    /// What strangers can ask for counts together; whoever may invite is not kept from it by them.
    async fn em_flood_one_address_has_one_cap_for_all_that_strangers_ask_for(database: TestDatabase) {
        let server = registering::start(&database).await;
        scene(&server.acme).await;
        let ada = at_home(&server, EMAIL).await;
        let to = "jane@example.com";
        for _ in 0..HOURLY_LIMIT {
            ask(&server, &ada, "registration", to).await.is(202);
        }
        for cause in ["registration-page", "forgotten-password", "change-of-address"] {
            assert_eq!(ask(&server, &ada, cause, to).await.status, 429, "{cause}");
        }
        ask(&server, &ada, "invitation", to).await.is(201);
    }
}
