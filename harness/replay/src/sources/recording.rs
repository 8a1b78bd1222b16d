//! What a source holds.

use std::collections::BTreeMap;

use crate::labels::Labels;
use crate::notation::{Values, write_labels};
use crate::{Metadata, Sample, SampledSeries, Script, ScriptedSeries};

/// Series of a source, ordered by their labels.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recording {
    /// The series, each once.
    pub series: Vec<Recorded>,
    /// What is known of metrics.
    pub metadata: BTreeMap<String, Metadata>,
}

/// A series of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Name and labels.
    pub labels: Labels,
    /// Times in milliseconds since 1970, and values, oldest first; [`Sample::STALE`] is the staleness marker.
    pub samples: Vec<(i64, f64)>,
    /// The value that it has at any time, where the source tells no time.
    pub always: Option<f64>,
}

/// When a recording begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Begin {
    /// Its first sample is at this scenario time, seconds.
    At(f64),
    /// At the times that it tells, with a clock whose scenario time 0 is this wall time, milliseconds since 1970.
    AsRecorded(i64),
}

impl Recording {
    /// The time of the first sample of all series, milliseconds since 1970; none if none has a time.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        let samples = self.series.iter().filter_map(|one| one.samples.first());
        samples.map(|(at, _)| *at).min()
    }

    /// Adds the series to a script. What has no time has its value from the beginning, for ever.
    pub fn play(self, begin: Begin, script: &mut Script) {
        let (zero, from) = match begin {
            Begin::AsRecorded(zero) => (zero, 0.0),
            Begin::At(seconds) => {
                let shift = (seconds * 1000.0).round() as i64;
                (
                    self.first().unwrap_or_default().saturating_sub(shift),
                    seconds,
                )
            }
        };
        for recorded in self.series {
            let series = write_labels(&recorded.labels);
            if let Some(value) = recorded.always {
                script.series.push(ScriptedSeries {
                    series,
                    values: Values::always(value),
                    // As often as Prometheus' example configuration scrapes.
                    interval: 15.0,
                    from,
                    hold: true,
                });
                continue;
            }
            let samples = recorded.samples.into_iter().map(|(at, value)| Sample {
                at: at.saturating_sub(zero) as f64 / 1000.0,
                value,
            });
            script.samples.push(SampledSeries {
                series,
                samples: samples.collect(),
            });
        }
        script.metadata.extend(self.metadata);
    }
}

/// The samples of one series, while they are read.
#[derive(Default)]
pub(super) struct Kept {
    samples: Vec<(i64, f64)>,
    always: Option<f64>,
}

impl Kept {
    /// Takes a sample, or says what was expected.
    pub(super) fn take(&mut self, at: Option<i64>, value: f64) -> Result<(), &'static str> {
        match at {
            None if self.always.is_some() => return Err("a series without times once"),
            None if !self.samples.is_empty() => {
                return Err("a time, as the samples of the series before have");
            }
            Some(_) if self.always.is_some() => {
                return Err("no time, as the series has none before");
            }
            None => self.always = Some(value),
            Some(at) => {
                if self.samples.last().is_some_and(|(before, _)| *before >= at) {
                    return Err("a time later than that of the sample before of the same series");
                }
                self.samples.push((at, value));
            }
        }
        Ok(())
    }

    pub(super) fn of(self, labels: Labels) -> Recorded {
        Recorded {
            labels,
            samples: self.samples,
            always: self.always,
        }
    }
}
