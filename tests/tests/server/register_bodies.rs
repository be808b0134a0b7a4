//! Registration: what bodies may say, and what of a person. Catalogue section A13.

use paylent_tests::both;
use reqwest::Method;
use serde_json::json;

use crate::support::{Reply, browser::is_page, registering::*};

both! {
    /// Only what is a code is an attempt.
    async fn ot_format_what_is_not_six_digits_is_malformed_and_no_attempt(database: TestDatabase) {
        let server = start(&database).await;
        let id = server.begin(JANE).await;
        for code in ["", " 123456", "123456 ", "12345", "1234567", "１２３４５６", "12345a", "+12345", "12 345", "1\u{0}2345"] {
            is_refused(&server.verify(&id, code).await, 422, "invalid_request");
        }
        for code in [json!(123_456), json!(123), json!(["123456"]), json!({"code": "123456"}), json!(null), json!(true)] {
            let body = json!({"registration_id": id, "passcode": code});
            let request = server.ask_as_front_end(&server.acme, "/register/verify", &body);
            is_refused(&Reply::of(request).await, 422, "invalid_request");
        }
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["0"]);
        server.verify(&id, "000123").await.is(400);
        assert_eq!(database.values("SELECT attempts FROM registrations").await, ["1"], "zeros in front are digits");
    }

    async fn bodies_that_are_not_what_they_should_be_are_refused(database: TestDatabase) {
        let server = start(&database).await;
        for path in ["/register", "/register/verify", "/register/complete"] {
            for body in ["", "{", "[]", "null", "\"x\"", "{\"email\":\"a@b.example\",\"email\":\"a@b.example\"}", "{\"email\":1}"] {
                let request = server.request(&server.acme, Method::POST, path);
                let request = request.header("content-type", "application/json").body(body);
                is_refused(&Reply::of(request).await, 422, "invalid_request");
            }
            // What a page of another site could send without asking.
            for media_type in ["text/plain", "multipart/form-data; boundary=x", "application/jsonx"] {
                let request = server.request(&server.acme, Method::POST, path).header("content-type", media_type);
                is_page(&Reply::of(request.body("{\"email\":\"jane@example.com\"}")).await, 400);
            }
            let large = server.request(&server.acme, Method::POST, path).header("content-type", "application/json");
            assert_eq!(Reply::of(large.body(" ".repeat(65_537))).await.status, 413);
            assert_eq!(Reply::of(server.request(&server.acme, Method::DELETE, path)).await.status, 405);
        }
        assert_eq!(database.count("mails").await, 0);
    }

    async fn what_is_told_of_a_person_is_checked(database: TestDatabase) {
        let server = start(&database).await;
        let token = server.prove(&database, JANE).await;
        database.execute("UPDATE environments SET password_min_length = 12").await;
        for (field, value) in [
            ("first_name", ""),
            ("first_name", "  "),
            ("last_name", "a\nb"),
            ("last_name", &"x".repeat(101)),
            ("first_name", "a\u{202e}b"),
            ("password", "short"),
            ("password", "elevenchars"),
            ("password", &"x".repeat(129)),
            ("password_confirmation", "something else"),
        ] {
            let mut body = about(&token);
            body[field] = json!(value);
            if field == "password" {
                body["password_confirmation"] = json!(value);
            }
            let reply = Reply::of(server.completion(&body)).await;
            is_refused(&reply, 422, "invalid_request");
            assert!(reply.json()["error_description"].as_str().unwrap().starts_with(field), "{}", reply.text);
        }
        let runs = server.rooms.passwords.runs();
        assert_eq!(runs, 0, "nothing is hashed for what is refused");
        server.complete(&token).await.is(201);
    }
}
