//! What relists have found out so far.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use setpoint_rules::{RestMapper, Rule, Rules, SeriesNames, SeriesQuery};
use tokio::time::Instant;

use super::relist::RelistError;
use super::{Question, Snapshot};
use crate::metrics::RuleName;
use crate::prometheus::FoundSeries;

/// The most names of series that all answers together may have; each costs about 300 bytes.
const MAX_NAMES: usize = 100_000;

/// The rules, and the last good answers to what they ask.
#[derive(Default)]
pub(super) struct Known {
    discovery: Discovery,
    relists: BTreeMap<Question, RelistState>,
    changed: bool,
}

/// What metrics are made of.
#[derive(Clone, Default)]
pub(super) struct Discovery {
    rules: Option<Rules>,
    mapper: Arc<RestMapper>,
    series: BTreeMap<SeriesQuery, Arc<SeriesNames>>,
}

/// A good answer.
pub(super) enum Answer {
    Resources(RestMapper),
    Series(SeriesQuery, FoundSeries),
}

/// How the relists of a question go.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RelistState {
    /// Whether one has ended.
    pub(crate) attempted: bool,
    /// When the last good one ended.
    pub(crate) succeeded: Option<(Instant, SystemTime)>,
    /// How many series it found.
    pub(crate) series: u64,
    /// How long the last one took.
    pub(crate) took: Duration,
    /// The kind of failure of the last one.
    pub(crate) failure: Option<&'static str>,
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
            Answer::Series(asked, FoundSeries { names: new, .. }) => {
                let known = series.get(&asked);
                if known.is_some_and(|known| **known == new) {
                    return Ok(());
                }
                let names: usize = series.values().map(|names| names.len()).sum();
                let before = known.map_or(0, |known| known.len());
                if names - before + new.len() > MAX_NAMES {
                    return Err(RelistError::TooManyNames { limit: MAX_NAMES });
                }
                series.insert(asked, Arc::new(new));
                self.changed = true;
            }
        }
        Ok(())
    }

    /// A relist has ended, and found so many series or failed.
    pub(super) fn relist_ended(
        &mut self,
        question: &Question,
        took: Duration,
        outcome: Result<u64, &'static str>,
    ) {
        let mut state = self.relist_state(question);
        state.attempted = true;
        state.took = took;
        state.failure = outcome.err();
        if let Ok(series) = outcome {
            state.series = series;
            state.succeeded = Some((Instant::now(), SystemTime::now()));
        }
        self.relists.insert(question.clone(), state);
    }

    /// How the relists of a question go.
    pub(super) fn relist_state(&self, question: &Question) -> RelistState {
        self.relists.get(question).copied().unwrap_or_default()
    }

    /// The rules that ask a question.
    pub(super) fn askers(&self, question: &Question) -> Vec<RuleName> {
        let asks = |rule: &Rule| matches!(question, Question::Series(asked) if asked == rule.series_asked());
        let rules = self.discovery.rules.iter().flat_map(named_rules);
        let askers = rules.filter(|(_, rule)| asks(rule));
        askers.map(|(name, _)| name).collect()
    }

    /// Takes new rules in place of the old ones, and forgets what only those asked.
    pub(super) fn replace_rules(&mut self, rules: Rules) {
        let asked = Question::of(&rules);
        self.relists.retain(|question, _| asked.contains(question));
        let series = &mut self.discovery.series;
        series.retain(|query, _| asked.contains(&Question::Series(query.clone())));
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
        asked.iter().all(|asked| self.relists.contains_key(asked))
    }

    /// What metrics are made of, if it has changed since the last time.
    pub(super) fn discovery_if_changed(&mut self) -> Option<Discovery> {
        std::mem::take(&mut self.changed).then(|| self.discovery.clone())
    }
}

impl Answer {
    /// How many series there are.
    pub(super) fn series(&self) -> u64 {
        match self {
            Self::Resources(_) => 0,
            Self::Series(_, found) => found.count,
        }
    }
}

impl Discovery {
    pub(super) fn snapshot(&self) -> Snapshot {
        let series = |asked: &SeriesQuery| self.series.get(asked).map(|names| &**names);
        let rules = self.rules.as_ref();
        rules.map_or_else(Snapshot::default, |rules| Snapshot {
            custom: rules.discover(series, self.mapper.clone()),
            external: rules.discover_external(series, self.mapper.clone()),
            usage: rules.usage().cloned(),
            mapper: self.mapper.clone(),
        })
    }
}

/// All rules that have a `seriesQuery`, by name.
pub(super) fn named_rules(rules: &Rules) -> impl Iterator<Item = (RuleName, &Rule)> {
    let custom = rules.custom().iter();
    let custom = custom.map(|rule| (RuleName::Custom(rule.position()), &**rule));
    let external = rules.external().iter();
    custom.chain(external.map(|rule| (RuleName::External(rule.position()), &**rule)))
}
