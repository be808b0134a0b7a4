//! Bytes over TCP, for what an HTTP client would not send.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// How long a server may take until it closes a connection that is over.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends bytes over a connection of their own, and returns all that comes back until the server closes it.
///
/// # Panics
/// The server does not close it.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let request = request.as_ref().to_vec();
    // The server may close before it has read everything: then the rest cannot be written, and need not be.
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&request).await;
        writer
    });
    let mut answer = Vec::new();
    let reading = reader.read_to_end(&mut answer);
    let _reset_or_end = timeout(PATIENCE, reading).await.expect("the server closes the connection");
    writing.abort();
    String::from_utf8(answer).unwrap()
}

/// Sends a head and then a piece of body again and again, until the server closes the connection. Returns the answer.
///
/// # Panics
/// The server does not close it.
pub async fn flood(address: SocketAddr, head: &str, piece: Vec<u8>) -> String {
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    writer.write_all(head.as_bytes()).await.unwrap();
    let writing = async { while writer.write_all(&piece).await.is_ok() {} };
    let mut answer = Vec::new();
    let over = async { tokio::join!(writing, reader.read_to_end(&mut answer)) };
    let (_, _reset_or_end) = timeout(PATIENCE, over).await.expect("the server closes the connection");
    String::from_utf8(answer).unwrap()
}

/// The status of each answer in what came back.
pub fn statuses(answers: &str) -> Vec<u16> {
    answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect()
}

/// A request to a path of a host, with these lines in its head, that asks the server to close.
pub fn request(line: &str, host: &str, head: &str, body: &str) -> String {
    format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}\r\n{body}")
}
