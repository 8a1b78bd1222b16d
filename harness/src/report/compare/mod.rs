//! What changed between two runs: verdicts, obligations that fail, times to settle, overshoots. Pure.

mod scenario;
#[cfg(test)]
mod tests;
mod what;

use std::fmt;

use super::document::Report;
use super::outcome::Outcome;

pub use what::What;

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

impl Comparison {
    /// Compares two runs by the names of their scenarios.
    #[must_use]
    pub fn of(before: &Report, now: &Report) -> Self {
        let of_before = |name: &str| before.scenarios.iter().find(|outcome| outcome.name == name);
        let of_now = |name: &str| now.scenarios.iter().any(|outcome| outcome.name == name);
        let compared = now.scenarios.iter().flat_map(|outcome| {
            let whats = match of_before(&outcome.name) {
                Some(before) => scenario::changes(before, outcome),
                None => vec![What::Added {
                    now: outcome.verdict.word(),
                }],
            };
            whats.into_iter().map(move |what| change(outcome, what))
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
