//! What relists have found out so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use setpoint_rules::{Metrics, RestMapper, Rules, SeriesNames};

use super::Question;
use super::relist::RelistError;

/// The most names of series that all answers together may have; each costs about 300 bytes.
const MAX_NAMES: usize = 100_000;

/// The rules, and the last good answers to what they ask.
#[derive(Default)]
pub(super) struct Known {
    discovery: Discovery,
    attempted: BTreeSet<Question>,
    changed: bool,
}

/// What metrics are made of.
#[derive(Clone, Default)]
pub(super) struct Discovery {
    rules: Option<Rules>,
    mapper: Arc<RestMapper>,
    series: BTreeMap<String, Arc<SeriesNames>>,
}

/// A good answer.
pub(super) enum Answer {
    Resources(RestMapper),
    /// Of this `seriesQuery`.
    Series(String, SeriesNames),
}

impl Known {
    /// Keeps an answer in place of the last one.
    pub(super) fn take(&mut self, answer: Answer) -> Result<(), RelistError> {
        let Discovery { mapper, series, .. } = &mut self.discovery;
        match answer {
            Answer::Resources(new) if new == **mapper => {}
            Answer::Resources(new) => {
                *mapper = Arc::new(new);
                self.changed = true;
            }
            Answer::Series(selector, new) => {
                let known = series.get(&selector);
                if known.is_some_and(|known| **known == new) {
                    return Ok(());
                }
                let names: usize = series.values().map(|names| names.len()).sum();
                let before = known.map_or(0, |known| known.len());
                if names - before + new.len() > MAX_NAMES {
                    return Err(RelistError::TooManyNames { limit: MAX_NAMES });
                }
                series.insert(selector, Arc::new(new));
                self.changed = true;
            }
        }
        Ok(())
    }

    pub(super) fn attempt_ended(&mut self, question: &Question) {
        if !self.attempted.contains(question) {
            self.attempted.insert(question.clone());
        }
    }

    /// Takes new rules in place of the old ones, and forgets what only those asked.
    pub(super) fn replace_rules(&mut self, rules: Rules) {
        let asked = Question::of(&rules);
        self.attempted.retain(|question| asked.contains(question));
        let series = &mut self.discovery.series;
        series.retain(|selector, _| asked.contains(&Question::Series(selector.clone())));
        self.discovery.rules = Some(rules);
        self.changed = true;
    }

    /// Whether all that the rules ask was asked once.
    pub(super) fn attempted(&self) -> bool {
        let rules = self.discovery.rules.as_ref();
        rules.is_some_and(|rules| self.attempted_by(rules))
    }

    /// Whether all that these rules ask was asked once.
    pub(super) fn attempted_by(&self, rules: &Rules) -> bool {
        let asked = Question::of(rules);
        asked.iter().all(|asked| self.attempted.contains(asked))
    }

    /// What metrics are made of, if it has changed since the last time.
    pub(super) fn discovery_if_changed(&mut self) -> Option<Discovery> {
        std::mem::take(&mut self.changed).then(|| self.discovery.clone())
    }
}

impl Discovery {
    pub(super) fn metrics(&self) -> Metrics {
        let series = |selector: &str| self.series.get(selector).map(|names| &**names);
        let rules = self.rules.as_ref();
        rules.map_or_else(Metrics::default, |rules| {
            rules.discover(series, self.mapper.clone())
        })
    }
}
