//! The JSON lines that measurements are exchanged as.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// One measurement.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Line {
    /// CPU time of one RSA-2048 signature with a kept key: S of the targets.
    RsaSign { cpu_ms: f64 },
    /// CPU time of one Argon2id run with the product's parameters.
    Argon2 { cpu_ms: f64 },
    /// Load on one operation, or on a bare handler.
    Load(Load),
    /// Time from spawning a server to its first 200.
    Startup { name: String, median_ms: f64, min_ms: f64 },
    /// Resident memory of a process and its children.
    Rss { name: String, rss_kb: u64 },
    /// Size of a file.
    Size { name: String, bytes: u64 },
    /// What an environment was filled with, how long it took, and the size of the database afterwards.
    Seeded { users: u64, memberships: u64, seconds: f64, bytes: u64 },
}

/// Load on one operation: medians of the repeats, but for the minimum and the counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) requests_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) cpu_ms_per_request: f64,
    pub(crate) cpu_ms_per_request_min: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pg_cpu_ms_per_request: Option<f64>,
    pub(crate) requests: u64,
    pub(crate) wrong_responses: u64,
    pub(crate) rss_kb: u64,
}

impl Line {
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a file of lines; empty lines are skipped.
    pub(crate) fn read(file: &Path) -> Result<Vec<Self>, Error> {
        let text = std::fs::read_to_string(file).map_err(Error::at(file.display()))?;
        text.lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| serde_json::from_str(line).map_err(|e| Error::Input(format!("{e}: {line}"))))
            .collect()
    }

    pub(crate) fn load(&self) -> Option<&Load> {
        match self {
            Self::Load(load) => Some(load),
            _ => None,
        }
    }
}
