//! What a signed-in person does with the own account.

use std::net::Ipv4Addr;

use paylent_domain::{
    Id,
    audit::Context,
    mail::{HOURLY_LIMIT, NewMail},
    user::User,
};
use paylent_oauth::crypto::secret::{SecretHash, random_bytes};
use paylent_storage::{Error, NewEmailChange, Profile, ProvenEmail};
use paylent_tests::{
    both,
    seed::{self, by, new_id},
};

use crate::common::{member, on_nodes, organization, person, session, work};

const NEW: &str = "jane@new.example";

/// A mail of this kind, which nobody opens.
fn mail(kind: &'static str) -> NewMail {
    NewMail { id: new_id(), kind, recipient: NEW.to_owned(), letter: vec![1], expires_at: None }
}

fn wish(user_id: Id<User>, email: &str) -> NewEmailChange {
    let token_hash = SecretHash::from_bytes(random_bytes().unwrap());
    NewEmailChange { user_id, email: email.parse().unwrap(), token_hash, expires_at: by().at.plus_seconds(3_600) }
}

/// Somebody at one address of the network.
fn here() -> Context {
    Context { ip: Some(Ipv4Addr::new(192, 0, 2, 7).into()), ..by() }
}

both! {
    async fn a_person_is_read_and_a_service_user_is_none(database: TestDatabase) {
        let seeded = seed::environment(&database.db(), "acme").await;
        let env = &seeded.env;
        let jane = person(env, "jane@example.com").await;
        let read = env.person(jane, by().at).await.unwrap().unwrap();
        assert_eq!((read.email.as_str(), read.email_verified, read.password_minimum), ("jane@example.com", true, 8));
        assert_eq!((read.first_name.as_deref(), read.pending_email, read.language), (Some("Jane"), None, None));
        assert_eq!(env.person(seeded.service_user, by().at).await.unwrap(), None);
        assert!(!env.save_profile(seeded.service_user, Profile::default(), &by()).await.unwrap());
        database.execute("UPDATE users SET active = false").await;
        assert_eq!(env.person(jane, by().at).await.unwrap(), None);
    }

    async fn a_link_counts_once_on_eight_nodes(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let wish = wish(jane, NEW);
        env.request_email_change(wish.clone(), mail("link"), mail("taken"), &here()).await.unwrap();
        let change = env.email_change(&wish.token_hash, by().at).await.unwrap().unwrap();
        let (old, new) = ("jane@example.com".parse().unwrap(), NEW.parse().unwrap());
        assert_eq!(change, ProvenEmail { user_id: jane, old, new, language: None });
        // Not while the person has another address than the letter goes to.
        let other = ProvenEmail { old: "joe@example.com".parse().unwrap(), ..change.clone() };
        assert!(!env.confirm_email_change(&wish.token_hash, other, mail("told"), &here()).await.unwrap());
        let use_it = |_| {
            let (token, change) = (wish.token_hash, change.clone());
            work(move |env| async move { env.confirm_email_change(&token, change, mail("told"), &here()).await.unwrap() })
        };
        let used = on_nodes(database.url(), &env, (0..8).map(use_it).collect());
        assert_eq!(used.iter().filter(|used| **used).count(), 1);
        assert_eq!(database.count("mails WHERE kind = 'told'").await, 1);
        assert_eq!(database.count(&format!("users WHERE email = '{NEW}' AND email_verified")).await, 1);
    }

    async fn em_flood_of_twelve_wishes_on_as_many_nodes_five_are_mailed(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let jane = person(&env, "jane@example.com").await;
        let ask = |number: i32| {
            let wish = wish(jane, &format!("jane{number}@new.example"));
            work(move |env| async move { env.request_email_change(wish, mail("link"), mail("taken"), &here()).await.is_ok() })
        };
        let asked = on_nodes(database.url(), &env, (0..12).map(ask).collect());
        assert_eq!(asked.iter().filter(|asked| **asked).count() as i64, HOURLY_LIMIT);
        assert_eq!(database.count("mails").await as i64, HOURLY_LIMIT);
        assert_eq!(database.count("email_changes").await, 1, "one for each person");
        let again = env.request_email_change(wish(jane, NEW), mail("link"), mail("taken"), &here()).await;
        assert!(matches!(again, Err(Error::TooMany { retry_after: 1..=3_600 })), "{again:?}");
    }

    async fn what_is_not_theirs_is_unknown(database: TestDatabase) {
        let env = seed::environment(&database.db(), "acme").await.env;
        let beta = seed::environment(&database.db(), "beta").await.env;
        let (jane, joe) = (person(&env, "jane@example.com").await, person(&env, "joe@example.com").await);
        let theirs = env.create_session(session(jane), &by()).await.unwrap();
        let works = organization(&env, "Works").await;
        let membership = member(&env, jane, works).await;
        let before = database.dump().await;
        assert!(!env.end_own_session(joe, theirs.id, &by()).await.unwrap());
        assert!(!beta.end_own_session(jane, theirs.id, &by()).await.unwrap());
        assert_eq!(env.end_own_sessions(joe, None, &by()).await.unwrap(), 0);
        assert_eq!(beta.end_own_sessions(jane, None, &by()).await.unwrap(), 0);
        assert!(!env.leave_organization(joe, membership.id, &by()).await.unwrap());
        assert!(!env.withdraw_consent(joe, "nobody", &by()).await.unwrap());
        assert_eq!((env.live_sessions(joe, by().at).await.unwrap(), env.own_memberships(joe).await.unwrap()), (vec![], vec![]));
        assert_eq!(database.dump().await, before);
        assert_eq!(env.live_sessions(jane, by().at).await.unwrap(), [theirs]);
        assert_eq!(env.own_memberships(jane).await.unwrap()[0].organization, "Works");
    }
}
