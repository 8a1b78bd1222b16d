//! A change, in words.

use std::collections::BTreeMap;

use crate::report::Word;

/// A change.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum What {
    /// It has another verdict.
    #[error("{before} before, {now} now{}", why(.cause))]
    Verdict {
        /// Of the first run.
        before: Word,
        /// Of the second.
        now: Word,
        /// The cause, where it is a problem now.
        cause: Option<String>,
    },
    /// It fails as before, and breaks other obligations.
    #[error("failed before and now, {}", others(.newly, .no_longer))]
    Obligations {
        /// Those that fail now and did not, each with its verdict of the first run.
        newly: BTreeMap<String, Word>,
        /// Those that failed and pass now.
        no_longer: Vec<String>,
    },
    /// Replicas settle after another number of syncs.
    #[error("{deployment} settles at {to} after {now} syncs; {before} before")]
    Settles {
        /// The Deployment.
        deployment: String,
        /// The number that it settles at.
        to: i32,
        /// Of the first run.
        before: u64,
        /// Of the second.
        now: u64,
    },
    /// Replicas go beyond the number that they settle at by another number.
    #[error("{deployment} goes {now} beyond {to}; {before} before")]
    Overshoot {
        /// The Deployment.
        deployment: String,
        /// The number that it settles at.
        to: i32,
        /// Of the first run.
        before: u32,
        /// Of the second.
        now: u32,
    },
    /// It is in the second run alone.
    #[error("was not run before; {now} now")]
    Added {
        /// Its verdict.
        now: Word,
    },
    /// It is in the first run alone.
    #[error("{before} before; was not run now")]
    Gone {
        /// Its verdict.
        before: Word,
    },
}

fn why(cause: &Option<String>) -> String {
    cause
        .as_ref()
        .map_or_else(String::new, |cause| format!(": {cause}"))
}

/// `now by C22 (passed before) too, no longer by C21`
fn others(newly: &BTreeMap<String, Word>, no_longer: &[String]) -> String {
    let mut parts = Vec::new();
    if !newly.is_empty() {
        let newly = newly.iter();
        let newly: Vec<String> = newly
            .map(|(id, before)| format!("{id} ({before} before)"))
            .collect();
        parts.push(format!("now by {} too", newly.join(", ")));
    }
    if !no_longer.is_empty() {
        parts.push(format!("no longer by {}", no_longer.join(", ")));
    }
    parts.join(", ")
}

impl What {
    /// Whether it is worse than before. What is inconclusive or wasn't run says nothing of the adapter.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        match self {
            Self::Verdict { before, now, .. } => *now == Word::Failed && *before == Word::Passed,
            Self::Obligations { newly, no_longer } => {
                let passed = |before: &Word| *before == Word::Passed;
                // A scenario that gets further than before shows what nobody saw then.
                let gets_further = !no_longer.is_empty();
                newly.values().any(passed) || !(newly.is_empty() || gets_further)
            }
            Self::Settles { before, now, .. } => now > before,
            Self::Overshoot { before, now, .. } => now > before,
            Self::Added { .. } | Self::Gone { .. } => false,
        }
    }
}
