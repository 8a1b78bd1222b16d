//! Reads a report that a run has written.

use serde::Deserialize;

use super::document::{API_VERSION, Report};
use crate::format::schema_of;

/// A text is no report that this program knows.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadReportError {
    /// It isn't JSON, or lacks what every report has.
    #[error("it is no report of setpoint")]
    NoReport(#[source] serde_json::Error),
    /// It is a report of another version of the format.
    #[error(
        "it is a report of version {found}, and this program reads {API_VERSION}; make both reports by the same version of setpoint"
    )]
    OtherVersion {
        /// Its version.
        found: String,
    },
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
    /// When it is none, or one of another version.
    pub fn parse(text: &str) -> Result<Self, ReadReportError> {
        let Versioned { api_version: found } =
            serde_json::from_str(text).map_err(ReadReportError::NoReport)?;
        if found != API_VERSION {
            return Err(ReadReportError::OtherVersion { found });
        }
        serde_json::from_str(text).map_err(ReadReportError::NoReport)
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
                matches!(error, ReadReportError::NoReport(_)),
                "{text}: {error}"
            );
        }
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
