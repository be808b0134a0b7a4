//! Headers by which a caller speaks for the server.

use super::TestServer;

/// Headers that speak of another host, and of more than a caller may choose.
pub fn forged(server: &TestServer) -> [(&'static str, String); 9] {
    let beta = &server.beta.host;
    [
        ("x-forwarded-host", beta.clone()),
        ("forwarded", format!("for=1.2.3.4;host={beta};proto=https")),
        ("x-original-url", format!("http://{beta}/")),
        ("x-rewrite-url", "/api/users".to_owned()),
        ("x-original-host", beta.clone()),
        ("x-host", beta.clone()),
        ("x-forwarded-server", beta.clone()),
        ("x-forwarded-prefix", "/evil".to_owned()),
        ("x-http-method-override", "DELETE".to_owned()),
    ]
}
