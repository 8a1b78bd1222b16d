//! Failures that are known: a file that says which, why, and until when. A scenario that fails as known doesn't fail the
//! run; one that passes although it is known to fail does, so that the file tells the truth.

mod load;
mod near;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use crate::report::{
    Expired, KnownFailure, NotFailing, Outcome, Report, SkipReason, Verdict, Word,
};

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
    /// None where the key has no value, as where all entries are comments.
    failures: Option<Vec<Entry>>,
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
    #[serde(deserialize_with = "day")]
    expires: Date,
}

/// A day in the form in which errors and reports show it. What else can be read as one has a time or a zone, which isn't heeded.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    let day = text.parse::<Date>().ok();
    let day = day.filter(|day| day.to_string() == text);
    day.ok_or_else(|| {
        let problem = format!("`{text}` is no day; expected one such as 2027-03-31");
        D::Error::custom(problem)
    })
}

impl Entry {
    fn is_about(&self, name: &str, proves: &[String]) -> bool {
        self.id == name || proves.contains(&self.id)
    }

    /// What a scenario that it is about says of it.
    fn verdict_of(&self, outcome: &Outcome) -> Word {
        if self.id == outcome.name {
            outcome.verdict.word()
        } else {
            outcome.verdict_on(&self.id)
        }
    }
}

impl KnownFailures {
    /// Marks what is known to fail in a report, and notes what is known to fail and passed, and what fails after its last day.
    pub fn mark(&self, report: &mut Report, today: Date) {
        for outcome in &mut report.scenarios {
            outcome.known = self.known(outcome, today);
        }
        for (entry, about) in &self.entries {
            self.judge_entry(entry, about, report, today);
        }
    }

    /// Why the failure of a scenario is known: an entry has its name, or each obligation that it breaks has an entry.
    fn known(&self, outcome: &Outcome, today: Date) -> Option<KnownFailure> {
        if outcome.verdict.word() != Word::Failed {
            return None;
        }
        let with_id = |id: &String| {
            let mut entries = self.entries.iter().map(|(entry, _)| entry);
            entries.find(|entry| entry.id == *id && today <= entry.expires)
        };
        let is_broken = |id: &&String| outcome.verdict_on(id) == Word::Failed;
        let mut broken = outcome.proves.iter().filter(is_broken);
        let entry = with_id(&outcome.name).or_else(|| {
            let first = with_id(broken.next()?)?;
            broken.all(|id| with_id(id).is_some()).then_some(first)
        })?;
        Some(KnownFailure {
            reason: entry.reason.clone(),
            expires: entry.expires,
        })
    }

    fn judge_entry(&self, entry: &Entry, about: &About, report: &mut Report, today: Date) {
        let (mut passed, mut failed) = (Vec::new(), Vec::new());
        // Of an obligation, one scenario that fails is enough. One that nothing was seen of may be that one.
        let is_seen = |name: &String| report.scenarios.iter().any(|outcome| outcome.name == *name);
        let mut may_fail = !about.iter().all(is_seen);
        let outcomes = report.scenarios.iter();
        for outcome in outcomes.filter(|outcome| about.contains(&outcome.name)) {
            let name = outcome.name.clone();
            match entry.verdict_of(outcome) {
                Word::Failed => failed.push((name, outcome.known.is_some())),
                Word::Passed => passed.push(name),
                Word::Skipped if is_not_claimed(outcome) => {}
                Word::Inconclusive | Word::Skipped => may_fail = true,
            }
        }
        let (id, file) = (entry.id.clone(), self.path.clone());
        if failed.is_empty() && !may_fail && !passed.is_empty() {
            report.not_failing.push(NotFailing { id, file, passed });
            return;
        }
        let failed = failed.into_iter().filter(|(_, is_known)| !is_known);
        let failed: Vec<String> = failed.map(|(name, _)| name).collect();
        if today > entry.expires && !failed.is_empty() {
            report.expired.push(Expired {
                id,
                expires: entry.expires,
                file,
                failed,
            });
        }
    }
}

/// Whether the adapter doesn't claim what the scenario needs, wherever it runs.
fn is_not_claimed(outcome: &Outcome) -> bool {
    matches!(
        outcome.verdict,
        Verdict::Skipped {
            reason: SkipReason::NotImplemented { .. }
        }
    )
}
