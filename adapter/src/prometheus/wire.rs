//! Responses of Prometheus' HTTP API (`/api/v1`).

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp, Unit};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use setpoint_rules::{Sample, SeriesCollector, TooManyNames};

use super::FoundSeries;

/// Where the series stand in the answer of `/series`.
pub(super) const SERIES: &[&str] = &["data"];
/// Where the samples stand in the answer of `/query`.
pub(super) const SAMPLES: &[&str] = &["data", "result"];

/// An element of an instant vector, which has no value if that is a native histogram; or a whole
/// scalar, which has no labels.
pub(super) struct Element {
    labels: BTreeMap<String, String>,
    value: Option<(Seconds, Number)>,
}

struct ElementVisitor;

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an element of a vector, or a scalar")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Element, A::Error> {
        #[derive(Deserialize)]
        struct OfVector {
            #[serde(default)]
            metric: BTreeMap<String, String>,
            #[serde(default)]
            value: Option<(Seconds, Number)>,
        }
        let OfVector { metric, value } = OfVector::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Element {
            labels: metric,
            value,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Element, A::Error> {
        let value = Deserialize::deserialize(SeqAccessDeserializer::new(seq))?;
        Ok(Element {
            labels: BTreeMap::new(),
            value: Some(value),
        })
    }
}

/// A time, in seconds since 1970.
struct Seconds(Timestamp);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        let time = SignedDuration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|since| Timestamp::from_duration(since).ok());
        let time = time.and_then(|time| time.round(Unit::Millisecond).ok());
        let time = time.map(Self);
        time.ok_or_else(|| D::Error::custom(format_args!("`{seconds}` is no time")))
    }
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

impl Element {
    pub(super) fn sample(self) -> Option<Sample> {
        let (Seconds(timestamp), Number(value)) = self.value?;
        Some(Sample {
            labels: self.labels,
            timestamp,
            value,
        })
    }
}

/// The name of a series and the names of its labels.
#[derive(Debug, Default, PartialEq)]
struct Names {
    name: String,
    /// One after the other: they may hold any character.
    labels: String,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Names {
    fn labels(&self) -> impl Iterator<Item = &str> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = begins.zip(&self.ends);
        ranges.filter_map(|(begin, &end)| self.labels.get(begin..end))
    }
}

/// Collects the names of series. Most have the names of the one before, which costs next to nothing.
#[derive(Default)]
pub(super) struct SeriesReader {
    current: Names,
    last: Names,
    /// Whether the last one is kept; others are counted each.
    is_kept: bool,
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
        if self.current != self.last || !self.is_kept {
            self.is_kept = self
                .collector
                .add(&self.current.name, self.current.labels())?;
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
        self.0.ends.clear();
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NamesSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the labels of a series")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Names { name, labels, ends } = self.0;
        let mut key = 0;
        while map.next_key_seed(Text(Some(labels)))?.is_some() {
            if labels.get(key..) == Some("__name__") {
                labels.truncate(key);
                // Of two names the last counts, as in other readers of JSON.
                name.clear();
                map.next_value_seed(Text(Some(name)))?;
            } else {
                key = labels.len();
                ends.push(key);
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

#[cfg(test)]
mod tests {
    use serde_json::Deserializer;

    use super::*;

    #[test]
    fn a_label_may_hold_any_character_and_the_last_name_counts_and_the_nameless_are_counted() {
        let mut reader = SeriesReader::default();
        let series = r#"{"__name__":"load","a\u0000pod":"b","":"c","__name__":"up"}"#;
        let read = reader
            .seed()
            .deserialize(&mut Deserializer::from_str(series));
        read.unwrap();
        reader.take().unwrap();
        // Twice without a name.
        for _ in 0..2 {
            let read = reader.seed().deserialize(&mut Deserializer::from_str("{}"));
            read.unwrap();
            reader.take().unwrap();
        }
        let mut expected = SeriesCollector::default();
        expected.add("up", ["a\0pod", ""]).unwrap();
        expected.add("", []).unwrap();
        expected.add("", []).unwrap();
        assert_eq!(reader.finish().names, expected.finish());
    }
}
