//! Series from files that others write: OpenMetrics, Prometheus' text format, CSV, and answers of `query_range`.
//!
//! Each format is a module with one function from text to a [`Recording`]; [`Format`] lists them. Whatever can't be read is told with line
//! and column.

mod csv;
mod openmetrics;
mod query_range;
mod record;
mod recording;

use std::collections::BTreeMap;
use std::path::Path;

use thiserror::Error;

use crate::notation::{NotationError, found};

pub use query_range::write as write_query_range;
pub use record::{RecordError, Recorder, Request};
pub use recording::{Begin, Recorded, Recording};

/// Bytes that a source may hold: what a script may hold of samples fits into it.
pub const MAX_SOURCE_BYTES: u64 = 256 * 1024 * 1024;

/// Where a source can't be used, and what would have been right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: expected {expected}, found {found}")]
pub struct SourceError {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What could have stood there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl SourceError {
    fn at(line: usize, problem: NotationError) -> Self {
        Self {
            line,
            column: problem.column,
            expected: problem.expected,
            found: problem.found,
        }
    }
}

/// How a source is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// OpenMetrics 1.0 text, times in seconds; it ends with `# EOF`.
    OpenMetrics,
    /// Prometheus' text format, times in milliseconds.
    PrometheusText,
    /// A table: a column `time`, and a column for each series; or columns `time`, `value` and one for each label.
    Csv,
    /// The answer of Prometheus to `query_range`, or to `query` for a range.
    QueryRange,
}

impl Format {
    const NAMES: [(&'static str, Self, &'static [&'static str]); 4] = [
        ("openmetrics", Self::OpenMetrics, &["om", "openmetrics"]),
        ("prometheus-text", Self::PrometheusText, &["prom", "txt"]),
        ("csv", Self::Csv, &["csv"]),
        ("query-range", Self::QueryRange, &["json"]),
    ];

    /// The format of that name.
    ///
    /// ```
    /// use setpoint_replay::sources::Format;
    /// assert_eq!(Format::of_name("csv"), Some(Format::Csv));
    /// assert_eq!(Format::of_path("recording.json".as_ref()), Some(Format::QueryRange));
    /// ```
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        let mut known = Self::NAMES.iter().filter(|(known, ..)| *known == name);
        known.next().map(|(_, format, _)| *format)
    }

    /// The format that the ending of a file's name tells.
    #[must_use]
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        let mut known = Self::NAMES.iter();
        known.find_map(|(_, format, endings)| endings.contains(&ending).then_some(*format))
    }

    /// The names of all, for errors.
    #[must_use]
    pub fn names() -> [&'static str; 4] {
        Self::NAMES.map(|(name, ..)| name)
    }

    /// Reads a text of this format.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn read(self, text: &str) -> Result<Recording, SourceError> {
        match self {
            Self::OpenMetrics => openmetrics::read(text, openmetrics::Dialect::OpenMetrics),
            Self::PrometheusText => openmetrics::read(text, openmetrics::Dialect::PrometheusText),
            Self::Csv => csv::read(text),
            Self::QueryRange => query_range::read(text),
        }
    }
}

/// Samples of series as they are read: those of one must come in order.
#[derive(Default)]
struct Collected {
    series: BTreeMap<crate::labels::Labels, recording::Kept>,
    metadata: BTreeMap<String, crate::Metadata>,
}

impl Collected {
    /// Takes a sample; what is wrong with it is said in terms of what was expected.
    fn take(
        &mut self,
        labels: crate::labels::Labels,
        at: Option<i64>,
        value: f64,
    ) -> Result<(), &'static str> {
        self.series.entry(labels).or_default().take(at, value)
    }

    fn recording(self) -> Recording {
        let series = self.series.into_iter();
        Recording {
            series: series.map(|(labels, kept)| kept.of(labels)).collect(),
            metadata: self.metadata,
        }
    }
}

/// A number as a time in milliseconds, if it is one that a clock can show.
fn millis(number: f64, per_unit: f64) -> Option<i64> {
    let millis = (number * per_unit).round();
    (millis.abs() <= 9e15).then_some(millis as i64)
}

/// What was found, in quotes and cut.
fn shown(text: &str) -> String {
    found(text.trim_start())
}
