//! A keep-alive connection that has one request under way at a time.

use crate::{
    error::Error,
    http::{self, Head, Unreadable},
};
use std::{net::SocketAddr, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

pub(crate) struct Connection {
    stream: TcpStream,
    /// The response being read; kept to save the allocation.
    response: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Self, Error> {
        let stream = TcpStream::connect(address).await.map_err(Error::at(address))?;
        stream.set_nodelay(true).map_err(Error::at(address))?;
        Ok(Self { stream, response: Vec::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads its response: the head and the body. After an error the connection is of
    /// no use.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(Head, &[u8]), Unreadable> {
        self.response.clear();
        self.stream.write_all(request).await?;
        loop {
            if self.stream.read_buf(&mut self.response).await? == 0 {
                return Err(Unreadable::Cut);
            }
            if let Some(head) = http::head(&self.response)?
                && self.response.len() >= head.length + head.body
            {
                let body = &self.response[head.length..head.length + head.body];
                return Ok((head, body));
            }
        }
    }

    /// The values of a header of the last response, in the order they came.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let end = self.response.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or_default();
        let lines = String::from_utf8_lossy(&self.response[..end]);
        let fields = lines.split("\r\n").filter_map(|line| line.split_once(':'));
        let named = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.trim().to_owned()).collect()
    }
}

/// The monotonic clock.
#[expect(clippy::disallowed_methods, reason = "measuring the wall clock is what this program is for")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
