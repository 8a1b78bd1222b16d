//! What changed between two runs: verdicts, times to settle, overshoots. Pure.

#[cfg(test)]
mod tests;

use std::fmt;

use super::document::Report;
use super::obligations::Word;
use super::outcome::Outcome;
use crate::convergence::Convergence;

/// By how many syncs two counts of the same time may differ: each may be one too high.
const JITTER: u64 = 2;

/// What changed between two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The changes, in the order of the second run; what is in the first alone comes last.
    pub changes: Vec<Change>,
    /// How many scenarios are in both.
    pub in_both: usize,
    /// What was judged before and now.
    pub adapters: [String; 2],
}

/// What changed of one scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its area and name.
    pub scenario: String,
    /// What it is.
    pub what: What,
}

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

impl What {
    /// Whether it is worse than before. What is inconclusive or wasn't run says nothing of the adapter.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        match self {
            Self::Verdict { before, now, .. } => *now == Word::Failed && *before == Word::Passed,
            Self::Settles { before, now, .. } => now > before,
            Self::Overshoot { before, now, .. } => now > before,
            Self::Added { .. } | Self::Gone { .. } => false,
        }
    }
}

impl Comparison {
    /// Compares two runs by the names of their scenarios.
    #[must_use]
    pub fn of(before: &Report, now: &Report) -> Self {
        let of_before = |name: &str| before.scenarios.iter().find(|outcome| outcome.name == name);
        let of_now = |name: &str| now.scenarios.iter().any(|outcome| outcome.name == name);
        let compared = now
            .scenarios
            .iter()
            .flat_map(|outcome| match of_before(&outcome.name) {
                Some(before) => changes(before, outcome),
                None => vec![What::Added {
                    now: outcome.verdict.word(),
                }]
                .into_iter()
                .map(|what| change(outcome, what))
                .collect(),
            });
        let gone = before
            .scenarios
            .iter()
            .filter(|outcome| !of_now(&outcome.name));
        let gone = gone.map(|outcome| {
            let before = outcome.verdict.word();
            change(outcome, What::Gone { before })
        });
        Self {
            changes: compared.chain(gone).collect(),
            in_both: now
                .scenarios
                .iter()
                .filter(|outcome| of_before(&outcome.name).is_some())
                .count(),
            adapters: [before.adapter.to_string(), now.adapter.to_string()],
        }
    }

    /// How a program ends that made this comparison: with 1 where something is worse, with 2 where there was nothing to compare.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if self.in_both == 0 {
            return 2;
        }
        u8::from(
            self.changes
                .iter()
                .any(|change| change.what.is_regression()),
        )
    }
}

fn change(outcome: &Outcome, what: What) -> Change {
    let scenario = outcome.name.clone();
    Change { scenario, what }
}

fn changes(before: &Outcome, now: &Outcome) -> Vec<Change> {
    let (word, was) = (now.verdict.word(), before.verdict.word());
    let verdict = (word != was).then(|| What::Verdict {
        before: was,
        now: word,
        cause: now.verdict.problem().map(|problem| problem.cause.clone()),
    });
    let measured = convergences(before).zip(convergences(now));
    let same =
        measured.filter(|(before, now)| before.deployment == now.deployment && before.to == now.to);
    let measured = same.flat_map(|(before, now)| differences(before, now));
    let whats = verdict.into_iter().chain(measured);
    whats.map(|what| change(now, what)).collect()
}

fn convergences(outcome: &Outcome) -> impl Iterator<Item = &Convergence> {
    outcome
        .steps
        .iter()
        .filter_map(|step| step.convergence.as_ref())
}

fn differences(before: &Convergence, now: &Convergence) -> Vec<What> {
    let (deployment, to) = (&now.deployment, now.to);
    let settles = (before.syncs.abs_diff(now.syncs) > JITTER).then(|| What::Settles {
        deployment: deployment.clone(),
        to,
        before: before.syncs,
        now: now.syncs,
    });
    let overshoot = (before.overshoot != now.overshoot).then(|| What::Overshoot {
        deployment: deployment.clone(),
        to,
        before: before.overshoot,
        now: now.overshoot,
    });
    settles.into_iter().chain(overshoot).collect()
}

/// A line for each change, and how many scenarios were compared.
impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, now] = &self.adapters;
        if before != now {
            writeln!(f, "before   {before}\nnow      {now}")?;
        }
        for Change { scenario, what } in &self.changes {
            let word = if what.is_regression() {
                "WORSE"
            } else {
                "changed"
            };
            writeln!(f, "{word:7}  {scenario}: {what}")?;
        }
        let worse = self
            .changes
            .iter()
            .filter(|change| change.what.is_regression())
            .count();
        write!(
            f,
            "{} scenarios in both reports, {} changes, {worse} for the worse",
            self.in_both,
            self.changes.len()
        )
    }
}
