//! What this machine can do at best: an RSA signature, an Argon2 run, and handlers that do nothing.

use crate::{error::Error, http, line::Line, load, proc, stats};
use argon2::{Algorithm, Argon2, Params, Version};
use openssl::{hash::MessageDigest, pkey::PKey, rsa::Rsa, sign::Signer};
use std::{
    env, io,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The names under which `report` finds the two handlers' measurements.
pub(crate) const JSON: &str = "ceiling-json";
pub(crate) const FORM: &str = "ceiling-form";

const JSON_REQUEST: &str = "GET / HTTP/1.1\nHost: localhost\n";
const FORM_REQUEST: &str = "POST / HTTP/1.1
Host: localhost
Content-Type: application/x-www-form-urlencoded

grant_type=client_credentials&client_id=0198f2c4-7d1e-7c3a-9b1e-2f6a5c4d3e2b\
&client_secret=pls_mJ0hPz3vYqk1cRz8nX5tWb7eUa2dGf9sLr4oKi6yHxE";

/// Measures the ceilings and hands each line to `report`.
pub(crate) fn measure(duration: Duration, report: impl Fn(&Line)) -> Result<(), Error> {
    let cpu_ms = rsa_sign_ms()?;
    report(&Line::RsaSign { cpu_ms });
    report(&Line::Argon2 { cpu_ms: argon2_ms()? });
    for (command, name, request, body) in
        [("serve-json", JSON, JSON_REQUEST, "hello"), ("serve-form", FORM, FORM_REQUEST, "access_token")]
    {
        let server = Server::start(command)?;
        let load = load::measure(load::Plan {
            name: name.into(),
            address: server.address,
            requests: http::requests(request)?,
            order: load::Order::InTurn,
            status: 200,
            body: vec![body.into()],
            connections: 64,
            duration,
            repeats: 3,
            server: server.process.id(),
            postgres: None,
        })?;
        report(&Line::Load(load));
    }
    Ok(())
}

/// CPU time of one RS256 signature with a kept 2048-bit key, in ms: the best of 5 batches.
fn rsa_sign_ms() -> Result<f64, Error> {
    const BATCH: u32 = 200;
    let key = PKey::from_rsa(Rsa::generate(2048)?)?;
    let sign = || -> Result<Vec<u8>, Error> {
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        Ok(signer.sign_oneshot_to_vec(&[b'x'; 400])?)
    };
    sign()?;
    let mut batches = Vec::new();
    for _ in 0..5 {
        let before = proc::thread_cpu()?;
        for _ in 0..BATCH {
            sign()?;
        }
        let spent = proc::thread_cpu()? - before;
        batches.push(spent.as_secs_f64() * 1000.0 / f64::from(BATCH));
    }
    Ok(stats::min(&batches))
}

/// CPU time of one Argon2id run of 19 MiB and two passes, in ms: the best of 5 batches.
fn argon2_ms() -> Result<f64, Error> {
    const BATCH: u32 = 10;
    let params = Params::new(19_456, 2, 1, None).map_err(|e| Error::Input(e.to_string()))?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut batches = Vec::new();
    for _ in 0..5 {
        let before = proc::thread_cpu()?;
        for _ in 0..BATCH {
            let hashed = argon2.hash_password_into(b"correct horse battery staple", &[7; 16], &mut [0; 32]);
            hashed.map_err(|e| Error::Input(e.to_string()))?;
        }
        let spent = proc::thread_cpu()? - before;
        batches.push(spent.as_secs_f64() * 1000.0 / f64::from(BATCH));
    }
    Ok(stats::min(&batches))
}

/// A child of this program that serves on core 0 until it is dropped.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(command: &str) -> Result<Self, Error> {
        let this = env::current_exe().map_err(Error::at("this program"))?;
        let spawn = |program: &mut Command| program.arg(command).stdout(Stdio::piped()).spawn();
        let pinned = spawn(Command::new("taskset").args(["-c", "0"]).arg(&this));
        let mut process = match pinned {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("taskset (util-linux) is missing: the ceilings are measured unpinned");
                spawn(&mut Command::new(&this))
            }
            pinned => pinned,
        }
        .map_err(Error::at(command))?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            let read = BufReader::new(output).read_line(&mut line);
            read.map_err(Error::at(command))?;
        }
        let address = line.trim().strip_prefix("listening on ");
        match address.and_then(|address| address.parse().ok()) {
            Some(address) => Ok(Self { process, address }),
            None => Err(Error::Server(format!("{command} did not start"))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
