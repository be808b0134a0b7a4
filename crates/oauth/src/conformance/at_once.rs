//! Many calls at the same time.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
};

/// How many.
pub(super) const MANY: usize = 16;

/// Starts this many calls before any has ended, and returns all answers. A store that waits (for a lock, for the
/// network) has them under way at the same time.
pub(super) async fn at_once<T, F: Future<Output = T>>(count: usize, call: impl Fn(usize) -> F) -> Vec<T> {
    let mut pending: Vec<Pin<Box<F>>> = (0..count).map(|number| Box::pin(call(number))).collect();
    let mut answers = Vec::new();
    poll_fn(|context| {
        pending.retain_mut(|call| match call.as_mut().poll(context) {
            Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            Poll::Pending => true,
        });
        if pending.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers
}
