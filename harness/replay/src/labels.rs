//! Label sets.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// One name and its value; shared, since many series have the same.
type Label = (Arc<str>, Arc<str>);

/// A label set, ordered by label name as Prometheus orders it. An empty value is the same as no label. Cheap to clone, and to
/// leave the metric's name out of.
#[derive(Clone)]
pub struct Labels {
    all: Arc<[Label]>,
    /// The place of the metric's name, once that is left out.
    left_out: Option<u32>,
}

/// Names and values of labels, each once: a million series have few names and many equal values.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashSet<Arc<str>>);

impl Texts {
    /// The text as it is kept.
    fn one(&mut self, text: &Arc<str>) -> Arc<str> {
        if let Some(kept) = self.0.get(text) {
            return kept.clone();
        }
        self.0.insert(text.clone());
        text.clone()
    }
}

impl Labels {
    /// The same labels with texts that others have too.
    #[must_use]
    pub(crate) fn sharing(&self, texts: &mut Texts) -> Self {
        let labels = self.counting();
        Self::of(
            labels
                .map(|(name, value)| (texts.one(name), texts.one(value)))
                .collect(),
        )
    }

    fn of(all: Arc<[Label]>) -> Self {
        Self {
            all,
            left_out: None,
        }
    }

    fn counting(&self) -> impl Iterator<Item = &Label> {
        let end = self.left_out.map_or(self.all.len(), |place| place as usize);
        let (before, after) = self.all.split_at_checked(end).unwrap_or_default();
        before.iter().chain(after.iter().skip(1))
    }

    /// No labels.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Arc::new([]))
    }

    /// The value of a label; empty where it is missing.
    #[must_use]
    pub fn value(&self, name: &str) -> &str {
        self.iter()
            .find(|(label, _)| *label == name)
            .map_or("", |(_, value)| value)
    }

    /// Whether the label is there.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|(label, _)| label == name)
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: &str, value: &str) {
        let set = (Arc::from(name), Arc::from(value));
        let kept = self.counting().filter(|(label, _)| **label != *name);
        *self = kept.cloned().chain([set]).collect();
    }

    /// The same labels without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Self {
        let mut labels = self.clone();
        let place = self.all.iter().position(|(name, _)| **name == *METRIC_NAME);
        labels.left_out = place.and_then(|place| u32::try_from(place).ok());
        labels
    }

    /// Keeps the labels whose name satisfies `keep`.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = self.counting().filter(|(name, _)| keep(name));
        Self::of(kept.cloned().collect())
    }

    /// Names and values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.counting().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counting().next().is_none()
    }
}

impl PartialEq for Labels {
    fn eq(&self, other: &Self) -> bool {
        self.counting().eq(other.counting())
    }
}

impl Eq for Labels {}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.counting().cmp(other.counting())
    }
}

impl Hash for Labels {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.counting().for_each(|label| label.hash(state));
        // Where they end, so that no labels before others are told from fewer.
        state.write_u8(0xff);
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<Label> for Labels {
    /// Of labels in any order, each name once; those with an empty value are left out.
    fn from_iter<I: IntoIterator<Item = Label>>(labels: I) -> Self {
        let labels = labels.into_iter().filter(|(_, value)| !value.is_empty());
        let mut labels: Vec<Label> = labels.collect();
        labels.sort_unstable();
        Self::of(labels.into())
    }
}

impl fmt::Display for Labels {
    /// As in Prometheus' errors: `{__name__="up", pod="a"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let legacy = name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if legacy {
                write!(f, "{comma}{name}={value:?}")?;
            } else {
                write!(f, "{comma}{name:?}={value:?}")?;
            }
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (Arc::from(*name), Arc::from(*value)))
            .collect()
    }

    #[test]
    fn labels_without_their_name_are_those_that_never_had_one() {
        // `A` is before the name, `pod` is after it.
        let others = [("A", "1"), ("pod", "web-1")];
        let unnamed = labels(&others);
        let mut named = unnamed.clone();
        named.set(METRIC_NAME, "up");
        assert_eq!(named.value(METRIC_NAME), "up");

        let without = named.without_name();
        let hasher = RandomState::new();
        assert_eq!(without, unnamed);
        assert_eq!(hasher.hash_one(&without), hasher.hash_one(&unnamed));
        assert_eq!(without.cmp(&unnamed), Ordering::Equal);
        assert_eq!(without.iter().collect::<Vec<_>>(), others);
        assert!(!without.contains(METRIC_NAME));
        assert_eq!(without.value(METRIC_NAME), "");
        assert_eq!(without.without_name(), unnamed);
        assert_ne!(without, named);
    }

    #[test]
    fn labels_without_their_name_can_get_another_one() {
        let mut renamed = labels(&[(METRIC_NAME, "up")]).without_name();
        assert!(renamed.is_empty());
        renamed.set(METRIC_NAME, "down");
        assert_eq!(renamed, labels(&[(METRIC_NAME, "down")]));
    }
}
