//! The time a server takes from being spawned to its first 200.

use crate::{connection::now, error::Error, http};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

const POLL: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(30);

/// The request that a server is polled with.
pub(crate) fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

/// Starts and stops a server `repeats` times; the milliseconds of each start.
pub(crate) fn times(address: SocketAddr, request: &str, command: &[String], repeats: usize) -> Result<Vec<f64>, Error> {
    (0..repeats).map(|_| time(address, request, command)).collect()
}

fn time(address: SocketAddr, request: &str, command: &[String]) -> Result<f64, Error> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(Error::Input("no command to start".into()));
    };
    if TcpStream::connect(address).is_ok() {
        return Err(Error::Input(format!("something listens on {address} already")));
    }
    let start = now();
    let mut process =
        Command::new(program).args(arguments).stdout(Stdio::null()).spawn().map_err(Error::at(program))?;
    let ready = loop {
        if status(address, request) == Some(200) {
            break Ok(start.elapsed().as_secs_f64() * 1000.0);
        }
        let ended = process.try_wait().map_err(Error::at(program))?;
        if ended.is_some() || start.elapsed() > PATIENCE {
            break Err(Error::Server(format!("{program} gave no 200 (ended: {ended:?})")));
        }
        thread::sleep(POLL);
    };
    stop(process)?;
    ready
}

fn status(address: SocketAddr, request: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    http::head(&response).ok()?.map(|head| head.status)
}

/// Asks the server to end; a server that does not is killed.
fn stop(mut process: Child) -> Result<(), Error> {
    let pid = process.id().to_string();
    let kill = Command::new("kill").args(["-TERM", &pid]).status();
    kill.map_err(Error::at("kill"))?;
    let start = now();
    while start.elapsed() < PATIENCE {
        if process.try_wait().map_err(Error::at(&pid))?.is_some() {
            return Ok(());
        }
        thread::sleep(POLL);
    }
    process.kill().map_err(Error::at(&pid))?;
    process.wait().map_err(Error::at(&pid))?;
    Err(Error::Server(format!("process {pid} did not end on SIGTERM")))
}
