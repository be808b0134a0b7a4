//! An issuer on a socket of this machine, its keys, and a clock that is told to move.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use paylent_crypto::{
    jwt,
    keys::{KeySize, PrivateKeyDer, SigningKey},
};
use paylent_resource_server::{Config, HttpClient, Introspection, Mode, Rejection, Request, Token, Validator};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::{Notify, RwLock},
};

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const AUDIENCE: &str = "https://orders.example";
pub(crate) const JWKS: &str = "/.well-known/jwks.json";
pub(crate) const INTROSPECT: &str = "/oauth/introspect";

/// Keys by index; making one takes long. The last claims the id of the first.
pub(crate) fn key(index: usize) -> &'static (SigningKey, PrivateKeyDer) {
    static KEYS: [OnceLock<(SigningKey, PrivateKeyDer)>; 3] = [const { OnceLock::new() }; 3];
    let kid = ["key-0", "key-1", "key-0"][index];
    KEYS[index].get_or_init(|| SigningKey::generate(kid.to_owned(), KeySize::Rsa2048).unwrap())
}

pub(crate) fn jwks(indexes: &[usize]) -> Value {
    let keys: Vec<_> = indexes.iter().map(|index| key(*index).0.public().to_jwk()).collect();
    json!({ "keys": keys })
}

/// An opaque access token by its form.
pub(crate) fn opaque(fill: char) -> String {
    format!("pay_at_{}", fill.to_string().repeat(43))
}

/// A token with any header and claims, signed as `alg` says, with the private key or, for HMAC, with `secret`.
pub(crate) fn forge(header: &Value, claims: &Value, digest: MessageDigest, secret: Option<&[u8]>) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let key = match secret {
        Some(secret) => PKey::hmac(secret).unwrap(),
        None => PKey::private_key_from_pkcs8(key(0).1.as_bytes()).unwrap(),
    };
    let signature = Signer::new(digest, &key).unwrap().sign_oneshot_to_vec(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What the issuer was asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) form: HashMap<String, String>,
}

#[derive(Clone)]
struct Reply {
    status: u16,
    header: String,
    body: String,
}

#[derive(Default)]
struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    seen: Mutex<Vec<Seen>>,
    arrived: Notify,
    gate: RwLock<()>,
}

/// An issuer that answers as it is told.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(Arc::clone(&accepting), stream));
            }
        });
        Self { url, shared }
    }

    /// Answers 200 with this body from now on.
    pub(crate) fn answers(&self, path: &str, body: &Value) {
        self.replies(path, 200, "", &body.to_string());
    }

    /// Answers thus from now on.
    pub(crate) fn replies(&self, path: &str, status: u16, header: &str, body: &str) {
        let reply = Reply { status, header: header.to_owned(), body: body.to_owned() };
        self.shared.replies.lock().unwrap().insert(path.to_owned(), reply);
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How often it was asked until now.
    pub(crate) fn asked(&self) -> usize {
        self.seen().len()
    }

    /// Waits until it has been asked as often as this.
    pub(crate) async fn arrived(&self, times: usize) {
        let asked = async {
            while self.asked() < times {
                self.shared.arrived.notified().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap();
    }

    /// Keeps answers back for as long as what is returned lives.
    pub(crate) async fn hold(&self) -> impl Drop {
        self.shared.gate.write().await
    }
}

async fn serve(shared: Arc<Shared>, stream: TcpStream) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let mut seen = Seen { path: line.split(' ').nth(1).unwrap_or_default().to_owned(), ..Seen::default() };
    let mut length = 0;
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => {
                seen.authorization = Some(value.to_owned())
            }
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    seen.form = url::form_urlencoded::parse(&body).into_owned().collect();
    let reply = shared.replies.lock().unwrap().get(&seen.path).cloned();
    let Reply { status, header, body } =
        reply.unwrap_or(Reply { status: 404, header: String::new(), body: String::new() });
    shared.seen.lock().unwrap().push(seen);
    shared.arrived.notify_one();
    let _open = shared.gate.read().await;
    let head = format!("HTTP/1.1 {status} -\r\nConnection: close\r\nContent-Length: {}\r\n{header}\r\n", body.len());
    // The other side may have gone away.
    drop(stream.write_all(format!("{head}{body}").as_bytes()).await);
}

/// An issuer, and a validator that asks it.
pub(crate) struct World {
    pub(crate) issuer: Issuer,
    pub(crate) validator: Validator,
    clock: Arc<AtomicI64>,
}

impl World {
    /// With the first key published, and this mode.
    pub(crate) async fn new(mode: Mode) -> Self {
        Self::with(mode, |_| {}).await
    }

    pub(crate) async fn with(mode: Mode, adapt: impl FnOnce(&mut Config)) -> Self {
        let issuer = Issuer::start().await;
        issuer.answers(JWKS, &jwks(&[0]));
        let mut config = Config::new(issuer.url.as_str(), AUDIENCE, mode);
        adapt(&mut config);
        let clock = Arc::new(AtomicI64::new(NOW));
        let shown = Arc::clone(&clock);
        let time = move || shown.load(Ordering::SeqCst);
        let validator = Validator::with(config, HttpClient::new().unwrap(), time).unwrap();
        Self { issuer, validator, clock }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    /// What a good token claims.
    pub(crate) fn claims(&self) -> Value {
        json!({
            "iss": self.issuer.url, "sub": "user-1", "aud": AUDIENCE, "client_id": "client-1", "jti": "token-1",
            "iat": NOW, "exp": NOW + 3_600, "scope": "orders:read orders:write",
        })
    }

    /// What a good token claims but for this; null takes a claim away.
    pub(crate) fn claims_but(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        let members = claims.as_object_mut().unwrap();
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.to_owned(), value)),
        }
        claims
    }

    /// A token of the key with this index that lives for long.
    pub(crate) fn token(&self, index: usize) -> String {
        self.signed(index, &self.claims_but("exp", json!(NOW + 1_000_000)))
    }

    pub(crate) fn signed(&self, index: usize, claims: &Value) -> String {
        jwt::sign(&key(index).0, "at+jwt", claims).unwrap()
    }

    /// What the introspection endpoint says of a good token.
    pub(crate) fn description(&self) -> Value {
        let mut description = self.claims();
        description["active"] = json!(true);
        description
    }

    pub(crate) async fn check(&self, token: &str) -> Result<Token, Rejection> {
        self.check_from(token, "203.0.113.5", &[]).await
    }

    /// Checks a token that comes from this address with these headers besides.
    pub(crate) async fn check_from(&self, token: &str, peer: &str, more: &[(&str, &str)]) -> Result<Token, Rejection> {
        let authorization = format!("Bearer {token}");
        let headers: Vec<(&str, &str)> =
            [("authorization", authorization.as_str())].iter().chain(more).copied().collect();
        self.validator.validate(&request(peer.parse().ok(), &headers)).await
    }
}

pub(crate) fn request<'a>(peer: Option<IpAddr>, headers: &[(&str, &'a str)]) -> Request<'a> {
    Request::new(peer, |name| headers.iter().filter(|(n, _)| *n == name).map(|(_, value)| value.as_bytes()).collect())
}

pub(crate) fn introspection() -> Introspection {
    Introspection::new("orders api", "se:cret")
}

pub(crate) fn invalid(outcome: &Result<Token, Rejection>) -> bool {
    matches!(outcome, Err(Rejection::InvalidToken(_)))
}
