//! The table of the lists of very many users, and how much deeper pages cost.

use super::table;
use crate::{
    line::{Line, Load},
    lists,
};
use std::fmt::Write;

/// The 99th percentile of each list, at most.
const P99_MS: f64 = 15.0;
/// The median of a deep page, at most: so many times the median of the first page.
const DEEP_TO_FIRST: f64 = 1.5;

const HEADER: [&str; 8] = ["list", "req/s", "p50 ms", "p99 ms", "CPU ms", "PG ms", "p99 at most", "verdict"];

/// Renders what was seeded and the lists, if there are any.
pub(super) fn render(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        if let Line::Seeded { users, memberships, seconds, bytes } = line {
            let megabytes = super::megabytes(bytes / 1024);
            let _ = writeln!(
                text,
                "\nseeded: {users} users and {memberships} memberships in {seconds:.0} s, {megabytes:.0} MB. \
                 Their lists, one request at a time:\n"
            );
        }
    }
    let loads: Vec<&Load> = lines.iter().filter_map(Line::load).filter(|load| is_list(load)).collect();
    if loads.is_empty() {
        return text;
    }
    let rows: Vec<_> = std::iter::once(HEADER.map(String::from)).chain(loads.iter().map(|load| row(load))).collect();
    text += &table(&rows);
    let p50 = |name| loads.iter().find(|load| load.name == name && load.wrong_responses == 0).map(|load| load.p50_ms);
    if let (Some(first), Some(deep)) = (p50(lists::FIRST), p50(lists::DEEP)) {
        let ratio = deep / first;
        let verdict = if ratio <= DEEP_TO_FIRST { "good" } else { "above must" };
        let _ = writeln!(
            text,
            "\ndeep page: {ratio:.2} times the median of the first page (at most {DEEP_TO_FIRST}): {verdict}"
        );
    }
    text
}

pub(super) fn is_list(load: &Load) -> bool {
    lists::ALL.contains(&&*load.name)
}

/// The figures of wrong responses would mislead, so there are none.
fn row(load: &Load) -> [String; 8] {
    let right = load.wrong_responses == 0;
    let shown = |text: String| if right { text } else { "-".into() };
    [
        load.name.clone(),
        shown(format!("{:.0}", load.requests_per_second)),
        shown(format!("{:.2}", load.p50_ms)),
        shown(format!("{:.2}", load.p99_ms)),
        shown(format!("{:.3}", load.cpu_ms_per_request)),
        shown(load.pg_cpu_ms_per_request.map_or("-".into(), |ms| format!("{ms:.3}"))),
        format!("{P99_MS:.0}"),
        match right {
            false => format!("{} WRONG RESPONSES", load.wrong_responses),
            true if load.p99_ms <= P99_MS => "good".into(),
            true => "above must".into(),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, p50_ms: f64, p99_ms: f64) -> Load {
        Load {
            name: name.into(),
            requests_per_second: 1000.0,
            p50_ms,
            p99_ms,
            cpu_ms_per_request: 0.1,
            cpu_ms_per_request_min: 0.1,
            pg_cpu_ms_per_request: None,
            requests: 10,
            wrong_responses: 0,
            rss_kb: 20 * 1024,
        }
    }

    #[test]
    fn a_list_is_judged_by_its_99th_percentile() {
        let text = |p99| render(&[Line::Load(load(lists::FIRST, 1.0, p99))]);
        assert!(text(15.0).ends_with("good\n"), "{}", text(15.0));
        assert!(text(15.1).ends_with("above must\n"), "{}", text(15.1));
    }

    #[test]
    fn a_deep_page_is_judged_by_the_first() {
        let text = |p50| render(&[Line::Load(load(lists::FIRST, 1.0, 2.0)), Line::Load(load(lists::DEEP, p50, 2.0))]);
        assert!(text(1.5).ends_with("1.50 times the median of the first page (at most 1.5): good\n"));
        assert!(text(1.6).ends_with("above must\n"));
    }

    #[test]
    fn wrong_responses_have_no_figures() {
        let wrong = Load { wrong_responses: 3, ..load(lists::WITH_ROLES, 9.0, 9.0) };
        let text = render(&[Line::Load(wrong)]);
        assert!(text.ends_with("3 WRONG RESPONSES\n") && !text.contains("9.00"), "{text}");
    }

    #[test]
    fn a_run_without_lists_has_no_table_of_them() {
        assert_eq!(render(&[Line::Load(load("jwks", 1.0, 1.0))]), "");
    }

    #[test]
    fn what_was_seeded_is_told() {
        let seeded = Line::Seeded { users: 7, memberships: 3, seconds: 1.6, bytes: 5 << 20 };
        assert!(render(&[seeded]).contains("7 users and 3 memberships in 2 s, 5 MB"));
    }
}
