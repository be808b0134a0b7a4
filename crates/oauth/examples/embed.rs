//! A foreign host: the engine behind a bare TCP listener. Run it, then ask for a token with the line it prints.
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::{
    error::Error,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use paylent_domain::{clock::SystemClock, network::Caller};
use paylent_oauth::{Config, Engine, Keyring, MemoryStore, Parameters, TokenRequest, crypto};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let issuer = format!("http://{}", listener.local_addr()?);

    let keys = Arc::new(Keyring::new(crypto::seal::MasterKey::generate()?));
    let store = MemoryStore::default();
    store.add_key(keys.generate([0; 16], crypto::keys::KeySize::Rsa2048)?);
    let (id, secret) = store.add_machine("https://api.example.com", "documents:read documents:write")?;
    println!("curl -u {id}:{} -d grant_type=client_credentials {issuer}/oauth/token", secret.expose());

    let engine = Engine::new(Config::single(&issuer), keys, store, Arc::new(SystemClock));
    for stream in listener.incoming() {
        answer(&engine, stream?).await?;
    }
    Ok(())
}

/// Reads one HTTP request and answers it as the token endpoint would.
async fn answer(engine: &Engine<MemoryStore>, stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let caller = Caller::at(stream.peer_addr()?.ip());
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut authorization, mut length, mut line) = (Vec::new(), 0, String::new());
    while reader.read_line(&mut line)? > 2 {
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => authorization.push(value.to_owned()),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse()?,
            _ => {}
        }
        line.clear();
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    let headers: Vec<&[u8]> = authorization.iter().map(String::as_bytes).collect();
    let request = Parameters::from_form(&body).and_then(|parameters| TokenRequest::parse(&headers, parameters, caller));
    let reply = match request {
        Ok(request) => engine.token(request).await,
        Err(error) => Err(error),
    };
    let (status, json) = match &reply {
        Ok(tokens) => (200, serde_json::to_string(tokens)?),
        Err(error) => (error.code.status(), serde_json::to_string(error)?),
    };
    let head = format!("HTTP/1.1 {status} \r\nContent-Type: application/json\r\nContent-Length: {}\r\n", json.len());
    Ok((&stream).write_all(format!("{head}Cache-Control: no-store\r\nConnection: close\r\n\r\n{json}").as_bytes())?)
}
