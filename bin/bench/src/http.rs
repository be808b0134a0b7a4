//! The little HTTP/1.1 a load generator needs: request files, and the heads of responses.

use crate::error::Error;
use std::{fs, io, path::Path};

/// The head of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// Bytes of the head, with its empty line.
    pub(crate) length: usize,
    /// Bytes of the body.
    pub(crate) body: usize,
    /// The server closes the connection after this response.
    pub(crate) close: bool,
}

/// Why a response could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("{0}")]
    Malformed(&'static str),
    #[error("the server closed the connection before the end of its response")]
    Cut,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the head of a response; `None` while it is incomplete.
pub(crate) fn head(bytes: &[u8]) -> Result<Option<Head>, Unreadable> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = str::from_utf8(&bytes[..end]).map_err(|_| Unreadable::Malformed("head is not UTF-8"))?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(status).ok_or(Unreadable::Malformed("not a status line"))?;
    let mut body = match status {
        204 | 304 => Some(0),
        _ => None,
    };
    let mut close = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            body = body.or(value.parse().ok());
        } else if name.eq_ignore_ascii_case("connection") {
            close = value.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some(Head { status, length: end + 4, body: body.ok_or(Unreadable::Malformed("no Content-Length"))?, close }))
}

fn status(line: &str) -> Option<u16> {
    let (code, _reason) = line.strip_prefix("HTTP/1.1 ")?.split_once(' ')?;
    code.parse().ok()
}

/// Whether `text` occurs in `body`.
pub(crate) fn contains(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The text of a member of a flat JSON object.
pub(crate) fn member(body: &[u8], name: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(document.get(name)?.as_str()?.to_owned())
}

/// Puts another value of the same length in the place of a form parameter's; whether it could.
pub(crate) fn replace_parameter(request: &mut [u8], name: &str, value: &str) -> bool {
    let name = format!("{name}=");
    let Some(at) = request.windows(name.len()).position(|part| part == name.as_bytes()) else { return false };
    let start = at + name.len();
    let end = request[start..].iter().position(|byte| *byte == b'&').map_or(request.len(), |length| start + length);
    let fits = request[start..end].len() == value.len();
    if fits {
        request[start..end].copy_from_slice(value.as_bytes());
    }
    fits
}

/// The requests of a request file, ready to be sent.
pub(crate) fn requests(file: &str) -> Result<Vec<Vec<u8>>, Error> {
    let file = file.replace("\r\n", "\n");
    let mut parts = vec![String::new()];
    for line in file.lines() {
        match (line, parts.last_mut()) {
            ("%%", _) => parts.push(String::new()),
            (line, Some(part)) => part.extend([line, "\n"]),
            (_, None) => {}
        }
    }
    let requests = parts.iter().filter(|part| !part.trim().is_empty());
    requests.map(|part| request(part)).collect()
}

/// Writes the request file of an operation.
pub(crate) fn write(directory: &Path, operation: &str, requests: &[String]) -> Result<(), Error> {
    let path = directory.join(format!("{operation}.http"));
    let written = fs::create_dir_all(directory).and_then(|()| fs::write(&path, requests.join("\n%%\n")));
    written.map_err(Error::at(path.display()))
}

fn request(text: &str) -> Result<Vec<u8>, Error> {
    let text = text.trim();
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    if !head.lines().next().is_some_and(|line| line.ends_with(" HTTP/1.1")) {
        let line = head.lines().next().unwrap_or_default();
        return Err(Error::Input(format!("not an HTTP/1.1 request line: {line}")));
    }
    let mut request = head.replace('\n', "\r\n");
    if !body.is_empty() && !head.to_ascii_lowercase().contains("\ncontent-length:") {
        request += &format!("\r\nContent-Length: {}", body.len());
    }
    Ok(format!("{request}\r\n\r\n{body}").into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_status_and_the_lengths_of_head_and_body() {
        let bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nX: y\r\n\r\nabc";
        let expected = Head { status: 200, length: 44, body: 3, close: false };
        assert_eq!(head(bytes).unwrap(), Some(expected));
        assert_eq!(&bytes[44..], b"abc");
    }

    #[test]
    fn every_cut_of_a_head_is_incomplete() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
        for end in 0..bytes.len() {
            assert_eq!(head(&bytes[..end]).unwrap(), None, "{end}");
        }
    }

    #[test]
    fn a_response_may_have_no_body_and_may_close() {
        let closed = head(b"HTTP/1.1 204 No Content\r\nConnection: Close\r\n\r\n");
        let closed = closed.unwrap().unwrap();
        assert_eq!((closed.status, closed.body, closed.close), (204, 0, true));
    }

    #[test]
    fn what_cannot_be_framed_is_unreadable() {
        for bytes in [
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n",
            "hello\r\n\r\n",
        ] {
            assert!(head(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }

    #[test]
    fn a_parameter_gets_another_value_of_the_same_length() {
        let mut request = b"POST / HTTP/1.1\r\n\r\na=1&refresh_token=old&b=2".to_vec();
        assert!(replace_parameter(&mut request, "refresh_token", "new"));
        assert!(request.ends_with(b"a=1&refresh_token=new&b=2"));
        assert!(!replace_parameter(&mut request, "refresh_token", "longer"));
        assert!(!replace_parameter(&mut request, "code", "new"));
        assert_eq!(member(b"{\"refresh_token\": \"new\"}", "refresh_token").as_deref(), Some("new"));
        assert_eq!(member(b"{}", "refresh_token"), None);
    }

    #[test]
    fn a_body_is_searched_for_text() {
        assert!(contains(b"{\"active\":true}", "\"active\":true"));
        assert!(contains(b"", ""));
        assert!(!contains(b"{\"active\":false}", "\"active\":true"));
        assert!(!contains(b"a", "ab"));
    }

    #[test]
    fn a_request_file_holds_requests_separated_by_percent_lines() {
        let file = "GET /a HTTP/1.1\nHost: a\n\n%%\nPOST /b HTTP/1.1\r\nHost: b\r\n\r\nx=1&y=%%\n%%\n";
        let requests: Vec<String> =
            requests(file).unwrap().into_iter().map(|request| String::from_utf8(request).unwrap()).collect();
        assert_eq!(
            requests,
            ["GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "POST /b HTTP/1.1\r\nHost: b\r\nContent-Length: 8\r\n\r\nx=1&y=%%",]
        );
    }

    #[test]
    fn a_length_that_is_given_stays() {
        let file = "POST /b HTTP/1.1\nContent-Length: 3\n\nx=1";
        let expected = b"POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nx=1";
        assert_eq!(requests(file).unwrap(), [expected]);
    }

    #[test]
    fn a_file_that_holds_no_request_line_is_refused() {
        assert!(requests("GET /\n\n").is_err());
    }
}
