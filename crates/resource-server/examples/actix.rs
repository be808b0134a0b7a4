//! An API on actix-web that accepts Paylent's tokens.

use std::{env, error::Error};

use actix_web::{App, HttpServer, web};
use paylent_resource_server::{Config, Introspection, Mode, Token, Validator};

/// The routes, each with the scopes it needs.
fn routes(validator: &Validator, app: &mut web::ServiceConfig) {
    app.service(web::resource("/orders").wrap(validator.require(["orders:read"])).get(orders))
        .service(web::resource("/me").wrap(validator.require([])).get(me));
}

async fn orders(token: Token) -> String {
    format!("the orders of {}", token.organization.map_or(token.subject, |organization| organization.id))
}

async fn me(token: Token) -> String {
    token.subject
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let introspection = Introspection::new(env::var("CLIENT_ID")?, env::var("CLIENT_SECRET")?).sending_client_ip();
    let config = Config::new("https://acme.paylent.example", "https://orders.example", Mode::Auto(introspection));
    // One for all workers, so that they share the keys.
    let validator = Validator::new(config)?;
    let app = move || App::new().configure(|app| routes(&validator, app));
    Ok(HttpServer::new(app).bind("127.0.0.1:3000")?.run().await?)
}
