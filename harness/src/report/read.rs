//! Reads a report that a run has written.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::document::{API_VERSION, Report};
use crate::format::schema_of;

/// A text is no report that this program knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadReportError {
    /// It isn't JSON, or lacks what every report has.
    #[error("it is no report of setpoint: {problem}")]
    NoReport {
        /// What is wrong.
        problem: String,
        /// Where: a line and a column, from 1.
        place: (usize, usize),
    },
    /// It is a report of another version of the format.
    #[error(
        "it is a report of version {found}, and this program reads {API_VERSION}; make both reports by the same version of setpoint"
    )]
    OtherVersion {
        /// Its version.
        found: String,
    },
    /// Two of its scenarios have one name, so that nothing can be said of either.
    #[error(
        "it has two scenarios with the name {name}, which nobody can tell apart: rename the file of one, or run them one by one"
    )]
    Twice {
        /// Their name.
        name: String,
    },
}

impl ReadReportError {
    /// Where the text is no report: a line and a column, from 1.
    #[must_use]
    pub fn place(&self) -> Option<(usize, usize)> {
        match self {
            Self::NoReport { place, .. } => Some(*place),
            Self::OtherVersion { .. } | Self::Twice { .. } => None,
        }
    }
}

impl From<serde_json::Error> for ReadReportError {
    fn from(error: serde_json::Error) -> Self {
        Self::NoReport {
            problem: in_words(&error),
            // What is empty ends before its first column.
            place: (error.line().max(1), error.column().max(1)),
        }
    }
}

/// What is wrong with JSON, without the place, and without the names of this program's types.
fn in_words(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it ends in the middle of its JSON".to_owned();
    }
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    let Some((found, _)) = text.split_once(", expected struct ") else {
        return text.to_owned();
    };
    match found.strip_prefix("invalid type: ") {
        Some(found) => format!("expected an object, found {found}"),
        None => "expected an object".to_owned(),
    }
}

/// What every version has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Versioned {
    api_version: String,
}

impl Report {
    /// The report in a `report.json`.
    ///
    /// # Errors
    /// When it is none, one of another version, or one that has two scenarios of one name.
    pub fn parse(text: &str) -> Result<Self, ReadReportError> {
        let Versioned { api_version: found } = serde_json::from_str(text)?;
        if found != API_VERSION {
            return Err(ReadReportError::OtherVersion { found });
        }
        let report: Self = serde_json::from_str(text)?;
        match report.name_that_stands_twice() {
            Some(name) => Err(ReadReportError::Twice { name }),
            None => Ok(report),
        }
    }

    fn name_that_stands_twice(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        let mut names = self.scenarios.iter().map(|outcome| &outcome.name);
        names.find(|name| !seen.insert(*name)).cloned()
    }

    /// The JSON schema of reports.
    #[must_use]
    pub fn schema() -> String {
        schema_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let json = serde_json::to_string(&report()).unwrap();
        let read = Report::parse(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }

    #[test]
    fn a_report_of_another_version_says_so_and_anything_else_is_none() {
        let other = json_of("setpoint.dev/report/v1alpha1");
        let error = Report::parse(&other).unwrap_err();
        assert!(
            matches!(error, ReadReportError::OtherVersion { .. }),
            "{error}"
        );
        for text in ["", "[]", "{}", &json_of(API_VERSION), "{\"apiVersion\": 1}"] {
            let error = Report::parse(text).unwrap_err();
            assert!(
                matches!(error, ReadReportError::NoReport { .. }),
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn what_is_no_report_is_told_in_words_without_the_programs_types() {
        let told = |text: &str| {
            let error = Report::parse(text).unwrap_err();
            let said = error.to_string();
            let problem = said.strip_prefix("it is no report of setpoint: ");
            (error.place().unwrap(), problem.unwrap().to_owned())
        };
        for (text, place, problem) in [
            ("null", (1, 4), "expected an object, found null"),
            ("", (1, 1), "it ends in the middle of its JSON"),
            ("{}", (1, 2), "missing field `apiVersion`"),
            ("\nx", (2, 1), "expected value"),
        ] {
            assert_eq!(told(text), (place, problem.to_owned()), "{text}");
        }
        assert_eq!(told("[]").1, "expected an object");
        let mut json = serde_json::to_value(report()).unwrap();
        json["scenarios"][1] = serde_json::Value::Null;
        assert_eq!(told(&json.to_string()).1, "expected an object, found null");
    }

    #[test]
    fn a_report_with_two_scenarios_of_one_name_is_refused_with_the_name() {
        let mut twice = report();
        twice.scenarios[2].name = twice.scenarios[1].name.clone();
        let error = Report::parse(&serde_json::to_string(&twice).unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it has two scenarios with the name hpa/scales-up, which nobody can tell apart: rename the file of one, or run them one by one"
        );
    }

    fn json_of(version: &str) -> String {
        format!("{{\"apiVersion\": \"{version}\"}}")
    }

    #[test]
    fn the_checked_in_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/report.schema.json");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        // Not `assert_eq`: two schemas are too long to read.
        assert!(
            kept == Report::schema(),
            "it is old; `setpoint schema report > docs/report.schema.json` renews it"
        );
    }
}
