//! The report of a run: one document, of which all others are made.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::judged::Judged;
use super::known::{Expired, NotFailing};
use super::obligations::{Obligation, Word, obligations};
use super::outcome::Outcome;
use super::verdict::Counts;
use crate::matrix::matrix;

/// The version of the report's format.
pub(super) const API_VERSION: &str = "setpoint.dev/report/v1alpha2";

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `setpoint.dev/report/v1alpha2`
    pub api_version: String,
    /// The version of the program that judged.
    pub setpoint: String,
    /// What was judged.
    pub adapter: Judged,
    /// Whether the user ended it early.
    pub interrupted: bool,
    /// Wall time of the whole run.
    pub seconds: f64,
    /// The verdict on each obligation that the scenarios prove.
    pub obligations: Vec<Obligation>,
    /// What is known to fail and passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_failing: Vec<NotFailing>,
    /// What was known to fail until a day that is over, and still fails.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expired: Vec<Expired>,
    /// The scenarios, in the order given.
    pub scenarios: Vec<Outcome>,
}

impl Report {
    pub(crate) fn new(
        adapter: Judged,
        interrupted: bool,
        elapsed: Duration,
        mut scenarios: Vec<Outcome>,
    ) -> Self {
        for outcome in &mut scenarios {
            outcome.again = outcome.command(&adapter);
        }
        Self {
            api_version: API_VERSION.to_owned(),
            setpoint: env!("CARGO_PKG_VERSION").to_owned(),
            // A test reads the matrix, so that it is there.
            obligations: obligations(&scenarios, matrix().ok()),
            not_failing: Vec::new(),
            expired: Vec::new(),
            adapter,
            interrupted,
            seconds: elapsed.as_secs_f64(),
            scenarios,
        }
    }

    /// How many scenarios ended in which way.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.scenarios.iter().map(|outcome| &outcome.verdict))
    }

    /// How many obligations and facts have which verdict: `1 failed, 276 passed`.
    pub(super) fn obligations_counted(&self) -> String {
        let mut counts: BTreeMap<Word, usize> = BTreeMap::new();
        for obligation in &self.obligations {
            *counts.entry(obligation.verdict).or_default() += 1;
        }
        let counts = counts.iter();
        let counts: Vec<String> = counts
            .map(|(word, count)| format!("{count} {word}"))
            .collect();
        counts.join(", ")
    }

    /// The part of the scenarios' time that these seconds are, in percent.
    pub(super) fn share(&self, seconds: f64) -> f64 {
        let all: f64 = self.scenarios.iter().map(|outcome| outcome.seconds).sum();
        if all > 0.0 {
            100.0 * seconds / all
        } else {
            0.0
        }
    }

    /// How a program that made this report ends: with 1 when a scenario failed that isn't known to fail, or one passed that
    /// is, else with 3 when one is inconclusive, the run was interrupted, something is left behind or nothing passed, else
    /// with 0.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        if !self.not_failing.is_empty() {
            return 1;
        }
        let is_left = self.scenarios.iter().any(|outcome| outcome.left.is_some());
        let known = self
            .scenarios
            .iter()
            .filter(|outcome| outcome.known.is_some());
        match self.counts().with_known(known.count()).exit_code() {
            0 if self.interrupted || is_left => 3,
            code => code,
        }
    }

    /// What is wrong with the file of known failures, a sentence each.
    pub(super) fn problems_of_known_failures(&self) -> impl Iterator<Item = String> {
        let passing = self.not_failing.iter().map(ToString::to_string);
        passing.chain(self.expired.iter().map(ToString::to_string))
    }
}
