//! Label sets.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// One name and its value; shared, since many series have the same.
type Label = (Arc<str>, Arc<str>);

/// A label set, ordered by label name as Prometheus orders it. An empty value is the same as no label. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Label]>);

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
        let labels = self.0.iter();
        Self(
            labels
                .map(|(name, value)| (texts.one(name), texts.one(value)))
                .collect(),
        )
    }

    /// No labels.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new([]))
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
        let kept = self.0.iter().filter(|(label, _)| **label != *name);
        *self = kept.cloned().chain([set]).collect();
    }

    /// The same labels without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Self {
        if self.contains(METRIC_NAME) {
            self.filtered(|name| name != METRIC_NAME)
        } else {
            self.clone()
        }
    }

    /// Keeps the labels whose name satisfies `keep`.
    #[must_use]
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = self.0.iter().filter(|(name, _)| keep(name));
        Self(kept.cloned().collect())
    }

    /// Names and values, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        Self(labels.into())
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
