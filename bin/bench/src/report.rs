//! The table of measurements, beside ceilings and targets.

mod lists;

use crate::{
    ceilings,
    error::Error,
    line::{Line, Load},
};
use std::fmt::Write;

/// An operation's CPU time per request in ms, on a machine whose RSA-2048 signature takes
/// [`REFERENCE_SIGN_MS`]. `docs/PERFORMANCE.md` says where the figures come from.
struct Target {
    operation: &'static str,
    good: f64,
    must: f64,
}

const REFERENCE_SIGN_MS: f64 = 0.67;
const TARGETS: [Target; 10] = [
    target("client_credentials_rs256", 0.90, 0.95),
    target("client_credentials_opaque", 0.15, 0.22),
    target("introspection", 0.12, 0.18),
    target("introspection_jwt", 0.12, 0.18),
    target("discovery", 0.020, 0.025),
    target("jwks", 0.020, 0.025),
    target("refresh_opaque", 0.98, 1.15),
    target("refresh_jwt", 1.65, 1.85),
    target("code", 1.10, 1.30),
    target("userinfo", 0.10, 0.14),
];
const STARTUP_MS: f64 = 150.0;
const IDLE_RSS_MB: f64 = 20.0;
/// 50 MB, and what one password is hashed in: the server runs on one core, so one is hashed at a time.
const LOADED_RSS_MB: f64 = 50.0 + 19.0;
const BINARY_MB: f64 = 20.0;

const fn target(operation: &'static str, good: f64, must: f64) -> Target {
    Target { operation, good, must }
}

const HEADER: [&str; 13] =
    ["operation", "req/s", "p50 ms", "p99 ms", "CPU ms", "min", "PG ms", "/S", "/J", "/F", "good", "must", "verdict"];

/// The operation that a password's hash makes nearly all of, and how much more than the hash it may take.
const SIGN_IN: &str = "sign_in";
const SIGN_IN_SHARE: f64 = 1.05;

/// The ceilings that operations are compared with, in ms of CPU time.
struct Ceilings {
    sign: f64,
    argon2: Option<f64>,
    json: f64,
    form: f64,
}

/// Renders all lines of a run. It needs the three ceilings of the same run.
pub(crate) fn render(lines: &[Line]) -> Result<String, Error> {
    let ceilings = Ceilings::of(lines)?;
    let loads = || lines.iter().filter_map(Line::load);
    let mut rows = vec![HEADER.map(String::from)];
    rows.extend(loads().filter(|load| !lists::is_list(load)).map(|load| row(load, &ceilings)));
    let Ceilings { sign, argon2, json, form } = ceilings;
    let hash = argon2.map_or(String::new(), |ms| format!("Argon2 {ms:.1}, "));
    let mut text = format!(
        "Ceilings, CPU ms: S = RSA-2048 sign {sign:.3}, {hash}J = bare JSON handler {json:.4}, \
         F = bare form handler {form:.4}\n\
         good, must: targets at S = {REFERENCE_SIGN_MS}, scaled to this machine by {:.2}\n\n",
        sign / REFERENCE_SIGN_MS
    );
    text += &table(&rows);
    text.push('\n');
    for line in lines {
        match line {
            Line::Startup { name, median_ms, .. } => {
                limit(&mut text, name, *median_ms, STARTUP_MS, "ms to the first 200");
            }
            Line::Rss { name, rss_kb } => {
                limit(&mut text, name, megabytes(*rss_kb), IDLE_RSS_MB, "MB resident");
            }
            Line::Size { name, bytes } => {
                limit(&mut text, name, megabytes(bytes / 1024), BINARY_MB, "MB");
            }
            Line::Load(_) | Line::RsaSign { .. } | Line::Argon2 { .. } | Line::Seeded { .. } => {}
        }
    }
    let ours = loads().filter(|load| ![ceilings::JSON, ceilings::FORM].contains(&&*load.name));
    if let Some(rss_kb) = ours.map(|load| load.rss_kb).max() {
        limit(&mut text, "under load", megabytes(rss_kb), LOADED_RSS_MB, "MB resident");
    }
    text += &lists::render(lines);
    Ok(text)
}

impl Ceilings {
    fn of(lines: &[Line]) -> Result<Self, Error> {
        let handler = |name: &str| {
            let mut loads = lines.iter().filter_map(Line::load);
            loads.find(|load| load.name == name).map(|load| load.cpu_ms_per_request)
        };
        let sign = lines.iter().find_map(|line| match line {
            Line::RsaSign { cpu_ms } => Some(*cpu_ms),
            _ => None,
        });
        let argon2 = lines.iter().find_map(|line| match line {
            Line::Argon2 { cpu_ms } => Some(*cpu_ms),
            _ => None,
        });
        match (sign, handler(ceilings::JSON), handler(ceilings::FORM)) {
            (Some(sign), Some(json), Some(form)) => Ok(Self { sign, argon2, json, form }),
            _ => Err(Error::Input("the file lacks the lines of `ceilings`".into())),
        }
    }
}

fn row(load: &Load, ceilings: &Ceilings) -> [String; 13] {
    let cpu = load.cpu_ms_per_request;
    // `introspection@sqlite` is the operation `introspection` in other circumstances.
    let operation = load.name.split('@').next();
    let target = TARGETS.iter().find(|target| Some(target.operation) == operation);
    let scaled = |ms: f64| ms * ceilings.sign / REFERENCE_SIGN_MS;
    let mut bounds = target.map(|target| (scaled(target.good), scaled(target.must)));
    if operation == Some(SIGN_IN) {
        bounds = ceilings.argon2.map(|ms| (ms * SIGN_IN_SHARE, ms * SIGN_IN_SHARE));
    }
    let shown = |ms: Option<f64>| ms.map_or("-".into(), |ms| format!("{ms:.3}"));
    [
        load.name.clone(),
        format!("{:.0}", load.requests_per_second),
        format!("{:.2}", load.p50_ms),
        format!("{:.2}", load.p99_ms),
        format!("{cpu:.4}"),
        format!("{:.4}", load.cpu_ms_per_request_min),
        shown(load.pg_cpu_ms_per_request),
        format!("{:.2}", cpu / ceilings.sign),
        format!("{:.1}", cpu / ceilings.json),
        format!("{:.1}", cpu / ceilings.form),
        shown(bounds.map(|(good, _)| good)),
        shown(bounds.map(|(_, must)| must)),
        match (load.wrong_responses, bounds) {
            (0, None) => "-".into(),
            (0, Some((good, _))) if cpu <= good => "good".into(),
            (0, Some((_, must))) if cpu <= must => "must".into(),
            (0, Some(_)) => "above must".into(),
            (wrong, _) => format!("{wrong} WRONG RESPONSES"),
        },
    ]
}

/// Columns as wide as their widest cell; the first column left, the others right.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
            let _ = match column {
                0 => write!(text, "{cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.push('\n');
    }
    text
}

fn limit(text: &mut String, name: &str, value: f64, most: f64, unit: &str) {
    let verdict = if value <= most { "good" } else { "above must" };
    let _ = writeln!(text, "{name}: {value:.1} {unit} (at most {most}): {verdict}");
}

fn megabytes(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, cpu: f64) -> Load {
        Load {
            name: name.into(),
            requests_per_second: 1000.0,
            p50_ms: 1.0,
            p99_ms: 2.0,
            cpu_ms_per_request: cpu,
            cpu_ms_per_request_min: cpu,
            pg_cpu_ms_per_request: None,
            requests: 10,
            wrong_responses: 0,
            rss_kb: 20 * 1024,
        }
    }

    fn ceilings(sign: f64) -> Vec<Line> {
        vec![
            Line::RsaSign { cpu_ms: sign },
            Line::Load(load(ceilings::JSON, 0.01)),
            Line::Load(load(ceilings::FORM, 0.02)),
        ]
    }

    /// The last cell of the operation's row.
    fn verdict(sign: f64, load: Load) -> String {
        let name = load.name.clone();
        let mut lines = ceilings(sign);
        lines.push(Line::Load(load));
        let text = render(&lines).unwrap();
        let row = text.lines().find(|line| line.starts_with(&name)).unwrap();
        row.rsplit("  ").next().unwrap().trim().to_owned()
    }

    #[test]
    fn a_verdict_compares_cpu_time_with_the_targets() {
        for (cpu, expected) in [(0.12, "good"), (0.121, "must"), (0.181, "above must")] {
            assert_eq!(verdict(0.67, load("introspection", cpu)), expected);
            assert_eq!(verdict(0.67, load("introspection@sqlite", cpu)), expected);
        }
        assert_eq!(verdict(0.67, load("users_list", 0.1)), "-");
    }

    #[test]
    fn a_sign_in_is_compared_with_an_argon2_run_of_the_same_run() {
        for (cpu, expected) in [(20.9, "good"), (21.1, "above must")] {
            let mut lines = ceilings(0.67);
            lines.extend([Line::Argon2 { cpu_ms: 20.0 }, Line::Load(load(SIGN_IN, cpu))]);
            let text = render(&lines).unwrap();
            let row = text.lines().find(|line| line.starts_with(SIGN_IN)).unwrap();
            assert_eq!(row.rsplit("  ").next().unwrap().trim(), expected);
        }
    }

    #[test]
    fn targets_scale_with_the_machines_signing_time() {
        assert_eq!(verdict(1.34, load("introspection", 0.24)), "good");
        assert_eq!(verdict(1.34, load("introspection", 0.25)), "must");
        assert_eq!(verdict(0.335, load("introspection", 0.12)), "above must");
    }

    #[test]
    fn wrong_responses_are_the_verdict() {
        let wrong = Load { wrong_responses: 3, ..load("jwks", 0.001) };
        assert_eq!(verdict(0.67, wrong), "3 WRONG RESPONSES");
    }

    #[test]
    fn a_row_shows_the_ratio_to_each_ceiling() {
        let of = Ceilings { sign: 0.5, argon2: None, json: 0.01, form: 0.02 };
        let row = row(&load("x", 0.1), &of);
        assert_eq!(row[7..10], ["0.20", "10.0", "5.0"]);
    }

    #[test]
    fn start_up_and_memory_have_limits_of_their_own() {
        let mut lines = ceilings(0.67);
        lines.push(Line::Load(load("jwks", 0.01)));
        lines.push(Line::Startup { name: "start".into(), median_ms: 151.0, min_ms: 1.0 });
        lines.push(Line::Rss { name: "idle".into(), rss_kb: 10 * 1024 });
        lines.push(Line::Size { name: "binary".into(), bytes: 21 * 1024 * 1024 });
        let text = render(&lines).unwrap();
        for expected in [
            "start: 151.0 ms to the first 200 (at most 150): above must",
            "idle: 10.0 MB resident (at most 20): good",
            "under load: 20.0 MB resident (at most 69): good",
            "binary: 21.0 MB (at most 20): above must",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn a_report_without_ceilings_is_refused() {
        assert!(render(&ceilings(0.67)[..2]).is_err());
    }
}
