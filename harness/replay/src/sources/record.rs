//! What is asked of a live Prometheus to record series, and the recording of its answers. No sockets here.

use std::collections::BTreeMap;

use thiserror::Error;

use super::query_range::matrix;
use super::{Recorded, Recording, SourceError};
use crate::Sample;
use crate::labels::{Labels, METRIC_NAME};
use crate::promql::parse_selector;

/// Steps of one answer of Prometheus to `query_range`.
const MAX_STEPS: i64 = 11_000;
/// How far a Prometheus looks back by default, milliseconds: what is older needs no marker of its end.
const LOOKBACK: i64 = 5 * 60 * 1000;

/// Records what a query gives in a time.
///
/// Of a selector, such as `up{job="a"}`, the samples are recorded as they were scraped; of any other query, its values at
/// each step. Where a series is gone at a step there is a staleness marker, so that the recording gives the same answers
/// at all steps.
///
/// ```
/// use setpoint_replay::sources::Recorder;
/// let recorder = Recorder::new("up", (0, 3_600_000), 15_000, None)?;
/// let asked: Vec<_> = recorder.requests().into_iter().map(|request| request.path).collect();
/// assert_eq!(asked, ["/api/v1/query", "/api/v1/query_range"]);
/// # Ok::<(), setpoint_replay::sources::RecordError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Recorder {
    query: String,
    start: i64,
    end: i64,
    step: i64,
    name: Option<String>,
    is_selector: bool,
}

/// A request of Prometheus' API, by GET or as a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path, from the API's root on.
    pub path: &'static str,
    /// Names and values.
    pub parameters: Vec<(&'static str, String)>,
}

/// Why nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The times make no recording.
    #[error(
        "the range and the step are {range} ms and {step} ms: expected at least one step and at most {MAX_STEPS}, each at least 1 ms"
    )]
    Steps {
        /// The whole time.
        range: i64,
        /// Of it.
        step: i64,
    },
    /// Prometheus' answer isn't one.
    #[error("reading the answer of Prometheus to {path}")]
    Answer {
        /// What was asked.
        path: &'static str,
        /// Where it is wrong.
        source: SourceError,
    },
    /// What has no name can't be asked for.
    #[error("the series {series} has no metric name: give it one with `--name`")]
    NoName {
        /// Its labels.
        series: String,
    },
    /// With the new name two series are the same.
    #[error(
        "two series are {series} with the name that is given: ask for each with a name of its own"
    )]
    Twice {
        /// Name and labels.
        series: String,
    },
}

impl Recorder {
    /// Records `query` from `start` to `end` (milliseconds since 1970), looking at it each `step` milliseconds. What it
    /// gives gets the metric name `name`, if there is one.
    ///
    /// # Errors
    /// If there is no step, or there are more than Prometheus answers at once.
    pub fn new(
        query: &str,
        (start, end): (i64, i64),
        step: i64,
        name: Option<String>,
    ) -> Result<Self, RecordError> {
        let range = end.saturating_sub(start);
        if step < 1 || range < step || range / step > MAX_STEPS {
            return Err(RecordError::Steps { range, step });
        }
        Ok(Self {
            query: query.to_owned(),
            start,
            end,
            step,
            name,
            is_selector: parse_selector(query).is_ok(),
        })
    }

    /// What is to be asked, in this order.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        let seconds = |millis: i64| (millis as f64 / 1000.0).to_string();
        let range = self.end - self.start;
        let samples = Request {
            path: "/api/v1/query",
            parameters: vec![
                ("query", format!("{}[{range}ms]", self.query)),
                ("time", seconds(self.end)),
            ],
        };
        let steps = Request {
            path: "/api/v1/query_range",
            parameters: vec![
                ("query", self.query.clone()),
                ("start", seconds(self.start)),
                ("end", seconds(self.end)),
                ("step", seconds(self.step)),
            ],
        };
        let samples = self.is_selector.then_some(samples);
        samples.into_iter().chain([steps]).collect()
    }

    /// The recording of the answers to all requests, and what Prometheus warns of.
    ///
    /// # Errors
    /// If an answer can't be read, or a series can't have its name.
    pub fn recording(&self, answers: &[String]) -> Result<(Recording, Vec<String>), RecordError> {
        let mut warnings = Vec::new();
        let mut read = Vec::new();
        for (request, answer) in self.requests().iter().zip(answers) {
            let answer = matrix(answer).map_err(|source| RecordError::Answer {
                path: request.path,
                source,
            })?;
            warnings.extend(answer.1);
            read.push(answer.0);
        }
        let steps = read.pop().unwrap_or_default();
        let samples = read.pop().unwrap_or_else(|| steps.clone());
        let mut series: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
        for (labels, samples) in samples {
            let seen = steps.get(&labels).map_or(&[][..], Vec::as_slice);
            let samples = self.ended(samples, seen);
            let labels = self.named(labels)?;
            if series.contains_key(&labels) {
                let series = labels.to_string();
                return Err(RecordError::Twice { series });
            }
            series.insert(labels, samples);
        }
        let series = series.into_iter().map(|(labels, samples)| Recorded {
            labels,
            samples,
            always: None,
        });
        let recording = Recording {
            series: series.collect(),
            ..Recording::default()
        };
        Ok((recording, warnings))
    }

    fn named(&self, mut labels: Labels) -> Result<Labels, RecordError> {
        if let Some(name) = &self.name {
            labels.set(METRIC_NAME, name);
        }
        if labels.contains(METRIC_NAME) {
            Ok(labels)
        } else {
            let series = labels.to_string();
            Err(RecordError::NoName { series })
        }
    }

    /// The samples, with markers at the first steps at which the series isn't `seen` any more.
    fn ended(&self, samples: Vec<(i64, f64)>, seen: &[(i64, f64)]) -> Vec<(i64, f64)> {
        let mut ended = Vec::with_capacity(samples.len());
        let mut samples = samples.into_iter().peekable();
        let mut seen = seen.iter().map(|(at, _)| *at).peekable();
        let mut step = self.start;
        while step <= self.end {
            while let Some(sample) = samples.next_if(|(at, _)| *at <= step) {
                ended.push(sample);
            }
            while seen.next_if(|at| *at < step).is_some() {}
            let is_seen = seen.peek() == Some(&step);
            if let Some(&(at, value)) = ended.last()
                && !is_seen
                && value.to_bits() != Sample::STALE.to_bits()
                && at < step
                && step - at < LOOKBACK
            {
                ended.push((step, Sample::STALE));
            }
            step += self.step;
        }
        ended.extend(samples);
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(series: &[(&str, &str)]) -> String {
        let series: Vec<String> = series
            .iter()
            .map(|(metric, values)| format!(r#"{{"metric":{metric},"values":[{values}]}}"#))
            .collect();
        let series = series.join(",");
        format!(
            r#"{{"status":"success","data":{{"resultType":"matrix","result":[{series}]}},"warnings":["partial"]}}"#
        )
    }

    const UP: &str = r#"{"__name__":"up"}"#;

    #[test]
    fn a_selector_is_recorded_as_it_was_scraped_with_markers_where_it_is_gone() {
        let recorder = Recorder::new("up", (0, 60_000), 10_000, None).unwrap();
        let samples = answer(&[(UP, r#"[1,"1"],[16,"2"],[47,"3"],[59,"4"]"#)]);
        let steps = answer(&[(UP, r#"[10,"1"],[20,"2"],[50,"3"],[60,"4"]"#)]);
        let (recording, warnings) = recorder.recording(&[samples, steps]).unwrap();
        let told = super::super::write_query_range(&recording);
        assert!(
            told.contains(r#"[[1,"1"],[16,"2"],[30,"stale"],[47,"3"],[59,"4"]]"#),
            "{told}"
        );
        assert_eq!(warnings, ["partial", "partial"]);
    }

    #[test]
    fn another_query_is_recorded_at_each_step() {
        let recorder = Recorder::new("sum(up)", (0, 30_000), 10_000, Some("all".to_owned()));
        let recorder = recorder.unwrap();
        assert_eq!(recorder.requests().len(), 1);
        let steps = answer(&[("{}", r#"[10,"1"],[20,"1"]"#)]);
        let (recording, _) = recorder.recording(&[steps]).unwrap();
        let told = super::super::write_query_range(&recording);
        assert!(
            told.contains(
                r#"{"metric":{"__name__":"all"},"values":[[10,"1"],[20,"1"],[30,"stale"]]}"#
            ),
            "{told}"
        );
    }

    #[test]
    fn what_cannot_be_recorded_is_told() {
        let problems = [
            Recorder::new("up", (10, 10), 1, None).unwrap_err(),
            Recorder::new("up", (0, 10), 0, None).unwrap_err(),
            Recorder::new("up", (0, 11_002), 1, None).unwrap_err(),
        ];
        assert!(
            problems
                .iter()
                .all(|error| matches!(error, RecordError::Steps { .. }))
        );
        let recorder = Recorder::new("sum(up)", (0, 30_000), 10_000, None).unwrap();
        let error = recorder.recording(&[answer(&[("{}", "")])]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the series {} has no metric name: give it one with `--name`"
        );
        let error = recorder.recording(&["<html>".to_owned()]).unwrap_err();
        assert!(matches!(error, RecordError::Answer { .. }));
        let named = Recorder::new("a or b", (0, 30_000), 10_000, Some("c".to_owned())).unwrap();
        let both = answer(&[(r#"{"__name__":"a"}"#, ""), (r#"{"__name__":"b"}"#, "")]);
        let error = named.recording(&[both]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "two series are {__name__=\"c\"} with the name that is given: ask for each with a name of its own"
        );
    }
}
