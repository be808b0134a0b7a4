//! Measurements for Prometheus, on a listener of their own: they are for operators, not for the public port.

use std::{fs, io, net::SocketAddr, time::Duration};

use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use paylent_domain::Timestamp;

/// Upper bounds of the histogram of request durations, in seconds.
const DURATIONS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// The text format of Prometheus.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// How often samples are folded into their histograms.
const UPKEEP: Duration = Duration::from_secs(5);
/// One tick of the times in `/proc/self/stat`: Linux fixes USER_HZ at 100.
const TICKS_PER_SECOND: f64 = 100.0;

/// What was measured in this process.
#[derive(Clone)]
pub struct Measurements {
    recorded: PrometheusHandle,
    started: Timestamp,
}

/// Makes this the recorder of the process, for the macros of the `metrics` crate. Without it they do nothing.
///
/// # Errors
/// The process has a recorder already.
pub fn install(started: Timestamp) -> Result<Measurements, BuildError> {
    let durations = Matcher::Suffix("_duration_seconds".to_owned());
    let recorded = PrometheusBuilder::new().set_buckets_for_metric(durations, &DURATIONS)?.install_recorder()?;
    Ok(Measurements { recorded, started })
}

impl Measurements {
    /// All of them in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let process = process(self.started, &read("/proc/self/stat"), &read("/proc/self/status"));
        let version = env!("CARGO_PKG_VERSION");
        let build = format!("# TYPE paylent_build_info gauge\npaylent_build_info{{version=\"{version}\"}} 1\n");
        self.recorded.render() + &process + &build
    }

    /// Folds samples into their histograms until the end of the process, so that they do not pile up between scrapes.
    pub async fn upkeep(self) {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            self.recorded.run_upkeep();
        }
    }
}

/// Serves `GET /metrics` on this address, and says where it is bound.
///
/// # Errors
/// The address cannot be bound.
pub fn serve(measurements: Measurements, listen: SocketAddr) -> io::Result<(SocketAddr, Server)> {
    let app = move || {
        let measurements = measurements.clone();
        let metrics = move || {
            let text = measurements.render();
            async move { HttpResponse::Ok().content_type(CONTENT_TYPE).body(text) }
        };
        App::new().route("/metrics", web::get().to(metrics))
    };
    let server = HttpServer::new(app).workers(1).disable_signals().bind(listen)?;
    let address = server.addrs().first().copied().unwrap_or(listen);
    Ok((address, server.run()))
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// What the system knows about this process, under Prometheus' usual names. What cannot be read is left out.
fn process(started: Timestamp, stat: &str, status: &str) -> String {
    let mut text =
        format!("# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds {}\n", started.seconds());
    if let Some(seconds) = cpu_seconds(stat) {
        text += &format!("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {seconds}\n");
    }
    if let Some(bytes) = resident_bytes(status) {
        text += &format!("# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {bytes}\n");
    }
    text
}

/// User and system time, from `proc_pid_stat(5)`: the 14th and 15th field. The name in parentheses may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = |field: usize| fields.split_ascii_whitespace().nth(field - 3)?.parse::<u32>().ok();
    Some((f64::from(ticks(14)?) + f64::from(ticks(15)?)) / TICKS_PER_SECOND)
}

/// `VmRSS` of `proc_pid_status(5)`, which counts in kB.
fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_described_from_proc() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 3 0 100 1 1";
        let text = process(Timestamp::from_seconds(1_000), stat, "Name:\tx\nVmRSS:\t   2048 kB\n");
        for line in [
            "process_start_time_seconds 1000",
            "process_cpu_seconds_total 1.75",
            "process_resident_memory_bytes 2097152",
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in {text}");
        }
        assert_eq!(process(Timestamp::from_seconds(1), "", "").lines().count(), 2);
    }
}
