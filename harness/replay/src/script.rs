//! What the fake Prometheus is told and what it tells: the JSON of its control port.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `PUT /v1/script` | [`Script`] | 204; the clock starts at scenario time 0 |
//! | `POST /v1/series` | `[ScriptedSeries]` | 204; added to what is there, for all tenants |
//! | `PUT /v1/faults` | `[Fault]` | 204; replaces the faults that were there |
//! | `GET /v1/journal?after=N` | | [`Journal`]: entries with `seq` > N |
//! | `GET /v1/clock` | | [`ServerTime`] |
//!
//! What can't be used is refused whole, with 400 and `{"error": "…"}`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::notation::Values;
use crate::number::{text_of, value_of};
use crate::promql::STALE;
use crate::tenants::Tenants;

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
    /// Series whose samples have times of their own, such as those of a recording.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SampledSeries>,
    /// What is known of metrics, by their names; what `/api/v1/metadata` answers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Metadata>,
    /// The faults from the start; a script that is loaded later replaces those that were there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Series that only requests of their tenants see; none is a Prometheus, which knows no tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Tenants>,
}

/// How scenario time passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Clock {
    /// Scenario seconds per wall second; above zero.
    #[serde(default = "as_fast")]
    pub speed: f64,
    /// The wall time of scenario time 0; without it that is when the script is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
}

fn as_fast() -> f64 {
    1.0
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            speed: as_fast(),
            start: None,
        }
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

/// One series, written out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SampledSeries {
    /// Name and labels, as in [`ScriptedSeries`].
    pub series: String,
    /// The samples, oldest first.
    pub samples: Vec<Sample>,
}

/// A sample: scenario time in seconds, and the value. In JSON it is `[15, "0.5"]`; the value `"stale"` is the
/// staleness marker.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(f64, Written)", into = "(f64, Written)")]
pub struct Sample {
    /// Scenario time, seconds.
    pub at: f64,
    /// The value; [`Sample::STALE`] is the staleness marker.
    pub value: f64,
}

impl Sample {
    /// The staleness marker: the series is gone.
    pub const STALE: f64 = STALE;
}

impl From<(f64, Written)> for Sample {
    fn from((at, Written(value)): (f64, Written)) -> Self {
        Self { at, value }
    }
}

impl From<Sample> for (f64, Written) {
    fn from(sample: Sample) -> Self {
        (sample.at, Written(sample.value))
    }
}

/// A value as text: JSON has no NaN.
struct Written(f64);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text_of(self.0))
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'_, str>>::deserialize(deserializer)?;
        let value = value_of(&text).ok_or_else(|| {
            let expected = "a number, `NaN`, `+Inf`, `-Inf` or `stale`";
            D::Error::custom(format_args!("expected {expected}, found `{text}`"))
        })?;
        Ok(Self(value))
    }
}

/// What is known of a metric.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// `counter`, `gauge` and so on.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it measures.
    #[serde(default)]
    pub help: String,
    /// The unit; empty where it has none.
    #[serde(default)]
    pub unit: String,
}

/// A fault on the wire: which requests get it, and what it does. By default all under `/api/v1` get it, always, and it does nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The paths concerned, such as `/api/v1/query`; empty means all under `/api/v1`.
    #[serde(default)]
    pub paths: Vec<String>,
    /// What is answered instead.
    #[serde(default)]
    pub answer: FaultAnswer,
    /// What is done to the answer: the name of one of [`fault_kinds`](crate::fault_kinds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// How much of that kind; each has a usual amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<f64>,
    /// Scenario time from which on it is there, seconds.
    #[serde(default)]
    pub from: f64,
    /// Scenario time at which it ends; none is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// It does something to one of so many requests that it concerns, the last one.
    #[serde(default = "each")]
    pub every: u64,
    /// It does something to so many requests at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
}

fn each() -> u64 {
    1
}

impl Fault {
    /// A fault of a kind, with its usual amount, always there.
    ///
    /// ```
    /// let fault = setpoint_replay::Fault::of("reset");
    /// assert_eq!(fault.check(), Ok(()));
    /// ```
    #[must_use]
    pub fn of(kind: &str) -> Self {
        Self {
            kind: Some(kind.to_owned()),
            ..Self::default()
        }
    }
}

impl Default for Fault {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            answer: FaultAnswer::default(),
            kind: None,
            amount: None,
            from: 0.0,
            until: None,
            every: each(),
            times: None,
        }
    }
}

/// What a fault answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// The tenant that was named, where the script has tenants; `a|b` are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
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
