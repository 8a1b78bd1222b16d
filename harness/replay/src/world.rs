//! The immutable snapshot that questions are answered from.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use thiserror::Error;

use crate::labels::{Labels, Texts};
use crate::notation::{NotationError, parse_series};
use crate::promql::Selector;
use crate::series::{AppendError, Played, Run};
use crate::{ClockMap, Metadata, SampledSeries, Script, ScriptedSeries, Series};

/// How many samples all series of a script may be written out to.
pub const MAX_SAMPLES_IN_ALL: usize = 8_000_000;

/// Why a script can't be played.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScriptError {
    /// A series' name and labels.
    #[error("reading the series `{text}` of series {index}")]
    Series {
        /// Its position, from 0.
        index: usize,
        /// The text.
        text: String,
        /// Where it is wrong.
        source: NotationError,
    },
    /// A number that can't be used.
    #[error("{what} is {value}: expected {expected}")]
    Number {
        /// The field.
        what: String,
        /// What it holds.
        value: f64,
        /// What it may hold.
        expected: &'static str,
    },
    /// The samples of a series aren't in the order of their times.
    #[error(
        "the samples of series `{series}` aren't in order: one at {at} s follows one at {before} s; each must be later than the one before"
    )]
    Order {
        /// Its name and labels.
        series: String,
        /// The time, seconds.
        at: f64,
        /// The time of the sample before.
        before: f64,
    },
    /// The name of a header.
    #[error(
        "the name `{name}` of the header of tenants can't be one: give one such as `X-Scope-OrgID`"
    )]
    Header {
        /// The name.
        name: String,
        /// Why.
        source: http::header::InvalidHeaderName,
    },
    /// More samples than the memory is meant for.
    #[error(
        "the series hold {samples} samples: expected at most {MAX_SAMPLES_IN_ALL} in all; shorten them or use `hold`"
    )]
    TooManySamples {
        /// How many they are.
        samples: usize,
    },
}

/// The clock and the series of a script, ready to be asked.
#[derive(Debug, Clone)]
pub struct World {
    /// Wall time and scenario time.
    pub clock: ClockMap,
    series: BTreeSet<ByLabels>,
    /// Those of all series, also of the worlds that this one was made of.
    texts: Arc<Mutex<Texts>>,
    samples: usize,
    metadata: Arc<BTreeMap<String, Metadata>>,
}

/// A series in the order of its labels. Each world has its own list of a million of them, so it is no longer than a
/// pointer; the labels are in the series alone.
#[derive(Debug, Clone)]
struct ByLabels(Arc<Series>);

impl Borrow<Labels> for ByLabels {
    fn borrow(&self) -> &Labels {
        &self.0.labels
    }
}

impl PartialEq for ByLabels {
    fn eq(&self, other: &Self) -> bool {
        self.0.labels == other.0.labels
    }
}

impl Eq for ByLabels {}

impl PartialOrd for ByLabels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByLabels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.labels.cmp(&other.0.labels)
    }
}

impl World {
    /// The world of a script whose scenario time 0 is the wall time `started` (milliseconds since 1970), unless its clock
    /// says another. Series of tenants aren't in it: which of them are seen, each request says.
    ///
    /// # Errors
    /// If a number, a series or its values can't be used.
    pub fn new(script: &Script, started: i64) -> Result<Self, ScriptError> {
        let speed = script.clock.speed;
        if !(speed.is_finite() && (1e-6..=1e6).contains(&speed)) {
            return Err(ScriptError::Number {
                what: "clock.speed".to_owned(),
                value: speed,
                expected: "a number from 0.000001 to 1000000",
            });
        }
        let start = script.clock.start;
        let started = start.map_or(started, jiff::Timestamp::as_millisecond);
        let mut world = Self {
            clock: ClockMap::new(started, speed),
            series: BTreeSet::new(),
            texts: Arc::default(),
            samples: 0,
            metadata: Arc::new(script.metadata.clone()),
        }
        .with(&script.series)?;
        for (index, sampled) in script.samples.iter().enumerate() {
            world.add_sampled(index, sampled)?;
        }
        Ok(world)
    }

    /// The same world with more series. One that is there already gets a new run, which ends what it played before; so
    /// `values: stale` from now on ends a series.
    ///
    /// # Errors
    /// If a number, a series or its values can't be used; then nothing is taken over.
    pub fn with(&self, more: &[ScriptedSeries]) -> Result<Self, ScriptError> {
        let mut world = self.clone();
        for (index, scripted) in more.iter().enumerate() {
            world.add(index, scripted)?;
        }
        Ok(world)
    }

    /// The same world with samples added to series; those of one series in order.
    ///
    /// # Errors
    /// If a sample isn't newer than what its series holds, or there are too many; then nothing is taken over.
    pub(crate) fn with_samples(
        &self,
        more: Vec<(Labels, Vec<(i64, f64)>)>,
    ) -> Result<Self, AppendError> {
        let mut world = self.clone();
        for (labels, samples) in more {
            world.samples += samples.len();
            if world.samples > MAX_SAMPLES_IN_ALL {
                return Err(AppendError::TooManySamples);
            }
            world.change(labels, |series| {
                let mut samples = samples.into_iter();
                samples.try_for_each(|(at, value)| series.append(at, value))
            })?;
        }
        Ok(world)
    }

    /// Changes a series, or a new one; its labels stay.
    fn change<T>(&mut self, labels: Labels, change: impl FnOnce(&mut Series) -> T) -> T {
        let mut series = match self.series.take(&labels) {
            Some(ByLabels(series)) => series,
            None => Arc::new(Series::new(labels.sharing(&mut self.texts.lock()))),
        };
        let changed = change(Arc::make_mut(&mut series));
        self.series.insert(ByLabels(series));
        changed
    }

    fn add(&mut self, index: usize, scripted: &ScriptedSeries) -> Result<(), ScriptError> {
        let labels = labels_of(index, &scripted.series)?;
        let points = scripted.values.shared();
        self.count(points.len())?;
        let interval = milliseconds(index, "interval", scripted.interval, 0.001)?;
        let run = Run {
            from: milliseconds(index, "from", scripted.from, -1e12)?,
            samples: Played::Regular {
                interval,
                points,
                hold: scripted.hold,
            },
            is_written: false,
        };
        self.change(labels, |series| series.add(run));
        Ok(())
    }

    /// Adds samples that have times; a run of others of the same series ends where they begin.
    fn add_sampled(&mut self, index: usize, sampled: &SampledSeries) -> Result<(), ScriptError> {
        let labels = labels_of(index, &sampled.series)?;
        self.count(sampled.samples.len())?;
        let mut samples: Vec<(i64, f64)> = Vec::with_capacity(sampled.samples.len());
        for sample in &sampled.samples {
            let at = milliseconds(index, "the time of a sample", sample.at, -1e12)?;
            if let Some((before, _)) = samples.last().filter(|(before, _)| *before >= at) {
                return Err(ScriptError::Order {
                    series: sampled.series.clone(),
                    at: sample.at,
                    before: *before as f64 / 1000.0,
                });
            }
            samples.push((at, sample.value));
        }
        if let Some(&(from, _)) = samples.first() {
            let samples = Played::Listed(samples);
            let is_written = false;
            let run = Run {
                from,
                samples,
                is_written,
            };
            self.change(labels, |series| series.add(run));
        }
        Ok(())
    }

    fn count(&mut self, more: usize) -> Result<(), ScriptError> {
        self.samples += more;
        if self.samples > MAX_SAMPLES_IN_ALL {
            return Err(ScriptError::TooManySamples {
                samples: self.samples,
            });
        }
        Ok(())
    }

    /// The series of other worlds, each with one more label that says whose it is.
    pub(crate) fn labelled<'a>(
        &self,
        label: &str,
        worlds: impl Iterator<Item = (&'a str, &'a Self)>,
    ) -> Self {
        let series = worlds.flat_map(|(value, world)| {
            let labelled = world.series().map(|one| one.labelled(label, value));
            labelled.map(|one| ByLabels(Arc::new(one)))
        });
        Self {
            clock: self.clock,
            series: series.collect(),
            texts: Arc::clone(&self.texts),
            samples: self.samples,
            metadata: Arc::clone(&self.metadata),
        }
    }

    /// How many samples its series hold, written out.
    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    /// What is known of metrics, ordered by their names.
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &Metadata)> {
        let known = self.metadata.iter();
        known.map(|(name, metadata)| (name.as_str(), metadata))
    }

    /// All series, ordered by their labels.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.iter().map(|ByLabels(series)| &**series)
    }

    /// The series that a selector matches, ordered by their labels.
    pub fn matching<'a>(&'a self, selector: &'a Selector) -> impl Iterator<Item = &'a Series> {
        self.series()
            .filter(|series| selector.matches(&series.labels))
    }
}

fn labels_of(index: usize, text: &str) -> Result<Labels, ScriptError> {
    parse_series(text).map_err(|source| ScriptError::Series {
        index,
        text: text.to_owned(),
        source,
    })
}

fn milliseconds(index: usize, field: &str, value: f64, least: f64) -> Result<i64, ScriptError> {
    if value.is_finite() && (least..=1e12).contains(&value) {
        Ok((value * 1000.0).round() as i64)
    } else {
        Err(ScriptError::Number {
            what: format!("{field} of series {index}"),
            value,
            expected: if least > 0.0 {
                "seconds, at least 0.001"
            } else {
                "seconds"
            },
        })
    }
}
