//! What a run says of each obligation that its scenarios prove.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Outcome, Report, Verdict};
use crate::matrix::{Level, Matrix};
use crate::outcome::Owner;

/// The verdict on an obligation, of all scenarios that prove it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Obligation {
    /// Its id, as scenarios name it by `proves`.
    pub id: String,
    /// Whom it binds; nothing where the matrix of this program has no such id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// What holds, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentence: Option<String>,
    /// The worst of its scenarios' verdicts on it.
    pub verdict: Word,
    /// Whose problem it is, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The scenarios that prove it.
    pub scenarios: Vec<String>,
}

/// `C04 (MUST): metricLabelSelector selects the series that are measured`
impl fmt::Display for Obligation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)?;
        if let Some(level) = self.level {
            write!(f, " ({})", level.name())?;
        }
        match &self.sentence {
            Some(sentence) => write!(f, ": {sentence}"),
            None => Ok(()),
        }
    }
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
pub(super) fn obligations(outcomes: &[Outcome], matrix: Option<&Matrix>) -> Vec<Obligation> {
    let mut all: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        for id in &outcome.proves {
            all.entry(id).or_default().push(outcome);
        }
    }
    let verdict = |(id, outcomes): (&str, Vec<&Outcome>)| {
        let word = |outcome: &Outcome| outcome.verdict_on(id);
        let worst = outcomes.iter().min_by_key(|outcome| word(outcome))?;
        let problem = worst.verdict.problem();
        let problem = problem.filter(|_| word(worst) == Word::from(&worst.verdict));
        let entry = matrix.and_then(|matrix| matrix.find(id));
        let (level, sentence) = entry
            .map(|(_, entry)| (entry.level, entry.sentence.clone()))
            .unzip();
        Some(Obligation {
            id: id.to_owned(),
            level,
            sentence,
            verdict: word(worst),
            owner: problem.map(|problem| problem.owner),
            scenarios: outcomes
                .iter()
                .map(|outcome| outcome.name.clone())
                .collect(),
        })
    };
    all.into_iter().filter_map(verdict).collect()
}

/// What a scenario says of each obligation that it proves. `steps` has the obligations that each step is about, and `ended` is the step that didn't go
/// as the scenario says, if it was a step.
///
/// A step that fails is about the obligations that it names, else about all that no step before it has shown, or about all where each has been shown.
/// Nothing is said of any other one that hasn't been shown.
pub(crate) fn verdicts(
    proves: &[String],
    steps: &[&[String]],
    ended: Option<usize>,
    word: Word,
) -> BTreeMap<String, Word> {
    let split = ended.and_then(|index| steps.split_at_checked(index));
    let (before, after, failed) = match split {
        Some((before, after @ [failed, ..])) if word == Word::Failed => (before, after, *failed),
        _ => return proves.iter().map(|id| (id.clone(), word)).collect(),
    };
    let names = |steps: &[&[String]], id: &String| steps.iter().any(|step| step.contains(id));
    let is_shown = |id: &String| names(before, id) && !names(after, id);
    let all_are_shown = proves.iter().all(is_shown);
    let verdict = |id: &String| {
        let is_rest = failed.is_empty() && (all_are_shown || !is_shown(id));
        if failed.contains(id) || is_rest {
            Word::Failed
        } else if is_shown(id) {
            Word::Passed
        } else {
            Word::Inconclusive
        }
    };
    proves.iter().map(|id| (id.clone(), verdict(id))).collect()
}

impl Outcome {
    /// What the scenario says of an obligation that it proves.
    #[must_use]
    pub fn verdict_on(&self, id: &str) -> Word {
        let word = self.obligations.get(id).copied();
        // Reports of before have none.
        word.unwrap_or_else(|| Word::from(&self.verdict))
    }
}

impl Report {
    /// The obligations that a scenario's failure breaks.
    pub(super) fn broken_by<'a>(
        &'a self,
        outcome: &'a Outcome,
    ) -> impl Iterator<Item = &'a Obligation> {
        let is_broken = |obligation: &&Obligation| {
            outcome.proves.contains(&obligation.id)
                && outcome.verdict_on(&obligation.id) == Word::Failed
        };
        self.obligations.iter().filter(is_broken)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;

    #[test]
    fn an_obligation_has_the_worst_verdict_of_its_scenarios_and_its_owner() {
        let outcomes = report().scenarios;
        let told = |outcomes: &[Outcome]| {
            let all = obligations(outcomes, None);
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

    #[test]
    fn an_obligation_has_its_level_and_its_sentence() {
        let matrix = crate::matrix::matrix().unwrap();
        let obligation = &obligations(&report().scenarios, Some(matrix))[0];
        let (_, entry) = matrix.find("H21").unwrap();
        assert_eq!(obligation.level, Some(entry.level));
        assert_eq!(
            obligation.to_string(),
            format!("H21 ({}): {}", entry.level.name(), entry.sentence)
        );
    }

    /// The verdicts on A, B and C of a scenario of four steps.
    fn told(steps: [&str; 4], ended: Option<usize>, word: Word) -> String {
        let ids = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let steps = steps.map(ids);
        let steps: Vec<&[String]> = steps.iter().map(Vec::as_slice).collect();
        let verdicts = verdicts(&ids("ABC"), &steps, ended, word);
        let told = verdicts.iter().map(|(id, word)| format!("{id} {word}"));
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_step_that_fails_breaks_what_it_names_and_leaves_what_was_shown_before() {
        let steps = ["", "A", "B", "C"];
        let failed = |ended| told(steps, Some(ended), Word::Failed);
        assert_eq!(failed(2), "A passed, B failed, C inconclusive");
        assert_eq!(failed(0), "A failed, B failed, C failed");
        assert_eq!(
            told(["A", "B", "", "A"], Some(2), Word::Failed),
            "A failed, B passed, C failed"
        );
        assert_eq!(
            told(["", "", "B", ""], Some(2), Word::Failed),
            "A inconclusive, B failed, C inconclusive"
        );
        assert_eq!(
            told(["A", "BC", "", ""], Some(3), Word::Failed),
            "A failed, B failed, C failed"
        );
        assert_eq!(
            told(steps, Some(2), Word::Inconclusive),
            "A inconclusive, B inconclusive, C inconclusive"
        );
        assert_eq!(
            told(steps, None, Word::Failed),
            "A failed, B failed, C failed"
        );
        assert_eq!(
            told(steps, None, Word::Passed),
            "A passed, B passed, C passed"
        );
    }
}
