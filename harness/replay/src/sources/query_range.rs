//! Answers of Prometheus to `query_range`, and to `query` for a range selector: a matrix as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Recorded, Recording, SourceError, millis};
use crate::labels::{Labels, METRIC_NAME};
use crate::number::{float, text_of, value_of};

pub(super) fn read(text: &str) -> Result<Recording, SourceError> {
    let answer: Answer<true> = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    let series = answer.data.result.0.into_iter();
    let series = series.map(|(labels, samples)| Recorded {
        labels,
        samples,
        always: None,
    });
    Ok(Recording {
        series: series.collect(),
        metadata: BTreeMap::new(),
    })
}

/// Series, each once, and their samples in order.
type Matrix = BTreeMap<Labels, Vec<(i64, f64)>>;

/// The series of an answer, which may have no names, and its warnings.
pub(super) fn matrix(text: &str) -> Result<(Matrix, Vec<String>), SourceError> {
    let answer: Answer<false> = serde_json::from_str(text).map_err(|error| wrong(&error))?;
    Ok((answer.data.result.0, answer.warnings))
}

fn wrong(error: &serde_json::Error) -> SourceError {
    let place = format!(" at line {} column {}", error.line(), error.column());
    let told = error.to_string();
    SourceError {
        line: error.line(),
        column: error.column().max(1),
        expected: "the answer of Prometheus to `query_range`".to_owned(),
        found: told.strip_suffix(&place).unwrap_or(&told).to_owned(),
    }
}

/// Writes a recording as Prometheus answers it, with `"stale"` for the staleness marker. Series without times are left
/// out, and so is what is known of metrics.
#[must_use]
pub fn write(recording: &Recording) -> String {
    let mut out = String::from(r#"{"status":"success","data":{"resultType":"matrix","result":["#);
    for (index, series) in recording.series.iter().enumerate() {
        out.push_str(if index > 0 { ",\n" } else { "\n" });
        let metric: BTreeMap<&str, &str> = series.labels.iter().collect();
        let metric = serde_json::to_string(&metric).unwrap_or_default();
        let values = series
            .samples
            .iter()
            .map(|(at, value)| format!("[{},\"{}\"]", float(*at as f64 / 1000.0), text_of(*value)));
        let values: Vec<String> = values.collect();
        out.push_str(&format!(
            r#"{{"metric":{metric},"values":[{}]}}"#,
            values.join(",")
        ));
    }
    out.push_str("\n]}}\n");
    out
}

/// What is there besides isn't looked at. Whether series must be `NAMED` is known while they are read, so that one that
/// isn't is told with its place.
#[derive(Deserialize)]
struct Answer<const NAMED: bool> {
    #[serde(rename = "status")]
    _status: Success,
    data: Data<NAMED>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Deserialize)]
enum Success {
    #[serde(rename = "success")]
    Success,
}

#[derive(Deserialize)]
struct Data<const NAMED: bool> {
    #[serde(rename = "resultType")]
    _result_type: ResultType,
    result: All<NAMED>,
}

#[derive(Deserialize)]
enum ResultType {
    #[serde(rename = "matrix")]
    Matrix,
}

struct All<const NAMED: bool>(Matrix);

impl<'de, const NAMED: bool> Deserialize<'de> for All<NAMED> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EachOnce::<NAMED>)
    }
}

struct EachOnce<const NAMED: bool>;

impl<'de, const NAMED: bool> Visitor<'de> for EachOnce<NAMED> {
    type Value = All<NAMED>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut all = BTreeMap::new();
        while let Some(Series { metric, values, .. }) = list.next_element()? {
            let Metric(labels) = metric;
            if NAMED && !labels.contains(METRIC_NAME) {
                return Err(A::Error::custom("a series without `__name__`"));
            }
            if all.contains_key(&labels) {
                return Err(A::Error::custom(format_args!("the series {labels} again")));
            }
            all.insert(labels, values.0);
        }
        Ok(All(all))
    }
}

#[derive(Deserialize)]
struct Series {
    metric: Metric,
    values: Samples,
    #[serde(default, rename = "histograms", deserialize_with = "refused")]
    _histograms: (),
}

fn refused<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(deserializer)?;
    Err(D::Error::custom(
        "native histograms, which are not supported",
    ))
}

struct Metric(Labels);

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let labels = BTreeMap::<String, String>::deserialize(deserializer)?;
        let labels = labels.into_iter();
        let labels: Labels = labels
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Ok(Self(labels))
    }
}

/// Samples in the order of their times.
struct Samples(Vec<(i64, f64)>);

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Samples;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of samples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Samples, A::Error> {
        let mut samples: Vec<(i64, f64)> = Vec::new();
        while let Some((seconds, text)) = list.next_element::<(f64, String)>()? {
            let Some(at) = millis(seconds, 1000.0) else {
                return Err(A::Error::custom(format_args!("the time {seconds}")));
            };
            let Some(value) = value_of(&text) else {
                return Err(A::Error::custom(format_args!("the value {text:?}")));
            };
            if samples.last().is_some_and(|(before, _)| *before >= at) {
                return Err(A::Error::custom(format_args!(
                    "the time {seconds}, which isn't later than that before"
                )));
            }
            samples.push((at, value));
        }
        Ok(Samples(samples))
    }
}
