//! Failures that are known: a file that says which, why, and until when. A scenario that fails as known doesn't fail the
//! run; one that passes although it is known to fail does, so that the file tells the truth.

mod load;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use jiff::civil::Date;
use serde::Deserialize;

use crate::report::{KnownFailure, NotFailing, Report, Verdict};

pub use load::LoadError;

/// The known failures of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownFailures {
    path: PathBuf,
    entries: Vec<Entry>,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[expect(dead_code, reason = "the deserializer has checked it")]
    api_version: ApiVersion,
    failures: Vec<Entry>,
}

/// The format's version.
#[derive(Debug, Deserialize)]
enum ApiVersion {
    #[serde(rename = "setpoint.dev/known-failures/v1alpha1")]
    V1alpha1,
}

/// A failure that is known.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry {
    /// A scenario's area and name, or the id of an obligation, which stands for all scenarios that prove it.
    id: String,
    /// Why it fails.
    reason: String,
    /// The last day on which it may fail.
    expires: Date,
}

impl Entry {
    fn is_about(&self, name: &str, proves: &[String]) -> bool {
        self.id == name || proves.contains(&self.id)
    }
}

impl KnownFailures {
    /// Marks what is known to fail in a report, and notes what is known to fail and passed. After an entry's last day it counts for
    /// nothing but that.
    pub fn mark(&self, report: &mut Report, today: Date) {
        for entry in &self.entries {
            let mut passed = Vec::new();
            let mut fails = false;
            for outcome in &mut report.scenarios {
                if !entry.is_about(&outcome.name, &outcome.proves) {
                    continue;
                }
                match outcome.verdict {
                    Verdict::Failed(_) if today <= entry.expires => {
                        fails = true;
                        outcome.known = Some(KnownFailure {
                            reason: entry.reason.clone(),
                            expires: entry.expires,
                        });
                    }
                    Verdict::Failed(_) | Verdict::Inconclusive(_) => fails = true,
                    Verdict::Passed => passed.push(outcome.name.clone()),
                    Verdict::Skipped { .. } => {}
                }
            }
            // Of an obligation, one scenario that fails is enough.
            if !fails && !passed.is_empty() {
                report.not_failing.push(NotFailing {
                    id: entry.id.clone(),
                    file: self.path.clone(),
                    passed,
                });
            }
        }
    }
}
