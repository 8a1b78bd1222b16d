//! The samples of a series: written out by an interval, or listed with their times.

use std::sync::Arc;

use thiserror::Error;

use crate::labels::Labels;
use crate::notation::Point;
use crate::promql::{STALE, is_stale};
use crate::world::MAX_SAMPLES_IN_ALL;

/// Samples from some time on.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) from: i64,
    pub(crate) samples: Played,
    /// Whether a client has written them: then they are known before their time, as in Prometheus. Others are played, and
    /// nobody knows them before.
    pub(crate) is_written: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Played {
    /// One at each interval; the last for ever where it is held.
    Regular {
        interval: i64,
        points: Arc<[Point]>,
        hold: bool,
    },
    /// Times and values, oldest first; [`STALE`] is the staleness marker.
    Listed(Vec<(i64, f64)>),
}

/// One series: its runs in the order of their start. A run ends where the next one starts.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name and labels.
    pub labels: Labels,
    runs: Vec<Run>,
}

impl Series {
    pub(crate) fn new(labels: Labels) -> Self {
        let runs = Vec::new();
        Self { labels, runs }
    }

    /// The same samples with one more label, or with another value of it.
    pub(crate) fn labelled(&self, label: &str, value: &str) -> Self {
        let mut labelled = self.clone();
        labelled.labels.set(label, value);
        labelled
    }

    /// What is known of it at a time: no sample that is played later.
    #[must_use]
    pub fn known_at(&self, now: i64) -> Known<'_> {
        Known { series: self, now }
    }

    /// The newest sample in `(after, until]`; none where that is a staleness marker.
    #[must_use]
    pub fn newest(&self, after: i64, until: i64) -> Option<(i64, f64)> {
        self.known_at(i64::MAX).newest(after, until)
    }

    /// The time of the first sample, whether it is known or not.
    #[must_use]
    pub fn begins(&self) -> Option<i64> {
        let mut samples = Vec::new();
        self.collect(i64::MIN, i64::MAX / 4, 0, &mut samples);
        samples.first().map(|(at, _)| *at)
    }

    /// Adds the samples in `(after, until]` to `samples`, oldest first, until it has more than `limit`.
    pub fn collect(&self, after: i64, until: i64, limit: usize, samples: &mut Vec<(i64, f64)>) {
        self.known_at(i64::MAX)
            .collect(after, until, limit, samples);
    }

    /// Adds a sample that is newer than all others; the same one again is no fault.
    pub(crate) fn append(&mut self, at: i64, value: f64) -> Result<(), AppendError> {
        if let Some((newest, there)) = self.known_at(i64::MAX).last(i64::MIN, i64::MAX) {
            if at < newest {
                return Err(AppendError::OutOfOrder);
            }
            if at == newest {
                let same = there.to_bits() == value.to_bits();
                return same.then_some(()).ok_or(AppendError::Duplicate);
            }
        }
        match self.runs.last_mut() {
            Some(Run {
                samples: Played::Listed(samples),
                is_written: true,
                ..
            }) => samples.push((at, value)),
            _ => self.runs.push(Run {
                from: at,
                samples: Played::Listed(vec![(at, value)]),
                is_written: true,
            }),
        }
        Ok(())
    }

    /// Adds a run; one that starts at the same time is replaced.
    pub(crate) fn add(&mut self, run: Run) {
        let place = self.runs.partition_point(|other| other.from < run.from);
        match self.runs.get_mut(place) {
            Some(other) if other.from == run.from => *other = run,
            _ => {
                // Most series have one run.
                self.runs.reserve_exact(1);
                self.runs.insert(place, run);
            }
        }
    }
}

/// What is known of a series at a time.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    series: &'a Series,
    now: i64,
}

impl Known<'_> {
    /// The newest sample in `(after, until]`; none where that is a staleness marker.
    #[must_use]
    pub fn newest(self, after: i64, until: i64) -> Option<(i64, f64)> {
        self.last(after, until)
            .filter(|(_, value)| !is_stale(*value))
    }

    /// The time of the newest sample up to a time, a staleness marker too.
    #[must_use]
    pub fn last_time(self, until: i64) -> Option<i64> {
        self.last(i64::MIN, until).map(|(at, _)| at)
    }

    /// Whether there is a sample in `(after, until]`, a staleness marker too.
    #[must_use]
    pub fn has_samples(self, after: i64, until: i64) -> bool {
        self.last(after, until).is_some()
    }

    fn last(self, after: i64, until: i64) -> Option<(i64, f64)> {
        let mut end = i64::MAX;
        self.series.runs.iter().rev().find_map(|run| {
            let until = run.known(until, self.now).min(end.saturating_sub(1));
            end = run.from;
            run.last(after, until)
        })
    }

    /// Adds the samples in `(after, until]` to `samples`, oldest first, until it has more than `limit`.
    pub fn collect(self, after: i64, until: i64, limit: usize, samples: &mut Vec<(i64, f64)>) {
        let runs = &self.series.runs;
        for (index, run) in runs.iter().enumerate() {
            let end = runs.get(index + 1).map_or(i64::MAX, |next| next.from);
            let until = run.known(until, self.now).min(end.saturating_sub(1));
            run.collect(after, until, limit, samples);
        }
    }
}

/// Why a sample isn't taken; the texts are Prometheus'.
#[derive(Debug, Error)]
pub(crate) enum AppendError {
    #[error("out of order sample")]
    OutOfOrder,
    #[error("duplicate sample for timestamp")]
    Duplicate,
    #[error("the series hold more than {MAX_SAMPLES_IN_ALL} samples in all")]
    TooManySamples,
}

/// What a point is as a value of a sample.
fn value_of(point: Point) -> Option<f64> {
    match point {
        Point::Missing => None,
        Point::Stale => Some(STALE),
        Point::Value(value) => Some(value),
    }
}

impl Run {
    /// The last time up to `until` of which something is known at `now`.
    fn known(&self, until: i64, now: i64) -> i64 {
        if self.is_written {
            until
        } else {
            until.min(now)
        }
    }

    fn last(&self, after: i64, until: i64) -> Option<(i64, f64)> {
        match &self.samples {
            Played::Listed(samples) => {
                let place = samples.partition_point(|(at, _)| *at <= until);
                let newest = samples.get(place.checked_sub(1)?).copied();
                newest.filter(|(at, _)| *at > after)
            }
            Played::Regular {
                interval,
                points,
                hold,
            } => {
                let mut index = until.saturating_sub(self.from).div_euclid(*interval);
                let end = points.len() as i64 - 1;
                let held = *hold && matches!(points.last(), Some(Point::Value(_)));
                if !held {
                    index = index.min(end);
                }
                while index >= 0 {
                    let at = self.from.saturating_add(index.saturating_mul(*interval));
                    if at <= after {
                        return None;
                    }
                    let point = points.get(index.min(end) as usize);
                    if let Some(value) = point.copied().and_then(value_of) {
                        return Some((at, value));
                    }
                    index -= 1;
                }
                None
            }
        }
    }

    fn collect(&self, after: i64, until: i64, limit: usize, all: &mut Vec<(i64, f64)>) {
        match &self.samples {
            Played::Listed(samples) => {
                let from = samples.partition_point(|(at, _)| *at <= after);
                let to = samples.partition_point(|(at, _)| *at <= until);
                all.extend(samples.get(from..to).unwrap_or_default());
            }
            Played::Regular {
                interval,
                points,
                hold,
            } => {
                let place = |time: i64| time.saturating_sub(self.from).div_euclid(*interval);
                let first = place(after).saturating_add(1).max(0);
                let end = points.len() as i64 - 1;
                let held = *hold && matches!(points.last(), Some(Point::Value(_)));
                let last = if held {
                    place(until)
                } else {
                    place(until).min(end)
                };
                // A held series has no end; what it is asked for is limited.
                let count = (last.saturating_sub(first) + 1).clamp(0, points.len() as i64 + 1);
                all.reserve(count as usize);
                for index in first..=last {
                    let point = points.get(index.min(end) as usize);
                    if let Some(value) = point.copied().and_then(value_of) {
                        all.push((self.from + index * interval, value));
                    }
                    if all.len() > limit {
                        return;
                    }
                }
            }
        }
    }
}
