//! Counts requests and how long they took, by method, route and status.

use std::{cell::RefCell, collections::HashMap, time::Duration};

use actix_web::http::Method;
use metrics::{Counter, Histogram};

/// What is counted for one kind of request. Registered once per thread: looking a metric up by its labels costs more
/// than counting it.
struct Handles {
    requests: Counter,
    seconds: Histogram,
}

type Kind = (Method, u16);

thread_local! {
    static HANDLES: RefCell<HashMap<String, HashMap<Kind, Handles>>> = RefCell::default();
}

/// Counts one answered request. `route` is a template, so there are few.
pub(crate) fn record(method: &Method, route: &str, status: u16, elapsed: Duration) {
    // Any token is a method to HTTP; only those we answer are told apart.
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let method = if known.contains(method) { method.clone() } else { Method::TRACE };
    HANDLES.with_borrow_mut(|handles| {
        if !handles.contains_key(route) {
            handles.insert(route.to_owned(), HashMap::new());
        }
        let Some(kinds) = handles.get_mut(route) else { return };
        let handles = kinds.entry((method.clone(), status)).or_insert_with(|| register(&method, route, status));
        handles.requests.increment(1);
        handles.seconds.record(elapsed.as_secs_f64());
    });
}

fn register(method: &Method, route: &str, status: u16) -> Handles {
    let labels = [
        ("method", if *method == Method::TRACE { "other".to_owned() } else { method.to_string() }),
        ("route", route.to_owned()),
        ("status", status.to_string()),
    ];
    Handles {
        requests: metrics::counter!("http_requests_total", &labels),
        seconds: metrics::histogram!("http_request_duration_seconds", &labels),
    }
}
