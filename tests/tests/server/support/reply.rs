//! What the server answered.

use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    /// Sends a request and reads the whole answer.
    pub async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Self { status, headers, text: response.text().await.unwrap() }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The id of the one resource.
    pub fn id(&self) -> String {
        self.json()["data"]["id"].as_str().unwrap_or_else(|| panic!("no resource: {}", self.text)).to_owned()
    }

    /// An attribute of the one resource.
    pub fn attribute(&self, name: &str) -> Value {
        self.json()["data"]["attributes"][name].clone()
    }

    /// The ids of the listed resources.
    pub fn ids(&self) -> Vec<String> {
        let rows = self.json()["data"].as_array().unwrap_or_else(|| panic!("no list: {}", self.text)).clone();
        rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Status, code and source of the one JSON:API error.
    pub fn error(&self) -> (u16, String, String) {
        let json = self.json();
        let error = &json["errors"][0];
        let source = &error["source"];
        let place =
            ["pointer", "parameter", "header"].iter().find_map(|kind| source[kind].as_str()).unwrap_or_default();
        assert_eq!(error["status"].as_str().unwrap(), self.status.to_string(), "{}", self.text);
        (self.status, error["code"].as_str().unwrap_or_default().to_owned(), place.to_owned())
    }

    /// Asserts an error of the Management API with this status at this pointer, parameter or header.
    #[track_caller]
    pub fn is_error(&self, status: u16, place: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), super::JSON_API);
        assert!(self.json()["data"].is_null() && !self.text.contains("panic"));
        assert_eq!(self.error().2, place, "{}", self.text);
    }

    /// Asserts an error of the OAuth endpoints, in the catalogue's notation `OE(status, code)`.
    #[track_caller]
    pub fn is_oauth_error(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        let json = self.json();
        assert_eq!(json["error"], code, "{}", self.text);
        let description = json["error_description"].as_str().unwrap();
        let plain = |b: u8| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(description.bytes().all(plain), "te.reflect: {description}");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("content-type"), "application/json");
        assert!(json.get("access_token").is_none());
    }
}
