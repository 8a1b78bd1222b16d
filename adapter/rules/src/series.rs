//! What Prometheus knows: series, and samples of a query.

use std::collections::BTreeMap;

/// A series: its name and its other labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Series {
    /// The value of `__name__`.
    pub name: String,
    /// All other labels.
    pub labels: BTreeMap<String, String>,
}

impl Series {
    /// A series from all its labels, `__name__` among them.
    #[must_use]
    pub fn from_labels(mut labels: BTreeMap<String, String>) -> Self {
        Self {
            name: labels.remove("__name__").unwrap_or_default(),
            labels,
        }
    }
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The labels, with `__name__` where the query keeps it.
    pub labels: BTreeMap<String, String>,
    /// The value.
    pub value: f64,
}
