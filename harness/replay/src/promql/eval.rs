//! The evaluation of plans.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::functions::Call;
use super::matrix::{Matrix, Row, STALE, Steps, without_names};
use super::plan::{Node, Source};
use super::{Change, QueryError, Settings};
use crate::World;

/// One evaluation: what it reads, its limits, and what it notes on the way.
///
/// Its times are those of the scenario, shifted by [`crate::ClockMap::origin`], so that `time()` and the steps of
/// subqueries are those of the wall clock as long as the scenario isn't sped up.
pub(super) struct Evaluation<'a> {
    pub(super) world: &'a World,
    pub(super) settings: &'a Settings,
    started: Instant,
    warnings: BTreeSet<String>,
    infos: BTreeSet<String>,
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(world: &'a World, settings: &'a Settings, started: Instant) -> Self {
        Self {
            world,
            settings,
            started,
            warnings: BTreeSet::new(),
            infos: BTreeSet::new(),
        }
    }

    /// Notes something that is likely wrong.
    pub(super) fn warn(&mut self, text: String) {
        if self.settings.version.has(Change::Notes) {
            self.warnings.insert(format!("PromQL warning: {text}"));
        }
    }

    /// Notes something that may be meant otherwise.
    pub(super) fn inform(&mut self, text: String) {
        if self.settings.version.has(Change::Notes) {
            self.infos.insert(format!("PromQL info: {text}"));
        }
    }

    /// Warnings and infos, each once.
    pub(super) fn notes(self) -> (Vec<String>, Vec<String>) {
        let list = |notes: BTreeSet<String>| notes.into_iter().collect();
        let (mut warnings, mut infos) = (self.warnings, self.infos);
        if !self.settings.version.has(Change::InfosApart) {
            warnings.append(&mut infos);
        }
        (list(warnings), list(infos))
    }

    /// Refuses to go on after the time-out, or to hold so many samples at once.
    pub(super) fn within_limits(&self, samples: usize) -> Result<(), QueryError> {
        let timeout = self.settings.timeout;
        if self.started.elapsed() > timeout {
            return Err(QueryError::TimedOut(timeout));
        }
        if samples > self.settings.max_samples {
            return Err(QueryError::TooManySamples);
        }
        Ok(())
    }

    /// The rows of an expression of any type but text and range vector.
    pub(super) fn matrix(&mut self, node: &Node, steps: Steps) -> Result<Matrix, QueryError> {
        let count = steps.count();
        self.within_limits(count)?;
        match node {
            Node::Number(number) => Ok(vec![Row::unlabelled(vec![*number; count])]),
            Node::Once(node) => self.once(node, steps),
            Node::Instant(source) => self.selected(source, steps, |_, value| value),
            Node::Negative(node) => {
                let rows = self.matrix(node, steps)?.into_iter();
                let negated = rows.map(|row| row.changed(|_, value| Some(-value)));
                let are_joined = self.settings.version.has(Change::EqualRowsJoin);
                without_names(negated.collect(), are_joined)
            }
            Node::Aggregate(aggregation) => self.aggregate(aggregation, steps),
            Node::Binary(binary) => self.binary(binary, steps),
            Node::Call(function, args) => function.call(self, Call { args, steps }),
            // Types are checked by the plan, so these are only reached through a fault of it.
            Node::Text(_) | Node::Range(..) | Node::Subquery(_) => Err(QueryError::Execution(
                "unexpected type of expression".to_owned(),
            )),
        }
    }

    /// The values of a scalar expression, one for each step.
    pub(super) fn scalar(&mut self, node: &Node, steps: Steps) -> Result<Vec<f64>, QueryError> {
        let rows = self.matrix(node, steps)?;
        let values = rows.into_iter().next().map(|row| row.values);
        Ok(values.unwrap_or_else(|| vec![f64::NAN; steps.count()]))
    }

    fn once(&mut self, node: &Node, steps: Steps) -> Result<Matrix, QueryError> {
        let mut rows = self.matrix(node, Steps::once(steps.start))?;
        self.within_limits(rows.len().saturating_mul(steps.count()))?;
        for row in &mut rows {
            let value = row.at(0).unwrap_or(STALE);
            row.values.resize(steps.count(), value);
        }
        Ok(rows)
    }

    /// What an instant selector selects; `tell` makes the value of a sample's time (milliseconds) and value.
    pub(super) fn selected(
        &self,
        source: &Source,
        steps: Steps,
        tell: impl Fn(i64, f64) -> f64,
    ) -> Result<Matrix, QueryError> {
        let origin = self.world.clock.origin();
        let lookback = self.lookback();
        let mut rows = Matrix::new();
        for series in self.world.matching(&source.selector) {
            let known = series.known_at(self.now());
            let mut values = Vec::new();
            for (step, time) in steps.times().enumerate() {
                let until = source.shift.of(time).saturating_sub(origin);
                let newest = known.newest(until.saturating_sub(lookback), until);
                if let Some((at, value)) = newest {
                    values.resize(step, STALE);
                    values.push(tell(at.saturating_add(origin), value));
                }
            }
            if !values.is_empty() {
                values.resize(steps.count(), STALE);
                rows.push(Row {
                    labels: series.labels.clone(),
                    values,
                });
                self.within_limits(rows.len().saturating_mul(steps.count()))?;
            }
        }
        Ok(rows)
    }

    /// The scenario time after which no played sample is known.
    pub(super) fn now(&self) -> i64 {
        self.settings.now.unwrap_or(i64::MAX)
    }

    /// How far an instant selector looks back, milliseconds, not including that time itself.
    fn lookback(&self) -> i64 {
        millis(self.settings.lookback) + i64::from(!self.settings.version.is_3())
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}
