//! `/dev/mailbox`, the mails that left, where developers read them.

use paylent_mail::{Mailbox, Transport};
use paylent_tests::both;
use reqwest::Method;

use crate::support::{smtp::*, *};

async fn get(server: &TestServer, tenant: &Tenant, method: Method) -> Reply {
    Reply::of(server.request(tenant, method, "/dev/mailbox")).await
}

both! {
    async fn developers_read_the_mails_of_the_environment(database: TestDatabase) {
        let mail = Some(Transport::Memory(Mailbox::default()));
        let server = TestServer::start_with(&database, Setting { mail, ..Setting::default() }).await;
        assert!(get(&server, &server.acme, Method::GET).await.is(200).text.contains("There is no mail."));
        let mut letter = invitation(&server.acme);
        letter.environment = "<script>alert(1)</script>".to_owned();
        server.queue_mail("jane@example.com", &letter, None).await;
        server.deliver_mails().await;
        let page = get(&server, &server.acme, Method::GET).await.is(200);
        assert!(page.header("content-security-policy").contains("script-src 'self'"));
        let link = format!("{}/invitations?token=secret", server.acme.issuer());
        assert!(page.text.contains(&format!(r#"<a href="{link}">"#)), "{}", page.text);
        assert!(page.text.contains("jane@example.com") && page.text.contains("join Globex"));
        assert!(!page.text.contains("<script>alert") && page.text.contains("&#60;script&#62;alert"));
        let other = get(&server, &server.beta, Method::GET).await.is(200);
        assert!(!other.text.contains("Globex"), "{}", other.text);
        assert_eq!(get(&server, &server.acme, Method::POST).await.status, 405);
    }

    async fn without_a_way_out_there_is_no_such_page(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        assert_eq!(get(&server, &server.acme, Method::GET).await.status, 404);
    }

    async fn with_a_mail_server_there_is_no_such_page(database: TestDatabase) {
        let mail = Some(transport(Sink::start().port));
        let server = TestServer::start_with(&database, Setting { mail, ..Setting::default() }).await;
        assert_eq!(get(&server, &server.acme, Method::GET).await.status, 404);
    }
}
