//! Range vectors: what functions see of the samples of a series at each step.

use super::eval::{Evaluation, millis};
use super::matrix::{Matrix, Row, STALE, Steps, is_stale};
use super::plan::{Node, Shift, Subquery};
use super::{Change, QueryError, Samples, Version};
use crate::labels::Labels;

/// Samples of one series in the range of a selector, oldest first, without staleness markers; never empty.
pub(super) struct Window<'a> {
    pub(super) samples: &'a [(i64, f64)],
    /// The borders of the range.
    pub(super) start: i64,
    pub(super) end: i64,
    /// The time of the step.
    pub(super) now: i64,
    /// The scalar arguments at this step.
    pub(super) scalars: &'a [f64],
    pub(super) version: Version,
}

impl Window<'_> {
    pub(super) fn values(&self) -> impl Iterator<Item = f64> + Clone {
        self.samples.iter().map(|(_, value)| *value)
    }
}

/// All samples that the windows of a range vector show.
struct Ranged<'a> {
    shift: Shift,
    range: i64,
    series: Box<dyn Iterator<Item = (Labels, Samples)> + 'a>,
}

impl<'a> Evaluation<'a> {
    /// A function of windows, of all series at all steps. Labels keep the name.
    pub(super) fn over_windows(
        &mut self,
        range: &Node,
        scalars: &[Vec<f64>],
        steps: Steps,
        function: impl Fn(&Window<'_>) -> Option<f64>,
    ) -> Result<Matrix, QueryError> {
        let version = self.settings.version;
        let Ranged {
            shift,
            range,
            series,
        } = self.ranged(range, steps)?;
        let mut rows = Matrix::new();
        let mut arguments = vec![0.0; scalars.len()];
        for (labels, samples) in series {
            let (mut first, mut last) = (0, 0);
            let mut values = Vec::new();
            for (step, now) in steps.times().enumerate() {
                let end = shift.of(now);
                let start = end.saturating_sub(range);
                let oldest = start.saturating_add(i64::from(version.is_3()));
                let at = |index: usize| samples.get(index).map(|(at, _)| *at);
                while at(last).is_some_and(|at| at <= end) {
                    last += 1;
                }
                while first < last && at(first).is_some_and(|at| at < oldest) {
                    first += 1;
                }
                let Some(samples @ [_, ..]) = samples.get(first..last) else {
                    continue;
                };
                for (argument, values) in arguments.iter_mut().zip(scalars) {
                    *argument = values.get(step).copied().unwrap_or(f64::NAN);
                }
                let window = Window {
                    samples,
                    start,
                    end,
                    now,
                    scalars: &arguments,
                    version,
                };
                if let Some(value) = function(&window) {
                    values.resize(step, STALE);
                    values.push(value);
                }
            }
            if !values.is_empty() {
                values.resize(steps.count(), STALE);
                rows.push(Row { labels, values });
            }
            self.within_limits(samples.len().max(rows.len().saturating_mul(steps.count())))?;
        }
        Ok(rows)
    }

    /// The samples of a range vector at one time, in scenario milliseconds, ordered by labels.
    pub(super) fn samples(
        &mut self,
        node: &Node,
        at: i64,
    ) -> Result<Vec<(Labels, Samples)>, QueryError> {
        let old = !self.settings.version.is_3();
        let origin = self.world.clock.origin();
        let subquery = matches!(node, Node::Subquery(_));
        let ranged = self.ranged(node, Steps::once(at))?;
        let end = ranged.shift.of(at);
        let start = end.saturating_sub(ranged.range);
        let mut all = Vec::new();
        for (labels, mut samples) in ranged.series {
            samples.retain(|(at, _)| subquery || *at > start || (old && *at == start));
            for (at, _) in &mut samples {
                *at = at.saturating_sub(origin);
            }
            if !samples.is_empty() {
                all.push((labels, samples));
            }
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    fn ranged<'b>(&mut self, node: &'b Node, steps: Steps) -> Result<Ranged<'b>, QueryError>
    where
        'a: 'b,
    {
        match node.unwrapped() {
            Node::Range(source, range) => {
                let (shift, range) = (source.shift, *range);
                let (world, origin) = (self.world, self.world.clock.origin());
                // One before the oldest: its border belongs to the window before v3.
                let after = shift.of(steps.start).saturating_sub(range) - 1;
                let until = shift.of(steps.end);
                let (limit, now) = (self.settings.max_samples, self.now());
                let series = world.matching(&source.selector).map(move |series| {
                    let mut samples = Samples::new();
                    let (after, until) =
                        (after.saturating_sub(origin), until.saturating_sub(origin));
                    let known = series.known_at(now);
                    known.collect(after, until, limit, &mut samples);
                    samples.retain(|(_, value)| !is_stale(*value));
                    for (at, _) in &mut samples {
                        *at = at.saturating_add(origin);
                    }
                    (series.labels.clone(), samples)
                });
                let series = Box::new(series);
                Ok(Ranged {
                    shift,
                    range,
                    series,
                })
            }
            Node::Subquery(subquery) => self.subquery(subquery, steps),
            _ => Err(QueryError::Execution("expected a range vector".to_owned())),
        }
    }

    fn subquery<'b>(
        &mut self,
        subquery: &'b Subquery,
        steps: Steps,
    ) -> Result<Ranged<'b>, QueryError> {
        let step = subquery.step;
        let step = step.unwrap_or_else(|| millis(self.settings.subquery_step).max(1));
        let (shift, range) = (subquery.shift, subquery.range);
        let before = shift.of(steps.start).saturating_sub(range);
        // Steps are multiples of their length since 1970, whatever the query's time.
        let mut start = before / step * step;
        if start < before || (start == before && self.settings.version.is_3()) {
            start += step;
        }
        // What is evaluated behind the last step changes no value, but has notes (`runSubquery`).
        let end = match self.settings.version.has(Change::SubqueriesEndWithSteps) {
            true => steps.last(),
            false => steps.end,
        };
        let inner = Steps {
            start,
            end: shift.of(end),
            step,
        };
        let rows = if inner.count() == 0 {
            Matrix::new()
        } else {
            self.matrix(&subquery.node, inner)?
        };
        let series = rows.into_iter().map(move |row| {
            let samples = inner.times().zip(row.values);
            let samples = samples.filter(|(_, value)| !is_stale(*value));
            (row.labels, samples.collect())
        });
        Ok(Ranged {
            shift,
            range,
            series: Box::new(series),
        })
    }
}
