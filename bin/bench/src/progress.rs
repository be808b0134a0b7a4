//! How far a long task has come, on standard error: a bar on a terminal, a line now and then elsewhere.

use crate::connection::now;
use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

const WIDTH: usize = 30;

pub(crate) struct Progress {
    /// What is counted.
    what: &'static str,
    total: u64,
    /// Percent that are shown already.
    shown: Option<u64>,
    /// Percent between two showings: each of them on a terminal, every tenth elsewhere.
    step: u64,
    start: Instant,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: u64) -> Self {
        let step = if stderr().is_terminal() { 1 } else { 10 };
        Self { what, total, shown: None, step, start: now() }
    }

    /// Tells that `done` of the total are done.
    pub(crate) fn at(&mut self, done: u64) {
        let percent = percent(done, self.total) / self.step * self.step;
        if self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        let text = text(self.what, done, self.total, self.elapsed());
        let mut stderr = stderr().lock();
        // Who closes standard error does not want to see it.
        let _ = match (self.step, percent) {
            (1, 100) => writeln!(stderr, "\r[{}] {text}", bar(percent)),
            (1, _) => write!(stderr, "\r[{}] {text}", bar(percent)),
            _ => writeln!(stderr, "{text}"),
        };
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

fn percent(done: u64, total: u64) -> u64 {
    (done * 100).checked_div(total).unwrap_or(100)
}

fn bar(percent: u64) -> String {
    let full = usize::try_from(percent).unwrap_or(100).min(100) * WIDTH / 100;
    format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full))
}

fn text(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    format!("{:>3} % of {total} {what}, {} s", percent(done, total), elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_with_the_percentage() {
        assert_eq!(bar(0), ".".repeat(WIDTH));
        assert_eq!(bar(50), "###############...............");
        assert_eq!(bar(100), "#".repeat(WIDTH));
        assert_eq!(bar(101), bar(100));
    }

    #[test]
    fn a_line_tells_percent_total_and_time() {
        assert_eq!(text("users", 7, 100, Duration::from_millis(2900)), "  7 % of 100 users, 2 s");
    }

    #[test]
    fn nothing_to_do_is_done() {
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(999, 1000), 99);
    }
}
