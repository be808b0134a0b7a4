//! What others may do with an account: applications, organizations, and its end.

use paylent_domain::{Clock as _, Id, client::ClientType, role::UserRole, user::User};
use paylent_mail::About;
use paylent_storage::NewInvitation;
use paylent_tests::{both, seed};

use crate::support::{PASSWORD, TestServer, account::*, browser::*, letters::letters_to};

both! {
    async fn access_that_is_removed_is_gone_with_consent_codes_and_tokens(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let other = application(&server.acme, ClientType::Confidential).await;
        person(&server.acme, "eve@example.com").await;
        let (browser, eve) = (Browser::new(&server), at_home(&server, "eve@example.com").await);
        let tokens = browser.tokens(&client).await;
        let code = browser.code(&client).await;
        let kept = browser.tokens(&other).await;
        let page = browser.get("/account/applications").await;
        is_page(&page, 200);
        assert!(page.text.matches("Ledger").count() >= 2 && page.text.contains("See your e-mail address"), "{}", page.text);
        assert!(!eve.get("/account/applications").await.is(200).text.contains("Ledger"));
        let remove = [("client_id", client.credentials.0.as_str())];
        let before = database.dump().await;
        // Nothing of hers has this id: the form of a page with nothing on it is that of another page.
        is_page(&eve.post("/account/applications", &remove).await, 403);
        assert_eq!(database.dump().await, before);
        is_done(&browser, &fill_in(&browser, "/account/applications", &remove).await, "/account/applications").await;
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401);
        browser.redeem(&client, &code).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(browser.userinfo(text(&kept, "access_token")).await.status, 200);
        let asked = browser.authorize(&client, &[]).await.is(200);
        assert!(asked.text.contains("This is what it asks for"), "as if for the first time");
        let told = "audit_events WHERE action = 'consent.withdrawn' AND actor_type = 'user'";
        assert_eq!(database.count(told).await, 1);
        is_page(&fill_in(&browser, "/account/applications", &remove).await, 404);
        assert_eq!(database.count(told).await, 1);
    }

    async fn a_person_leaves_their_own_organizations_and_sees_who_invites_them(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let eve: Id<User> = person(&server.acme, "eve@example.com").await.parse().unwrap();
        let env = &server.acme.seeded.env;
        let browser = at_home(&server, EMAIL).await;
        let ada = env.sign_in_candidate(EMAIL, &[0; 32]).await.unwrap().unwrap().user_id;
        let admin = server.admin(&server.acme).await;
        let (works, club) = (admin.organization("Acme Works").await, admin.organization("Chess Club").await);
        let (own, hers) = (admin.member(&ada.to_string(), &works).await, admin.member(&eve.to_string(), &works).await);
        let role = admin.only("roles?filter[name]=admin").await;
        admin.give_there(&own, &role).await;
        let invitation = NewInvitation {
            id: seed::new_id(),
            organization_id: club.parse().unwrap(),
            inviter_id: eve,
            email: "ADA@example.com".parse().unwrap(),
            role_ids: Vec::new(),
            expires_at: server.clock.now().plus_seconds(100),
            token_hash: paylent_crypto::secret::SecretHash::of("pay_in_x"),
            mail: seed::mail("ada@example.com", None),
        };
        let invited = format!("/invitations/{}", invitation.id);
        env.create_invitation(invitation, &seed::by()).await.unwrap();
        let page = browser.get("/account/organizations").await;
        is_page(&page, 200);
        for text in ["Acme Works", "Chess Club", invited.as_str()] {
            assert!(page.text.contains(text), "{text}: {}", page.text);
        }
        let before = database.dump().await;
        for id in [hers.clone(), seed::new_id::<()>().to_string()] {
            is_page(&fill_in(&browser, "/account/organizations", &[("membership", &id)]).await, 404);
        }
        let leave = [("membership", own.as_str())];
        let refused = fill_in(&browser, "/account/organizations", &leave).await;
        is_page(&refused, 409);
        assert!(refused.text.contains("You are the last administrator here."), "{}", refused.text);
        assert_eq!(database.dump().await, before);
        admin.give_there(&hers, &role).await;
        let reply = fill_in(&browser, "/account/organizations", &leave).await;
        assert_eq!((reply.status, reply.header("location")), (303, "/account/organizations?done"));
        let page = browser.get("/account/organizations").await.is(200);
        assert!(!page.text.contains("Acme Works") && page.text.contains("Chess Club"));
        assert_eq!(database.count("audit_events WHERE action = 'membership.deleted' AND actor_type = 'user'").await, 1);
        // Nobody is asked at an address that nobody proved, or after the time.
        database.execute(&format!("UPDATE users SET email_verified = false WHERE email = '{EMAIL}'")).await;
        assert!(!browser.get("/account/organizations").await.text.contains("Chess Club"));
        database.execute("UPDATE users SET email_verified = true").await;
        server.clock.advance_seconds(100);
        assert!(!browser.get("/account/organizations").await.text.contains("Chess Club"));
    }

    async fn an_account_is_deleted_by_whoever_proves_to_mean_it(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let (browser, elsewhere) = (Browser::new(&server), Browser::new(&server));
        let tokens = browser.tokens(&client).await;
        elsewhere.code(&client).await;
        let session = browser.cookie(SESSION).unwrap();
        let before = database.dump().await;
        let fields = |email, password| [("email", email), ("current_password", password)];
        for (email, password) in [(EMAIL, "wrong password"), ("", PASSWORD), ("eve@example.com", PASSWORD)] {
            is_page(&fill_in(&browser, "/account/delete", &fields(email, password)).await, 422);
        }
        assert_eq!(database.dump().await, before);
        let goodbye = fill_in(&browser, "/account/delete", &fields("Ada@Example.com", PASSWORD)).await;
        is_page(&goodbye, 200);
        assert!(goodbye.text.contains("Your account was deleted") && browser.cookie(SESSION).is_none());
        assert_eq!(database.count(&format!("users WHERE email_key = '{EMAIL}'")).await, 0);
        browser.set_cookie(SESSION, &session);
        assert_eq!(browser.get("/account").await.header("location"), "/login?return_to=/account");
        assert!(!elsewhere.is_signed_in(&client).await);
        browser.refresh(&client, text(&tokens, "refresh_token")).await.is_oauth_error(400, "invalid_grant");
        assert_eq!(browser.userinfo(text(&tokens, "access_token")).await.status, 401);
        assert!(matches!(letters_to(&database, EMAIL).await[0].about, About::AccountDeleted));
        assert_eq!(database.count("audit_events WHERE action = 'user.deleted' AND actor_type = 'user'").await, 1);
    }

    async fn the_last_admin_is_told_why_the_account_stays(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        scene(&server.acme).await;
        let env = &server.acme.seeded.env;
        let user_id = env.sign_in_candidate(EMAIL, &[0; 32]).await.unwrap().unwrap().user_id;
        let admin = server.admin(&server.acme).await;
        let role = admin.only("roles?filter[name]=admin").await.parse().unwrap();
        let role = UserRole { id: seed::new_id(), user_id, role_id: role, created_at: seed::by().at };
        env.assign_role(role, &seed::by()).await.unwrap();
        let browser = at_home(&server, EMAIL).await;
        let before = database.dump().await;
        let page = fill_in(&browser, "/account/delete", &[("email", EMAIL), ("current_password", PASSWORD)]).await;
        is_page(&page, 409);
        assert!(page.text.contains("You are the last administrator here, or of an organization"));
        assert_eq!(database.dump().await, before);
        assert_eq!(browser.get("/account").await.status, 200);
    }
}
