//! The immutable snapshot that questions are answered from.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::labels::Labels;
use crate::notation::{NotationError, Point, parse_series};
use crate::{ClockMap, Script, ScriptedSeries};

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
    /// More samples than the memory is meant for.
    #[error(
        "the series hold {samples} samples: expected at most {MAX_SAMPLES_IN_ALL} in all; shorten them or use `hold`"
    )]
    TooManySamples {
        /// How many they are.
        samples: usize,
    },
}

/// Values played from some time on.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    from: i64,
    interval: i64,
    points: Vec<Point>,
    hold: bool,
}

/// One series: its runs in the order of their start. A run ends where the next one starts.
#[derive(Debug, Clone)]
pub struct Series {
    /// Name and labels.
    pub labels: Labels,
    runs: BTreeMap<i64, Arc<Run>>,
}

/// A sample at a time (scenario milliseconds).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When.
    pub at: i64,
    /// What; [`Point::Missing`] never occurs.
    pub point: Point,
}

impl Series {
    /// The samples in `(after, until]`, newest first.
    pub fn newest_first(&self, after: i64, until: i64) -> impl Iterator<Item = Sample> + '_ {
        let mut end = i64::MAX;
        self.runs.values().rev().flat_map(move |run| {
            let last = until.min(end.saturating_sub(1));
            end = run.from;
            run.newest_first(after, last)
        })
    }
}

impl Run {
    fn newest_first(&self, after: i64, until: i64) -> impl Iterator<Item = Sample> + '_ {
        let newest = until
            .saturating_sub(self.from)
            .div_euclid(self.interval)
            .min(if self.hold && !self.points.is_empty() {
                i64::MAX
            } else {
                self.points.len() as i64 - 1
            });
        let mut next = newest;
        std::iter::from_fn(move || {
            loop {
                let index = usize::try_from(next).ok()?;
                let at = self.from.saturating_add(next.saturating_mul(self.interval));
                if at <= after {
                    return None;
                }
                next -= 1;
                let point = *self.points.get(index).or(self.points.last())?;
                // After a last `_` or `stale` nothing more is held, however long: no need to walk through it.
                if index >= self.points.len() && !matches!(point, Point::Value(_)) {
                    next = self.points.len() as i64 - 1;
                }
                if point != Point::Missing {
                    return Some(Sample { at, point });
                }
            }
        })
    }
}

/// The clock and the series of a script, ready to be asked.
#[derive(Debug, Clone)]
pub struct World {
    /// Wall time and scenario time.
    pub clock: ClockMap,
    series: BTreeMap<Labels, Series>,
    samples: usize,
}

impl World {
    /// The world of a script whose scenario time 0 is the wall time `started` (milliseconds since 1970).
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
        Self {
            clock: ClockMap::new(started, speed),
            series: BTreeMap::new(),
            samples: 0,
        }
        .with(&script.series)
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

    fn add(&mut self, index: usize, scripted: &ScriptedSeries) -> Result<(), ScriptError> {
        let labels = parse_series(&scripted.series).map_err(|source| ScriptError::Series {
            index,
            text: scripted.series.clone(),
            source,
        })?;
        let points = scripted.values.points().to_vec();
        self.samples += points.len();
        if self.samples > MAX_SAMPLES_IN_ALL {
            return Err(ScriptError::TooManySamples {
                samples: self.samples,
            });
        }
        let run = Run {
            from: milliseconds(index, "from", scripted.from, -1e12)?,
            interval: milliseconds(index, "interval", scripted.interval, 0.001)?,
            points,
            hold: scripted.hold,
        };
        self.series
            .entry(labels.clone())
            .or_insert_with(|| Series {
                labels,
                runs: BTreeMap::new(),
            })
            .runs
            .insert(run.from, Arc::new(run));
        Ok(())
    }

    /// All series, ordered by their labels.
    pub fn series(&self) -> impl Iterator<Item = &Series> {
        self.series.values()
    }
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
