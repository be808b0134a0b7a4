//! Services of others that accept our tokens by `paylent-resource-server`, against a running server: the middleware of
//! actix-web and the layer of axum.

use std::net::SocketAddr;

use actix_web::{App, HttpServer, web};
use axum::{Router, routing::get};
use paylent_domain::{Id, client::TokenFormat, resource_server::ResourceServer};
use paylent_resource_server::{
    Answer, Answering, Config, Http, Introspection, Mode, Token, Unreachable, Validator, system_time,
};
use paylent_storage::Links;
use paylent_tests::{TestDatabase, both, seed};

use crate::support::{applications::*, oauth::Registered, *};

const API: &str = "https://documents.example";
const SCOPE: &str = "documents:read";

/// The way to the server, whose host no name server knows.
struct Way {
    address: SocketAddr,
    host: String,
    http: reqwest::Client,
}

impl Way {
    fn to(&self, url: &str) -> (String, String) {
        let issuer = format!("https://{}", self.host);
        (url.replacen(&issuer, &format!("http://{}", self.address), 1), self.host.clone())
    }

    async fn send(request: reqwest::RequestBuilder) -> Result<Answer, Unreachable> {
        let response = request.send().await.map_err(|error| Unreachable(error.into()))?;
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let (cache_control, retry_after) = (header("cache-control"), header("retry-after"));
        let status = response.status().as_u16();
        Ok(Answer { status, cache_control, retry_after, body: response.bytes().await.unwrap().to_vec() })
    }
}

impl Http for Way {
    fn get<'a>(&'a self, url: &'a str) -> Answering<'a> {
        let (url, host) = self.to(url);
        Box::pin(Self::send(self.http.get(url).header("host", host)))
    }

    fn post<'a>(&'a self, url: &'a str, authorization: &'a str, form: String) -> Answering<'a> {
        let (url, host) = self.to(url);
        let request = self.http.post(url).header("host", host).header("authorization", authorization);
        Box::pin(Self::send(request.header("content-type", "application/x-www-form-urlencoded").body(form)))
    }
}

/// A server, an application for an API that is not ours, a machine with signed tokens for it, and the API's own client.
struct Scene {
    server: TestServer,
    application: Owned,
    machine: Registered,
    asking: Registered,
}

impl Scene {
    async fn new(database: &TestDatabase) -> Self {
        let server = TestServer::start_with(database, Setting { https: true, ..Setting::default() }).await;
        // The services look at the machine's clock.
        server.show_the_real_time();
        let acme = &server.acme;
        let api: Id<ResourceServer> = acme.add_api(API, &[SCOPE, "documents:write"]).await;
        let application = acme.owned(|new| {
            new.resource_server_id = api;
            new.permissions = [SCOPE.to_owned()].into_iter().collect();
        });
        let application = application.await;
        let machine = acme.add_client(|client| client.token_format = TokenFormat::Jwt).await;
        acme.allow(machine.id, api, Some(&[SCOPE])).await;
        let asking = acme.add_client(|_| ()).await;
        acme.seeded.env.link_introspection_clients(api, Links::Add(vec![asking.id]), &seed::by()).await.unwrap();
        Self { server, application, machine, asking }
    }

    fn validator(&self) -> Validator {
        let (id, secret) = self.asking.credentials.clone();
        let mode = Mode::Auto(Introspection::new(id, secret).sending_client_ip());
        let config = Config::new(format!("https://{}", self.server.acme.host), API, mode);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let way = Way { address: self.server.address, host: self.server.acme.host.clone(), http };
        Validator::with(config, way, system_time).unwrap()
    }

    /// A token of the machine, signed.
    async fn signed(&self) -> String {
        let reply = self.server.ask(&self.server.acme, &self.machine.credentials, &[]).await.is(200);
        reply.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// What each token gets at the service, from a listed address and from elsewhere.
    async fn check(&self, service: SocketAddr, database: &TestDatabase) {
        let listed = self.server.seen_from(LISTED);
        let signed = self.signed().await;
        for ip in [LISTED, FOREIGN] {
            let (status, text) = get_from(ip, service, "/documents", &signed).await;
            assert_eq!((status, text.as_str()), (200, self.machine.user.to_string().as_str()), "signed, from {ip}");
        }
        let before = consequences(database).await;
        let token = listed.static_token(&self.application).await;
        let user = self.application.client.user.to_string();
        assert_eq!(get_from(LISTED, service, "/documents", &token).await, (200, user));
        assert_eq!(get_from(LISTED, service, "/writing", &token).await.0, 403, "it lacks a scope");
        assert_eq!(get_from(FOREIGN, service, "/documents", &token).await.0, 401);
        assert_eq!(get_from(LISTED, service, "/documents", &token).await.0, 401, "it is dead");
        let credentials = &self.application.client.credentials;
        assert_eq!(listed.introspect(&self.server.acme, credentials, &token).await.json()["active"], false);
        let after = consequences(database).await;
        assert_eq!((after[0] - before[0], after[3]), (1, 1));
        for bad in ["nonsense", &self.asking.credentials.1, &format!("{signed}x")] {
            assert_eq!(get_from(LISTED, service, "/documents", bad).await.0, 401, "{bad}");
        }
    }
}

/// Calls a service from this address.
async fn get_from(ip: &str, service: SocketAddr, path: &str, token: &str) -> (u16, String) {
    let http = reqwest::Client::builder().no_proxy().local_address(Some(ip.parse().unwrap())).build().unwrap();
    let response = http.get(format!("http://{service}{path}")).bearer_auth(token).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn documents(token: Token) -> String {
    token.subject
}

both! {
    async fn ip_introspect_a_service_on_actix_web_keeps_the_allow_list(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let validator = scene.validator();
        let service = HttpServer::new(move || {
            let needs = |scope| validator.require([scope]);
            App::new()
                .service(web::resource("/documents").wrap(needs(SCOPE)).get(documents))
                .service(web::resource("/writing").wrap(needs("documents:write")).get(documents))
        });
        let service = service.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let address = service.addrs()[0];
        let service = service.run();
        let handle = service.handle();
        tokio::spawn(service);
        scene.check(address, &database).await;
        drop(handle.stop(false));
    }

    async fn ip_introspect_a_service_on_axum_keeps_the_allow_list(database: TestDatabase) {
        let scene = Scene::new(&database).await;
        let validator = scene.validator();
        let needs = |scope| validator.require([scope]);
        let service = Router::new()
            .route("/documents", get(documents).route_layer(needs(SCOPE)))
            .route("/writing", get(documents).route_layer(needs("documents:write")));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>());
        let serving = tokio::spawn(async move { service.await.unwrap() });
        scene.check(address, &database).await;
        serving.abort();
    }
}
