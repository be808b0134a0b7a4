//! The bare servers that show what actix-web itself costs.

use crate::error::Error;
use actix_web::{App, HttpResponse, HttpServer, rt::System, web};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

#[derive(Serialize)]
struct Hello {
    message: &'static str,
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    client_id: String,
    client_secret: String,
}

#[derive(Serialize)]
struct Token {
    access_token: String,
    token_type: &'static str,
    expires_in: u32,
}

/// `GET /`: a small JSON document.
pub(crate) fn json(port: u16) -> Result<(), Error> {
    let hello = || async { HttpResponse::Ok().json(Hello { message: "hello" }) };
    serve(port, move |app| {
        app.route("/", web::get().to(hello));
    })
}

/// `POST /`: decodes a token request's form and answers JSON of a token response's shape.
pub(crate) fn form(port: u16) -> Result<(), Error> {
    let token = |form: web::Form<TokenRequest>| async move {
        let form = form.into_inner();
        HttpResponse::Ok().json(Token {
            access_token: form.client_id + &form.client_secret + &form.grant_type,
            token_type: "Bearer",
            expires_in: 3600,
        })
    };
    serve(port, move |app| {
        app.route("/", web::post().to(token));
    })
}

/// One worker on a loopback port (0: any); prints the address that the parent process waits for.
fn serve(port: u16, routes: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> Result<(), Error> {
    System::new().block_on(async {
        let server = HttpServer::new(move || App::new().configure(routes.clone()))
            .workers(1)
            .shutdown_timeout(1)
            .bind((Ipv4Addr::LOCALHOST, port))
            .map_err(Error::at(port))?;
        for address in server.addrs() {
            println!("listening on {address}");
        }
        server.run().await.map_err(Error::at("server"))
    })
}
