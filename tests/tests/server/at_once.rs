//! Requests that arrive at the same moment, at one server or at several on the same database.

use std::{sync::Arc, time::Duration};

use paylent_domain::clock::Stopwatch;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::{sync::Barrier, task::JoinSet};

use crate::support::*;

/// The request with a document in it.
pub fn with(request: RequestBuilder, document: &Value) -> RequestBuilder {
    request.header("content-type", JSON_API).body(document.to_string())
}

/// The same request as often as asked, by each caller in turn.
pub fn in_turn(
    callers: &[&Caller<'_>],
    times: usize,
    method: &Method,
    path: &str,
    document: &Value,
) -> Vec<RequestBuilder> {
    let callers = callers.iter().cycle().take(times);
    callers.map(|caller| with(caller.request(method.clone(), path), document)).collect()
}

/// Sends all of these at the same moment, each on a task of its own. The answers come in the order of the requests.
pub async fn at_once(requests: Vec<RequestBuilder>) -> Vec<Reply> {
    at_once_timed(requests).await.into_iter().map(|(reply, _)| reply).collect()
}

/// The same, with how long each took.
pub async fn at_once_timed(requests: Vec<RequestBuilder>) -> Vec<(Reply, Duration)> {
    let barrier = Arc::new(Barrier::new(requests.len()));
    let mut tasks = JoinSet::new();
    for (number, request) in requests.into_iter().enumerate() {
        let barrier = barrier.clone();
        tasks.spawn(async move {
            barrier.wait().await;
            let watch = Stopwatch::start();
            (number, (Reply::of(request).await, watch.elapsed()))
        });
    }
    let mut replies = tasks.join_all().await;
    replies.sort_by_key(|(number, _)| *number);
    replies.into_iter().map(|(_, timed)| timed).collect()
}

/// Sends all of these at the same moment. Whoever is told to come back later does so when the rush is over.
pub async fn at_once_or_later(requests: Vec<RequestBuilder>) -> Vec<Reply> {
    let again: Vec<RequestBuilder> = requests.iter().map(|request| request.try_clone().unwrap()).collect();
    let mut replies = at_once(requests).await;
    for (reply, request) in replies.iter_mut().zip(again) {
        if reply.status == 503 {
            *reply = Reply::of(request).await;
        }
    }
    replies
}
