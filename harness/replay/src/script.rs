//! What the fake Prometheus is told and what it tells: the JSON of its control port.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `PUT /v1/script` | [`Script`] | 204; the clock starts at scenario time 0 |
//! | `POST /v1/series` | `[ScriptedSeries]` | 204; added to what is there |
//! | `PUT /v1/faults` | `[Fault]` | 204; replaces the faults that were there |
//! | `GET /v1/journal?after=N` | | [`Journal`]: entries with `seq` > N |
//! | `GET /v1/clock` | | [`ServerTime`] |
//!
//! What can't be used is refused whole, with 400 and `{"error": "…"}`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::notation::Values;

/// Series and the clock that they are played by.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Script {
    /// How scenario time passes.
    #[serde(default)]
    pub clock: Clock,
    /// The series from the start.
    #[serde(default)]
    pub series: Vec<ScriptedSeries>,
}

/// How scenario time passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clock {
    /// Scenario seconds per wall second; above zero.
    pub speed: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { speed: 1.0 }
    }
}

/// One series in promtool's notation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScriptedSeries {
    /// Name and labels: `http_requests_total{namespace="default", pod="web-1"}`.
    pub series: String,
    /// The samples: `0+10x60 _ 5x3 stale`. What follows the last sample is its repetition for ever when
    /// `hold` is true, else nothing.
    pub values: Values,
    /// Seconds between two samples, scenario time.
    pub interval: f64,
    /// Scenario time of the first sample, seconds.
    #[serde(default)]
    pub from: f64,
    /// Whether the last value is repeated for ever.
    #[serde(default)]
    pub hold: bool,
}

/// A fault on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The paths concerned, such as `/api/v1/query`; empty means all under `/api/v1`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// What is answered instead.
    pub answer: FaultAnswer,
}

/// What a fault answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultAnswer {
    /// The HTTP status; none lets the true answer through, late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Headers besides the usual ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body; none is Prometheus' own error document for that status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Wall seconds before the answer.
    #[serde(default)]
    pub delay: f64,
}

/// What was asked of the fake Prometheus, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The entries.
    pub entries: Vec<JournalEntry>,
    /// How many older entries were forgotten because the journal is bounded.
    pub forgotten: u64,
}

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    /// Position in the journal, from 1.
    pub seq: u64,
    /// Wall clock, seconds since 1970.
    pub wall: f64,
    /// Scenario time, seconds.
    pub at: f64,
    /// The HTTP method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The parameters, from the query and a form body alike.
    pub parameters: Vec<(String, String)>,
    /// The status answered.
    pub status: u16,
    /// How many series the answer held; none where it held none by its nature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<usize>,
    /// Whether a fault answered.
    pub fault: bool,
}

/// The fake Prometheus' clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// Scenario time, seconds since the script was loaded.
    pub now: f64,
    /// Scenario seconds per wall second.
    pub speed: f64,
}
