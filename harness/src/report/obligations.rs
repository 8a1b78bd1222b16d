//! What a run says of each obligation that its scenarios prove.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outcome, Verdict};
use crate::outcome::Owner;

/// The verdict on an obligation, of all scenarios that prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// Its id, as scenarios name it by `proves`.
    pub id: String,
    /// The worst of its scenarios' verdicts.
    pub verdict: Word,
    /// Whose problem it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The scenarios that prove it.
    pub scenarios: Vec<String>,
}

/// A verdict in a word. The order is from what is worst.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Word {
    /// The adapter did something wrong.
    Failed,
    /// Nothing can be said of the adapter.
    Inconclusive,
    /// Everything was as expected.
    Passed,
    /// Nothing was run.
    Skipped,
}

shown_as_written!(Word);

impl From<&Verdict> for Word {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Passed => Self::Passed,
            Verdict::Failed(_) => Self::Failed,
            Verdict::Inconclusive(_) => Self::Inconclusive,
            Verdict::Skipped { .. } => Self::Skipped,
        }
    }
}

/// The verdict on each obligation that one of the scenarios proves, by id.
pub(super) fn obligations(outcomes: &[Outcome]) -> Vec<Obligation> {
    let mut all: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        for id in &outcome.proves {
            all.entry(id).or_default().push(outcome);
        }
    }
    let verdict = |(id, outcomes): (&str, Vec<&Outcome>)| {
        let worst = outcomes
            .iter()
            .min_by_key(|outcome| Word::from(&outcome.verdict))?;
        Some(Obligation {
            id: id.to_owned(),
            verdict: Word::from(&worst.verdict),
            owner: worst.verdict.problem().map(|problem| problem.owner),
            scenarios: outcomes
                .iter()
                .map(|outcome| outcome.name.clone())
                .collect(),
        })
    };
    all.into_iter().filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn an_obligation_has_the_worst_verdict_of_its_scenarios_and_its_owner() {
        let outcomes = report().scenarios;
        let told = |outcomes: &[Outcome]| {
            let all = obligations(outcomes);
            assert_eq!(all.len(), 1, "{all:?}");
            (all[0].verdict, all[0].owner, all[0].scenarios.len())
        };
        // Passed, failed, skipped, inconclusive.
        assert_eq!(told(&outcomes), (Word::Failed, Some(Owner::Adapter), 4));
        assert_eq!(
            told(&outcomes[2..]),
            (Word::Inconclusive, Some(Owner::Cluster), 2)
        );
        let passed = [outcomes[0].clone(), outcomes[2].clone()];
        assert_eq!(told(&passed), (Word::Passed, None, 2));
        assert_eq!(told(&outcomes[2..3]), (Word::Skipped, None, 1));
    }
}
