//! Responses of Prometheus' HTTP API (`/api/v1`).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use setpoint_rules::{Sample, SeriesCollector, TooManyNames};

use super::FoundSeries;

/// Where the series stand in the answer of `/series`.
pub(super) const SERIES: &[&str] = &["data"];
/// Where the samples stand in the answer of `/query`.
pub(super) const SAMPLES: &[&str] = &["data", "result"];

/// An element of an instant vector; without a value if that is a native histogram.
#[derive(Deserialize)]
pub(super) struct VectorElement {
    #[serde(default)]
    metric: BTreeMap<String, String>,
    #[serde(default)]
    value: Option<(f64, Number)>,
}

struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Rust parses `+Inf`, `-Inf` and `NaN` as Prometheus writes them.
        let number = text.parse().map(Self);
        number.map_err(|_| D::Error::custom(format_args!("`{text}` is no number")))
    }
}

impl VectorElement {
    pub(super) fn sample(self) -> Option<Sample> {
        let (_, Number(value)) = self.value?;
        Some(Sample {
            labels: self.metric,
            value,
        })
    }
}

/// The name of a series and the names of its labels, each ended by `\0`.
#[derive(Debug, Default, PartialEq)]
struct Names {
    name: String,
    labels: String,
}

/// Collects the names of series. Most have the names of the one before, which costs next to nothing.
#[derive(Default)]
pub(super) struct SeriesReader {
    current: Names,
    last: Names,
    collector: SeriesCollector,
    count: u64,
}

impl SeriesReader {
    /// What reads one series.
    pub(super) fn seed(&mut self) -> impl for<'de> DeserializeSeed<'de, Value = ()> {
        NamesSeed(&mut self.current)
    }

    /// Takes the series that was read.
    pub(super) fn take(&mut self) -> Result<(), TooManyNames> {
        self.count += 1;
        if self.current != self.last {
            let labels = self.current.labels.split_terminator('\0');
            self.collector.add(&self.current.name, labels)?;
            std::mem::swap(&mut self.current, &mut self.last);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> FoundSeries {
        FoundSeries {
            names: self.collector.finish(),
            count: self.count,
        }
    }
}

struct NamesSeed<'a>(&'a mut Names);

impl<'de> DeserializeSeed<'de> for NamesSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.name.clear();
        self.0.labels.clear();
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the labels of a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Names { name, labels } = self.0;
        let mut key = 0;
        while map.next_key_seed(Text(Some(labels)))?.is_some() {
            if labels.get(key..) == Some("__name__") {
                labels.truncate(key);
                map.next_value_seed(Text(Some(name)))?;
            } else {
                labels.push('\0');
                key = labels.len();
                map.next_value_seed(Text(None))?;
            }
        }
        Ok(())
    }
}

/// Appends a string to another, or only reads it.
struct Text<'a>(Option<&'a mut String>);

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if let Self(Some(appended)) = self {
            appended.push_str(text);
        }
        Ok(())
    }
}
