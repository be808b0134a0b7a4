//! People at their account pages, and the mails that they get.

use super::{
    browser::{Browser, hidden},
    *,
};

/// Somebody with [`PASSWORD`] at a browser, signed in without any application.
pub async fn at_home<'a>(server: &'a TestServer, email: &str) -> Browser<'a> {
    let browser = Browser::new(server);
    let reply = sign_in_here(&browser, "/login", email, PASSWORD).await;
    assert_eq!((reply.status, reply.header("location")), (303, "/account"), "{}", reply.text);
    browser
}

/// Signs in on the page at this path.
pub async fn sign_in_here(browser: &Browser<'_>, path: &str, email: &str, password: &str) -> Reply {
    let page = browser.get(path).await.is(200);
    let (csrf, return_to) = (hidden(&page, "csrf"), hidden(&page, "return_to"));
    let form = [("email", email), ("password", password), ("csrf", &csrf), ("return_to", &return_to)];
    browser.post("/login", &form).await
}

/// Fills in the form of the page at this path.
pub async fn fill_in(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Reply {
    let page = browser.get(path).await.is(200);
    browser.post(path, &[fields, &[("csrf", hidden(&page, "csrf").as_str())]].concat()).await
}

/// Asserts that something was done: the browser is sent back to the page, which says so.
pub async fn is_done(browser: &Browser<'_>, reply: &Reply, path: &str) -> Reply {
    assert_eq!((reply.status, reply.header("location")), (303, format!("{path}?done").as_str()), "{}", reply.text);
    let page = browser.get(reply.header("location")).await.is(200);
    assert!(page.text.contains("role=\"status\""), "{}", page.text);
    page
}
