//! How scenarios end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::obligations::Word;

use crate::outcome::{HarnessProblem, Kind, Owner, Unmet};

/// How a scenario ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", tag = "verdict")]
pub enum Verdict {
    /// Everything was as expected.
    Passed,
    /// The adapter did something that the scenario doesn't allow.
    Failed(Problem),
    /// Nothing can be said of the adapter: the cluster or the harness didn't do its part.
    Inconclusive(Problem),
    /// It wasn't run.
    Skipped {
        /// Why not.
        reason: SkipReason,
    },
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Whose it is: that of a failed scenario is the adapter's.
    pub owner: Owner,
    /// Its kind, for programs.
    pub kind: Kind,
    /// What was expected and what was seen, in one line, for people.
    pub cause: String,
}

impl Verdict {
    /// The verdict of a scenario that did not come to its end.
    pub(crate) fn interrupted() -> Self {
        Self::from(&Unmet::from(HarnessProblem::Interrupted))
    }

    /// The same of a scenario that installed another adapter than the one that is judged, which nothing is known of then.
    pub(crate) fn of_no_adapter(self) -> Self {
        match self {
            Self::Failed(problem) => Self::Inconclusive(Problem {
                owner: Owner::Cluster,
                ..problem
            }),
            other => other,
        }
    }

    /// The verdict in a word.
    #[must_use]
    pub fn word(&self) -> Word {
        Word::from(self)
    }

    /// What went wrong, if something did.
    #[must_use]
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Failed(problem) | Self::Inconclusive(problem) => Some(problem),
            Self::Passed | Self::Skipped { .. } => None,
        }
    }
}

/// A scenario fails by what the adapter did, and by nothing else.
impl From<&Unmet> for Verdict {
    fn from(unmet: &Unmet) -> Self {
        let problem = Problem {
            owner: unmet.owner(),
            kind: unmet.kind(),
            cause: unmet.to_string(),
        };
        match problem.owner {
            Owner::Adapter => Self::Failed(problem),
            Owner::Cluster | Owner::Harness => Self::Inconclusive(problem),
        }
    }
}

/// Why a scenario isn't run: there are no other reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum SkipReason {
    /// The control plane's programs aren't there.
    #[error("no local cluster: {why}")]
    NoCluster {
        /// What is missing.
        why: String,
    },
    /// The cluster can't do what the scenario needs.
    #[error("{cluster} can't do {need}: {why}")]
    NotCapable {
        /// The backend.
        cluster: String,
        /// What it lacks.
        need: String,
        /// Why it does.
        why: String,
    },
    /// The scenario has a real Prometheus scrape, and there is none that can.
    #[error("no real Prometheus: {why}")]
    NoPrometheus {
        /// What is missing, and what helps.
        why: String,
    },
    /// The adapter doesn't claim to do what the scenario is about.
    #[error("{adapter} doesn't do {need}: {why}")]
    NotImplemented {
        /// The adapter.
        adapter: String,
        /// What it lacks.
        need: String,
        /// Why it does.
        why: String,
    },
}

/// How many scenarios ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that passed.
    pub passed: usize,
    /// Those that failed by what the adapter did.
    pub failed: usize,
    /// Those that say nothing of the adapter.
    pub inconclusive: usize,
    /// Those that weren't run.
    pub skipped: usize,
}

impl Counts {
    /// The same without that many failures, which are known; they count as passed.
    pub(super) fn with_known(self, known: usize) -> Self {
        Self {
            failed: self.failed.saturating_sub(known),
            passed: self.passed + known.min(self.failed),
            ..self
        }
    }

    pub(super) fn of<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Self {
        let mut counts = Self::default();
        for verdict in verdicts {
            *match verdict {
                Verdict::Passed => &mut counts.passed,
                Verdict::Failed(_) => &mut counts.failed,
                Verdict::Inconclusive(_) => &mut counts.inconclusive,
                Verdict::Skipped { .. } => &mut counts.skipped,
            } += 1;
        }
        counts
    }

    /// 1 when something failed, else 0 when something passed and nothing is inconclusive, else 3.
    pub(super) fn exit_code(self) -> u8 {
        match self {
            Self { failed: 1.., .. } => 1,
            Self {
                passed: 1..,
                inconclusive: 0,
                ..
            } => 0,
            _ => 3,
        }
    }
}

/// `3 passed, 1 failed, 0 inconclusive, 2 skipped`
impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            passed,
            failed,
            inconclusive,
            skipped,
        } = self;
        write!(
            f,
            "{passed} passed, {failed} failed, {inconclusive} inconclusive, {skipped} skipped"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_adapter_did_is_no_failure_of_the_one_that_is_judged() {
        let failed = Verdict::Failed(Problem {
            owner: Owner::Adapter,
            kind: Kind::UnexpectedStatus,
            cause: "200".to_owned(),
        });
        let verdict = failed.of_no_adapter();
        assert_eq!(verdict.problem().unwrap().owner, Owner::Cluster);
        assert!(matches!(verdict, Verdict::Inconclusive(_)));
        assert_eq!(Verdict::Passed.of_no_adapter(), Verdict::Passed);
    }

    #[test]
    fn a_failure_wins_over_what_is_inconclusive_and_nothing_passed_is_no_success() {
        let code = |passed, failed, inconclusive, skipped| {
            let counts = Counts {
                passed,
                failed,
                inconclusive,
                skipped,
            };
            counts.exit_code()
        };
        assert_eq!(code(1, 0, 0, 1), 0);
        assert_eq!(code(1, 1, 1, 1), 1);
        assert_eq!(code(0, 1, 0, 0), 1);
        assert_eq!(code(1, 0, 1, 0), 3);
        assert_eq!(code(0, 0, 0, 7), 3);
        assert_eq!(code(0, 0, 0, 0), 3);
    }
}
