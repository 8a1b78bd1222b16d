//! The documents that are answered, byte for byte as Prometheus writes numbers and times (`util/jsonutil`).

use std::fmt::Write as _;

use super::{Answer, Refusal};
use crate::number::float;
use crate::promql::{self, Change, Value, Version};
use crate::{ClockMap, Metadata, labels::Labels};

/// The data of a successful answer.
pub(super) struct Document {
    data: String,
    series: Option<usize>,
    warnings: Vec<String>,
    infos: Vec<String>,
    /// Whether it is told of what kind notes are that are left out.
    kinds_told: bool,
}

/// Notes of one kind that an answer holds; Prometheus counts the rest.
const MAX_NOTES: usize = 10;

impl Document {
    fn new(data: String, series: Option<usize>) -> Self {
        Self {
            data,
            series,
            warnings: Vec::new(),
            infos: Vec::new(),
            kinds_told: true,
        }
    }

    pub(super) fn build_info(version: Version) -> Self {
        let own = env!("CARGO_PKG_VERSION");
        let data = format!(
            r#"{{"version":"{version}+setpoint-replay.{own}","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":""}}"#
        );
        Self::new(data, None)
    }

    /// What is always the same.
    pub(super) fn fixed(data: &str) -> Self {
        Self::new(data.to_owned(), None)
    }

    /// What is known of metrics, by their names.
    pub(super) fn metadata<'a>(known: impl Iterator<Item = (&'a str, &'a Metadata)>) -> Self {
        let known = joined(known.map(|(name, known)| {
            let (kind, unit) = (quoted(&known.kind), quoted(&known.unit));
            let (name, help) = (quoted(name), quoted(&known.help));
            format!(r#"{name}:[{{"type":{kind},"unit":{unit},"help":{help}}}]"#)
        }));
        Self::new(format!("{{{known}}}"), None)
    }

    /// `at` is the wall time that was asked for; timestamps of samples are mapped to wall time.
    pub(super) fn query(
        clock: &ClockMap,
        version: Version,
        at: i64,
        answer: promql::Answer,
        limit: usize,
    ) -> Self {
        let now = time(at);
        let kind = match &answer.value {
            Value::Scalar(_) => "scalar",
            Value::String(_) => "string",
            Value::Vector(_) => "vector",
            Value::Matrix(_) => "matrix",
        };
        let mut list = List::new(limit);
        let result = match &answer.value {
            Value::Scalar(number) => format!(r#"[{now},"{}"]"#, float(*number)),
            Value::String(text) => format!("[{now},{}]", quoted(text)),
            Value::Vector(elements) => list.of(elements.iter().map(|element| {
                let metric = metric(&element.labels);
                let value = float(element.value);
                format!(r#"{{"metric":{metric},"value":[{now},"{value}"]}}"#)
            })),
            Value::Matrix(series) => list.of(series.iter().map(|(labels, samples)| {
                let values = joined(samples.iter().map(|(at, value)| {
                    format!(r#"[{},"{}"]"#, time(clock.to_wall(*at)), float(*value))
                }));
                format!(r#"{{"metric":{},"values":[{values}]}}"#, metric(labels))
            })),
        };
        let data = format!(r#"{{"resultType":"{kind}","result":{result}}}"#);
        let listed = matches!(answer.value, Value::Vector(_) | Value::Matrix(_));
        let mut document = Self::new(data, listed.then_some(list.count));
        document.warnings = answer.warnings;
        document.infos = answer.infos;
        document.kinds_told = version.has(Change::InfosApart);
        document.note(&list);
        document
    }

    pub(super) fn series<'a>(found: impl Iterator<Item = &'a Labels>, limit: usize) -> Self {
        let mut list = List::new(limit);
        let data = list.of(found.map(metric));
        let mut document = Self::new(data, Some(list.count));
        document.note(&list);
        document
    }

    pub(super) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>, limit: usize) -> Self {
        let mut list = List::new(limit);
        let data = list.of(texts.into_iter().map(quoted));
        let mut document = Self::new(data, None);
        document.note(&list);
        document
    }

    fn note(&mut self, list: &List) {
        if list.truncated {
            self.warnings
                .push("results truncated due to limit".to_owned());
        }
    }

    pub(super) fn answer(self) -> Answer {
        Answer {
            status: 200,
            content_type: "application/json",
            body: format!(
                r#"{{"status":"success","data":{}{}{}}}"#,
                self.data,
                notes("warnings", &self.warnings, self.kinds_told),
                notes("infos", &self.infos, self.kinds_told)
            ),
            series: self.series,
        }
    }
}

impl Refusal {
    pub(super) fn status(&self) -> (u16, &'static str) {
        match self {
            Self::BadData(_) => (400, "bad_data"),
            Self::Execution(_) => (422, "execution"),
            Self::Timeout(_) => (503, "timeout"),
        }
    }

    pub(super) fn answer(&self) -> Answer {
        let (Self::BadData(reason) | Self::Execution(reason) | Self::Timeout(reason)) = self;
        let (status, kind) = self.status();
        error(status, kind, reason)
    }
}

/// A JSON list that is cut.
struct List {
    limit: usize,
    count: usize,
    truncated: bool,
}

impl List {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            count: 0,
            truncated: false,
        }
    }

    fn of(&mut self, mut items: impl Iterator<Item = String>) -> String {
        let list: Vec<String> = items.by_ref().take(self.limit).collect();
        self.count = list.len();
        self.truncated = items.next().is_some();
        format!("[{}]", list.join(","))
    }
}

/// A field of an answer; nothing where there are no notes.
fn notes(kind: &str, notes: &[String], kind_told: bool) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let more = notes.len().saturating_sub(MAX_NOTES);
    let one = match kind_told {
        true => format!("{} ", kind.trim_end_matches('s')),
        false => String::new(),
    };
    let more = (more > 0).then(|| quoted(&format!("{more} more {one}annotations omitted")));
    let list = notes.iter().take(MAX_NOTES).map(|note| quoted(note));
    format!(r#","{kind}":[{}]"#, joined(list.chain(more)))
}

/// Prometheus' own error document for a status (`respondError`); what it has no type for is `internal`.
pub(crate) fn error_of_status(status: u16) -> Answer {
    let (kind, reason) = match status {
        400 => ("bad_data", "the request can't be understood"),
        404 => ("not_found", "not found"),
        406 => ("not_acceptable", "not acceptable"),
        422 => ("execution", "the query can't be executed"),
        499 => ("canceled", "query was canceled in query execution"),
        503 => ("timeout", "query timed out in query execution"),
        _ => ("internal", "an error on purpose"),
    };
    error(status, kind, reason)
}

/// What is offered and was never made (`dropSeries`).
pub(crate) fn not_implemented() -> Answer {
    error(500, "internal", "not implemented")
}

fn error(status: u16, kind: &str, reason: &str) -> Answer {
    Answer {
        status,
        content_type: "application/json",
        body: format!(
            r#"{{"status":"error","errorType":"{kind}","error":{}}}"#,
            quoted(reason)
        ),
        series: None,
    }
}

fn joined(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(",")
}

fn metric(labels: &Labels) -> String {
    let pairs = joined(labels.iter().map(|(name, value)| {
        let (name, value) = (quoted(name), quoted(value));
        format!("{name}:{value}")
    }));
    format!("{{{pairs}}}")
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// `MarshalTimestamp`: seconds, with three decimals where they aren't whole.
fn time(millis: i64) -> String {
    let mut out = String::new();
    if millis < 0 {
        out.push('-');
    }
    let (seconds, rest) = (millis.unsigned_abs() / 1000, millis.unsigned_abs() % 1000);
    let _ = write!(out, "{seconds}");
    if rest != 0 {
        let _ = write!(out, ".{rest:03}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_decimals_or_none() {
        assert_eq!(time(1_435_781_451_000), "1435781451");
        assert_eq!(time(1_435_781_451_070), "1435781451.070");
        assert_eq!(time(-1_500), "-1.500");
    }

    #[test]
    fn the_number_of_notes_that_are_left_out_is_told_in_prometheus_words() {
        let many: Vec<String> = (0..=MAX_NOTES).map(|number| number.to_string()).collect();
        for (kind, kind_told, text) in [
            ("warnings", true, "1 more warning annotations omitted"),
            ("infos", true, "1 more info annotations omitted"),
            ("warnings", false, "1 more annotations omitted"),
        ] {
            let field = notes(kind, &many, kind_told);
            assert!(field.ends_with(&format!(r#","{text}"]"#)), "{field}");
        }
    }
}
