//! Password hashes that other systems made, and passwords that are guessed too easily.

use paylent_tests::both;
use serde_json::json;

use crate::support::{browser::*, *};

/// Hashes of `correct horse`, by the tools named.
const IMPORTED: [(&str, &str); 11] = [
    ("bcrypt", "$2b$04$q6Qjga7bPnhtzfOo3bwr9OfCMt/QVIzZJbc8ZBOd6yRssZXzbnXoO"),
    ("PHP", "$2y$04$q6Qjga7bPnhtzfOo3bwr9OfCMt/QVIzZJbc8ZBOd6yRssZXzbnXoO"),
    ("bcrypt-2a", "$2a$05$/e6jbxitHEzd07tkoFhJDurCzxyVKdKzllBeA1IC0DWWMWs1svRde"),
    ("passlib", "$pbkdf2-sha256$1000$.//7//v/.//7//v/.//7/w$CvkdidOLlidYTYD/DWlZEumyC3MzQ0JtgSXS3UeF6oc"),
    (
        "passlib-sha512",
        "$pbkdf2-sha512$1000$MAZgbG1NSSkFYOz9fw8hBA$cfKjFGLiOt1QnGW3sq988AjTpq4toCsYUI/0NRsCzo8wv539m2jdPA1ZkT/bG9u9UiGVEC/yLXmamDrJ.sAuBg",
    ),
    ("django", "pbkdf2_sha256$1000$seasalt$mQnueSakb748zqBAC1tmWVZsZbi2zPGZarEzTGdfmso="),
    (
        "django-scrypt",
        "scrypt$1024$seasalt$8$1$b9vqOe0B5HZh2f10Q9RPN9OFNPtmb+ezp5YOlnZsJQ0vQ5I3eq8Zt7GFMuqQ58xCxTIvVL1QCL/PTXEWr+RNHA==",
    ),
    ("scrypt", "$scrypt$ln=10,r=8,p=1$3ttb6/2/d641hlBqTam19g$pw4b3DP4dwM4Zbnt4hGgd3a3udl3j9tIPW2pMXNv7Mo"),
    (
        "argon2-cffi-id",
        "$argon2id$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$ehqGRlXhNY90u1mXokuaGpor9OaG4WSZVb4jCfev4ys",
    ),
    ("argon2-cffi-d", "$argon2d$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$dOi7cZl2dlo4eu/sTQ2j9syppP/ZDNFzsjFGgjz/J0M"),
    ("argon2-cffi", "$argon2i$v=19$m=64,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$JJ/ZDykYOnhMabOK2tGFjoWMyIA2jiyUS51az8rbHG4"),
];

both! {
    /// Who came with a hash signs in with the same password, and has a hash of ours from then on.
    async fn lo_rehash_an_imported_hash_is_verified_and_replaced(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let client = scene(&server.acme).await;
        let admin = server.admin(&server.acme).await;
        for (tool, hash) in IMPORTED {
            let email = format!("{}@example.com", tool.to_lowercase());
            let made = json!({"email": email, "password_hash": hash});
            let made = admin.post("users", &document("user", made, &[])).await.is(201);
            assert!(!made.text.contains("hash") && !made.text.contains(&hash[..12]), "{tool}: {}", made.text);
            assert_eq!(made.attribute("email_verified"), json!(false));
            let stored = async || {
                database.values(&format!("SELECT password_hash FROM users WHERE email = '{email}'")).await.remove(0)
            };
            assert_eq!(stored().await, hash, "{tool}");
            let browser = Browser::new(&server);
            let page = browser.authorize(&client, &[]).await.is(200);
            assert_eq!(browser.sign_in(&page, &email, "Correct horse").await.status, 401, "{tool}");
            assert_eq!(stored().await, hash, "{tool}");
            for _ in 0..2 {
                let browser = Browser::new(&server);
                let page = browser.authorize(&client, &[]).await.is(200);
                let runs = server.rooms.passwords.runs();
                assert_eq!(browser.sign_in(&page, &email, "correct horse").await.status, 200, "{tool}");
                assert!(server.rooms.passwords.runs() - runs <= 2, "{tool}");
                assert!(stored().await.starts_with("$argon2id$v=19$"), "{tool}");
            }
        }
        let trail = database.values("SELECT changes FROM audit_events").await;
        assert!(trail.iter().all(|changes| !changes.contains("$2")), "no hash in the trail");
    }

    async fn a_hash_that_is_none_or_costs_too_much_has_its_pointer(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = admin.user("jane@example.com").await;
        let before = database.dump().await;
        let bcrypt = IMPORTED[0].1;
        for hash in [
            json!("plain text"),
            json!(""),
            json!(null),
            json!(7),
            json!(bcrypt.replace("$04$", "$16$")),
            json!("$argon2id$v=19$m=1048576,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            json!(format!("scrypt$262144$salt$8$1${}", "A".repeat(43))),
            json!(format!("pbkdf2_sha256$5000001$salt${}", "A".repeat(43))),
        ] {
            let new = json!({"email": "new@example.com", "password_hash": hash});
            let reply = admin.post("users", &document("user", new, &[])).await;
            assert_eq!(reply.status, 422, "{hash}");
            assert!(reply.text.contains("/data/attributes/password_hash"), "{hash}: {}", reply.text);
            let reply = admin.patch(&format!("users/{jane}"), &change("user", &jane, json!({"password_hash": hash}))).await;
            reply.is_error(422, "/data/attributes/password_hash");
        }
        let two = json!({"email": "new@example.com", "password": PASSWORD, "password_hash": bcrypt});
        admin.post("users", &document("user", two, &[])).await.is_error(422, "/data/attributes/password_hash");
        let none = json!({"email": "new@example.com"});
        admin.post("users", &document("user", none, &[])).await.is_error(422, "/data/attributes/password");
        assert_eq!(database.dump().await, before);
    }

    /// What guessers try first is refused, and the environment can ask for more characters.
    async fn passwords_that_are_guessed_first_are_refused(database: TestDatabase) {
        let server = TestServer::start(&database).await;
        let admin = server.admin(&server.acme).await;
        let jane = json!({"email": "jane.doe@example.com", "first_name": "Zoraida", "last_name": "Quux"});
        for easy in ["password1", "12345678", "Qwertyuiop", "jane.doe", "Zoraida1984", "zoraida quux", "Acme-Test!"] {
            let mut new = jane.clone();
            new["password"] = json!(easy);
            admin.post("users", &document("user", new, &[])).await.is_error(422, "/data/attributes/password");
        }
        let mut new = jane.clone();
        new["password"] = json!(PASSWORD);
        let id = admin.post("users", &document("user", new, &[])).await.is(201).id();
        let set = async |password: &str| {
            admin.patch(&format!("users/{id}"), &change("user", &id, json!({"password": password}))).await
        };
        set("QuuxZoraida").await.is_error(422, "/data/attributes/password");
        set("eleven char").await.is(200);
        database.execute("UPDATE environments SET password_min_length = 12").await;
        set("eleven char").await.is_error(422, "/data/attributes/password");
        set("twelve chars").await.is(200);
    }
}
