//! Failures that are known: a file that says which, why, and until when. A scenario that fails as known doesn't fail the
//! run; one that passes although it is known to fail does, so that the file tells the truth.

mod load;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::Deserialize;

use crate::report::{Expired, KnownFailure, NotFailing, Report, SkipReason, Verdict};

pub use load::LoadError;

/// The known failures of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownFailures {
    path: PathBuf,
    entries: Vec<(Entry, About)>,
}

/// The names of the scenarios that an entry is about, whichever of them run.
type About = BTreeSet<String>;

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
    /// Marks what is known to fail in a report, and notes what is known to fail and passed, and what fails after its last day.
    pub fn mark(&self, report: &mut Report, today: Date) {
        for (entry, about) in &self.entries {
            self.mark_entry(entry, about, report, today);
        }
    }

    fn mark_entry(&self, entry: &Entry, about: &About, report: &mut Report, today: Date) {
        let is_over = today > entry.expires;
        let (mut passed, mut failed) = (Vec::new(), Vec::new());
        // Of an obligation, one scenario that fails is enough. One that nothing was seen of may be that one.
        let mut may_fail = false;
        let mut seen = BTreeSet::new();
        let outcomes = report.scenarios.iter_mut();
        for outcome in outcomes.filter(|outcome| about.contains(&outcome.name)) {
            seen.insert(outcome.name.clone());
            match &outcome.verdict {
                Verdict::Failed(_) => {
                    failed.push(outcome.name.clone());
                    if !is_over {
                        outcome.known = Some(KnownFailure {
                            reason: entry.reason.clone(),
                            expires: entry.expires,
                        });
                    }
                }
                Verdict::Passed => passed.push(outcome.name.clone()),
                // The adapter doesn't claim it, wherever it runs.
                Verdict::Skipped {
                    reason: SkipReason::NotImplemented { .. },
                } => {}
                Verdict::Inconclusive(_) | Verdict::Skipped { .. } => may_fail = true,
            }
        }
        may_fail |= about.iter().any(|name| !seen.contains(name));
        let (id, file) = (entry.id.clone(), self.path.clone());
        if failed.is_empty() && !may_fail && !passed.is_empty() {
            report.not_failing.push(NotFailing { id, file, passed });
        } else if is_over && !failed.is_empty() {
            report.expired.push(Expired {
                id,
                expires: entry.expires,
                file,
                failed,
            });
        }
    }
}
