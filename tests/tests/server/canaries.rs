//! Secrets that are looked for afterwards, everywhere they must not be: the log at its most talkative, the database,
//! and the answers.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Mutex, Once, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use paylent_crypto::secret::SecretHash;
use paylent_mail::About;
use paylent_tests::{TestDatabase, both};
use reqwest::Method;
use serde_json::json;
use tracing_subscriber::{
    Layer as _, filter::dynamic_filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::support::{
    account::{at_home, fill_in},
    browser::{EMAIL, SESSION, person},
    forge::Forge,
    letters::letters,
    *,
};

/// What was logged while a recording was on. The server answers on threads of its own, so the log is the process's.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static RECORDINGS: AtomicUsize = AtomicUsize::new(0);

/// Keeps every event of the process, from TRACE up, as long as it lives.
pub struct Recording;

impl Recording {
    pub fn start() -> Self {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            let recording = dynamic_filter_fn(|_, _| RECORDINGS.load(Ordering::SeqCst) > 0);
            let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(|| Sink);
            tracing_subscriber::registry().with(lines.with_filter(recording)).init();
        });
        RECORDINGS.fetch_add(1, Ordering::SeqCst);
        Self
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        RECORDINGS.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Sink;

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What must not be found, and every answer that came.
#[derive(Default)]
struct Walk {
    canaries: BTreeSet<String>,
    replies: Vec<Reply>,
}

impl Walk {
    /// A new secret text that nobody else has.
    fn canary(&mut self, what: &str) -> String {
        let canary = format!("{what}-{}", nobody());
        self.canaries.insert(canary.clone());
        canary
    }

    fn keep(&mut self, secret: &str) -> String {
        self.canaries.insert(secret.to_owned());
        secret.to_owned()
    }

    /// A token: of a signed one, the signature is what nobody else has.
    fn keep_token(&mut self, token: &str) -> String {
        self.keep(token.rsplit('.').next().unwrap());
        token.to_owned()
    }

    /// A client's secret, also as a Basic header carries it.
    fn keep_credentials(&mut self, client: &(String, String)) {
        self.keep(&client.1);
        self.keep(&STANDARD.encode(format!("{}:{}", client.0, client.1)));
    }

    fn saw(&mut self, reply: Reply) {
        self.replies.push(reply);
    }
}

/// People, passwords, clients and secrets, told rightly and wrongly.
async fn write_secrets(admin: &Caller<'_>, walk: &mut Walk) -> Machine {
    let (password, another) = (walk.canary("password"), walk.canary("password"));
    let attributes = json!({"email": "jane@example.com", "password": password, "password_confirmation": password});
    let jane = admin.post("users", &document("user", attributes.clone(), &[])).await.is(201);
    let id = jane.id();
    walk.saw(jane);
    walk.saw(admin.patch(&format!("users/{id}"), &change("user", &id, json!({"password": another}))).await.is(200));
    walk.saw(admin.post("users", &document("user", attributes, &[])).await.is(409));
    let (password, another) = (walk.canary("password"), walk.canary("password"));
    let mut wrong = json!({"email": "joe@example.com", "password": password, "password_confirmation": another});
    walk.saw(admin.post("users", &document("user", wrong.clone(), &[])).await.is(422));
    wrong["password"] = json!([walk.canary("password")]);
    wrong["unknown"] = json!(walk.canary("value"));
    walk.saw(admin.post("users", &document("user", wrong, &[])).await.is(422));
    let broken = format!(r#"{{"data": {{"password": "{}" "#, walk.canary("password"));
    walk.saw(admin.send_raw(Method::POST, "users", broken.into_bytes()).await.is(400));
    let machine = admin.machine(None).await;
    walk.keep_credentials(&machine.credentials);
    let rename = change("client", &machine.id, json!({"name": "Renamed", "client_secret": walk.canary("secret")}));
    walk.saw(admin.patch(&format!("clients/{}", machine.id), &rename).await.is(422));
    walk.saw(admin.get("clients").await.is(200));
    machine
}

/// Tokens of both forms: asked for, used, introspected, revoked, and presented where they are not welcome.
async fn use_tokens(server: &TestServer, admin: &Caller<'_>, machine: &Machine, walk: &mut Walk) -> String {
    let mut opaque = String::new();
    for format in ["jwt", "opaque"] {
        let set = change("client", &machine.id, json!({"token_format": format}));
        walk.saw(admin.patch(&format!("clients/{}", machine.id), &set).await.is(200));
        let token = walk.keep_token(&server.token(&server.acme, &machine.credentials, &[]).await);
        opaque = walk.keep_token(&server.token(&server.acme, &machine.credentials, &[]).await);
        walk.saw(server.bearer(&server.acme, &token).get("users").await.is(403));
        walk.saw(server.bearer(&server.beta, &token).get("users").await.is(401));
        walk.saw(server.anonymous(&server.acme).get(&format!("users?access_token={token}")).await.is(401));
        for path in ["/oauth/introspect", "/oauth/revoke", "/oauth/introspect"] {
            walk.saw(server.oauth(&server.acme, path, &machine.credentials, &[("token", &token)]).await.is(200));
        }
        walk.saw(server.bearer(&server.acme, &token).get("users").await.is(401));
    }
    let wrong = (machine.credentials.0.clone(), walk.canary("pay_cs_wrong"));
    walk.keep_credentials(&wrong);
    let form =
        [("grant_type", "client_credentials"), ("client_id", "nobody"), ("client_secret", &*walk.canary("secret"))];
    walk.saw(server.oauth(&server.acme, "/oauth/token", &wrong, &form[..1]).await.is(401));
    let body = server.request(&server.acme, Method::POST, "/oauth/token").form(&form);
    walk.saw(Reply::of(body).await.is(401));
    let api = server.request(&server.acme, Method::GET, "/api/users").basic_auth(&wrong.0, Some(&wrong.1));
    walk.saw(Reply::of(api).await.is(401));
    let made_up = walk.canary("pay_at_");
    walk.saw(server.bearer(&server.acme, &made_up).get("users").await.is(401));
    opaque
}

/// What only the mails and the cookie of a person tell: of a session, a forgotten password, a new address, an invitation.
async fn be_a_person(database: &TestDatabase, server: &TestServer, admin: &Caller<'_>, walk: &mut Walk) {
    person(&server.acme, EMAIL).await;
    let ada = at_home(server, EMAIL).await;
    walk.keep(&ada.cookie(SESSION).unwrap());
    let wish = [("email", "ada@new.example"), ("current_password", PASSWORD)];
    walk.saw(fill_in(&ada, "/account/email", &wish).await.is(303));
    let forgot = server.request(&server.acme, Method::POST, "/password/forgot").json(&json!({"email": EMAIL}));
    walk.saw(Reply::of(forgot).await.is(202));
    let organization = admin.organization("Globex").await;
    let there = [("organization", "organization", &*organization)];
    let asked = document("invitation", json!({"email": "grace@example.com"}), &there);
    walk.saw(admin.post("invitations", &asked).await.is(201));
    let mut tokens = 0;
    for waiting in letters(database).await {
        let (About::EmailChange { link, .. } | About::PasswordReset { link, .. } | About::Invitation { link, .. }) =
            waiting.letter.about
        else {
            continue;
        };
        walk.keep(link.split_once("token=").unwrap().1);
        // The page that it leads to may hold it, the log may not.
        assert!(ada.get(link.strip_prefix(&server.acme.issuer()).unwrap()).await.status < 400);
        tokens += 1;
    }
    assert_eq!(tokens, 3);
    for list in ["sessions", "mails", "invitations", "users", "audit-events?page[size]=100"] {
        walk.saw(admin.get(list).await.is(200));
    }
}

/// The same writes while the database refuses them: what an outage logs is no exception.
async fn fail_to_write(
    database: &TestDatabase,
    server: &TestServer,
    admin: &Caller<'_>,
    machine: &Machine,
    walk: &mut Walk,
) {
    database
        .execute("ALTER TABLE audit_events RENAME TO audit_lost; ALTER TABLE access_tokens RENAME TO tokens_lost")
        .await;
    let person = json!({"email": "ann@example.com", "password": walk.canary("password")});
    let client = json!({"name": "Lost", "grant_types": ["client_credentials"]});
    walk.saw(admin.post("users", &document("user", person, &[])).await);
    walk.saw(admin.post("clients", &document("client", client, &[])).await);
    let form = [("grant_type", "client_credentials"), ("resource", &*server.acme.api())];
    walk.saw(server.oauth(&server.acme, "/oauth/token", &machine.credentials, &form).await);
    for failed in &walk.replies[walk.replies.len() - 3..] {
        assert!(failed.status >= 500, "{}", failed.text);
    }
    database
        .execute("ALTER TABLE audit_lost RENAME TO audit_events; ALTER TABLE tokens_lost RENAME TO access_tokens")
        .await;
}

/// A text in lower case as the dump of either database would show it, had it been stored as text or as bytes.
fn as_stored(secret: &[u8]) -> [String; 2] {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    [String::from_utf8_lossy(secret).to_lowercase(), hex]
}

both! {
    async fn lg_canary_st_hashonly_iv_leak_and_ky_at_rest_no_secret_is_where_it_must_not_be(database: TestDatabase) {
        let recording = Recording::start();
        let server = TestServer::start(&database).await;
        let mut walk = Walk::default();
        walk.keep_credentials(&server.acme.machine());
        let admin = server.admin(&server.acme).await;
        walk.keep_token(admin.token.as_ref().unwrap());
        let machine = write_secrets(&admin, &mut walk).await;
        let opaque = use_tokens(&server, &admin, &machine, &mut walk).await;
        let made =
            admin.post("signing-keys", &document("signing_key", json!({"publish_only": true}), &[])).await.is(201);
        walk.saw(made);
        be_a_person(&database, &server, &admin, &mut walk).await;
        fail_to_write(&database, &server, &admin, &machine, &mut walk).await;
        let marker = nobody();
        walk.saw(admin.get(&format!("users/{marker}")).await.is(404));

        let log = recording.text();
        assert!(log.contains(&marker) && log.contains("a call of the Management API failed"), "the log was recorded");
        let dump = database.dump().await.join("\n").to_lowercase();
        assert!(dump.contains("jane@example.com"), "the database was dumped");
        for canary in &walk.canaries {
            assert!(!log.contains(canary), "{canary} in the log");
            for stored in as_stored(canary.as_bytes()) {
                assert!(!dump.contains(&stored), "{canary} in the database");
            }
            for reply in &walk.replies {
                assert!(!reply.text.contains(canary), "{canary} in {}", reply.text);
            }
        }
        let der = Forge::of(&server, &server.acme).await;
        let [_, key] = as_stored(&der.der()[200..232]);
        assert!(!dump.contains(&key) && !dump.contains("private key") && !dump.contains(r#""d":"#), "a private key is sealed");

        // What is there instead.
        for secret in [&machine.credentials.1, &opaque] {
            let [_, hash] = as_stored(SecretHash::of(secret).as_bytes());
            assert!(dump.contains(&hash), "a secret is kept as its hash");
        }
        let hashes = database.values("SELECT password_hash FROM users WHERE email = 'jane@example.com'").await;
        assert!(hashes.len() == 1 && hashes[0].starts_with("$argon2id$v=19$"), "{hashes:?}");
    }
}
