//! An API on axum that accepts Paylent's tokens.

use std::{env, error::Error, net::SocketAddr};

use axum::{Router, routing::get};
use paylent_resource_server::{Config, Introspection, Mode, Token, Validator};

/// The routes, each with the scopes it needs.
fn app(validator: &Validator) -> Router {
    Router::new()
        .route("/orders", get(orders).route_layer(validator.require(["orders:read"])))
        .route("/me", get(me).route_layer(validator.require([])))
}

async fn orders(token: Token) -> String {
    format!("the orders of {}", token.organization.map_or(token.subject, |organization| organization.id))
}

async fn me(token: Token) -> String {
    token.subject
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let introspection = Introspection::new(env::var("CLIENT_ID")?, env::var("CLIENT_SECRET")?).sending_client_ip();
    let config = Config::new("https://acme.paylent.example", "https://orders.example", Mode::Auto(introspection));
    let app = app(&Validator::new(config)?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    // With the peer's address, which the issuer compares with allow lists.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
