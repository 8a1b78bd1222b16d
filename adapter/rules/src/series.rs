//! What Prometheus knows: names of series, and samples of a query.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

/// The most names of series that one `seriesQuery` may select. Each costs about 300 bytes for as
/// long as it is served.
const MAX_NAMES: usize = 50_000;
/// The most names of labels that these series may have.
const MAX_LABELS: usize = 10_000;
/// The most labels of all names together.
const MAX_LABELS_OF_NAMES: usize = 1_000_000;
/// The most bytes that all names may have together.
const MAX_TEXT: usize = 8 << 20;

/// Names of series, each with the names of all labels that its series have. Values of labels aren't
/// kept: rules look at names only. Equal whatever the order in which the series were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeriesNames {
    /// Sorted.
    labels: Vec<Arc<str>>,
    /// Positions in `labels`, sorted.
    label_sets: Vec<Box<[u16]>>,
    /// Sorted, with positions in `label_sets`.
    names: Vec<(Arc<str>, usize)>,
    refused: Refused,
}

/// Series whose names PromQL can't have before `{`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) series: usize,
    /// The least of their names, shortened.
    pub(crate) example: String,
}

/// Collects [`SeriesNames`] from series, one at a time.
#[derive(Debug, Default)]
pub struct SeriesCollector {
    labels: HashMap<Arc<str>, u16>,
    names: HashMap<Arc<str>, Vec<u16>>,
    labels_of_names: usize,
    text: usize,
    refused: Refused,
}

/// Series have more names or labels than are kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the series have more than {limit} {what}; narrow seriesQuery")]
pub struct TooManyNames {
    what: &'static str,
    limit: usize,
}

impl SeriesCollector {
    /// Adds a series by its name and the names of its other labels; whether it is kept. A name that
    /// PromQL can't have before `{` is refused and counted, because it stands there in queries.
    ///
    /// # Errors
    /// What there is too much of.
    pub fn add<'a>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = &'a str>,
    ) -> Result<bool, TooManyNames> {
        if !is_metric_name(name) {
            self.refused.add(name);
            return Ok(false);
        }
        if !self.names.contains_key(name) {
            within(self.names.len() + 1, MAX_NAMES, "names")?;
            self.text += name.len();
            self.names.insert(name.into(), Vec::new());
        }
        let Some(known) = self.names.get_mut(name) else {
            return Ok(false);
        };
        for label in labels {
            let id = match self.labels.get(label) {
                Some(&id) => id,
                None => {
                    within(self.labels.len() + 1, MAX_LABELS, "names of labels")?;
                    let id = u16::try_from(self.labels.len()).unwrap_or(u16::MAX);
                    self.text += label.len();
                    self.labels.insert(label.into(), id);
                    id
                }
            };
            if let Err(position) = known.binary_search(&id) {
                known.insert(position, id);
                self.labels_of_names += 1;
            }
        }
        within(self.labels_of_names, MAX_LABELS_OF_NAMES, "labels of names")?;
        within(self.text, MAX_TEXT, "bytes of names")?;
        Ok(true)
    }

    /// What was collected.
    #[must_use]
    pub fn finish(self) -> SeriesNames {
        let mut labels: Vec<_> = self.labels.into_iter().collect();
        labels.sort_unstable();
        let mut ranks = vec![0; labels.len()];
        for (rank, (_, id)) in (0..).zip(&labels) {
            ranks[usize::from(*id)] = rank;
        }
        let ranked = |ids: Vec<u16>| -> Box<[u16]> {
            let mut set: Vec<u16> = ids.iter().map(|id| ranks[usize::from(*id)]).collect();
            set.sort_unstable();
            set.into()
        };
        let mut names_of_sets: BTreeMap<Box<[u16]>, Vec<Arc<str>>> = BTreeMap::new();
        for (name, ids) in self.names {
            names_of_sets.entry(ranked(ids)).or_default().push(name);
        }
        let mut names = Vec::with_capacity(names_of_sets.values().map(Vec::len).sum());
        let mut label_sets = Vec::with_capacity(names_of_sets.len());
        for (set, names_of_set) in names_of_sets {
            names.extend(
                names_of_set
                    .into_iter()
                    .map(|name| (name, label_sets.len())),
            );
            label_sets.push(set);
        }
        names.sort_unstable();
        SeriesNames {
            labels: labels.into_iter().map(|(label, _)| label).collect(),
            label_sets,
            names,
            refused: self.refused,
        }
    }
}

impl Refused {
    fn add(&mut self, name: &str) {
        let name: String = name.chars().take(80).collect();
        if self.series == 0 || name < self.example {
            self.example = name;
        }
        self.series += 1;
    }
}

impl SeriesNames {
    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn refused(&self) -> &Refused {
        &self.refused
    }

    /// The names, sorted, each with the position of its labels in [`Self::by_labels`].
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Arc<str>, usize)> {
        self.names.iter().map(|(name, set)| (name, *set))
    }

    /// What `of_label` gives for the labels of names, for each set of labels that a name has. It is
    /// asked once for each label.
    pub(crate) fn by_labels<T: Clone + Ord>(
        &self,
        of_label: impl Fn(&str) -> Option<T>,
    ) -> Vec<Vec<T>> {
        let by_label: Vec<Option<T>> = self.labels.iter().map(|label| of_label(label)).collect();
        let of_set = |set: &[u16]| {
            let of_labels = set
                .iter()
                .filter_map(|&id| by_label[usize::from(id)].clone());
            let mut found: Vec<T> = of_labels.collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        self.label_sets.iter().map(|set| of_set(set)).collect()
    }
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The labels, with `__name__` where the query keeps it.
    pub labels: BTreeMap<String, String>,
    /// When the value was measured.
    pub timestamp: Timestamp,
    /// The value.
    pub value: f64,
}

/// A value as Prometheus writes it.
pub(crate) fn written(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}

/// Words of PromQL that no series' name before `{` may be, in whatever case. The other words may (`metric_identifier` of
/// `promql/parser/generated_parser.y`).
const KEYWORDS: [&str; 8] = [
    "atan2",
    "bool",
    "group_left",
    "group_right",
    "ignoring",
    "inf",
    "nan",
    "on",
];

/// Whether PromQL takes a name before `{`. Prometheus 3 has series with any other name too, which
/// only quotes in the braces can name.
fn is_metric_name(name: &str) -> bool {
    if KEYWORDS.iter().any(|word| name.eq_ignore_ascii_case(word)) {
        return false;
    }
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    name.chars().all(legal) && !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn within(number: usize, limit: usize, what: &'static str) -> Result<(), TooManyNames> {
    if number > limit {
        return Err(TooManyNames { what, limit });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The names of series, each with labels.
    pub(crate) fn names(series: &[(&str, &[&str])]) -> SeriesNames {
        let mut collector = SeriesCollector::default();
        for (name, labels) in series {
            collector.add(name, labels.iter().copied()).unwrap();
        }
        collector.finish()
    }

    #[test]
    fn a_name_has_the_labels_of_all_its_series() {
        let names = names(&[("b", &["x"]), ("a", &["y", "x"]), ("b", &["y"]), ("c", &[])]);
        let labels = names.by_labels(|label| Some(label.to_owned()));
        let shown: Vec<_> = names
            .iter()
            .map(|(name, set)| format!("{name} {:?}", labels[set]))
            .collect();
        assert_eq!(shown, [r#"a ["x", "y"]"#, r#"b ["x", "y"]"#, "c []"]);
        assert_eq!((names.len(), names.label_sets.len()), (3, 2));
        assert!(!names.is_empty());
    }

    #[test]
    fn a_name_that_promql_cant_have_before_its_braces_is_refused() {
        let mut collector = SeriesCollector::default();
        for name in ["vector(0)) #", "", "9a", "a.b", "café", "on", "NaN"] {
            collector.add(name, ["pod"]).unwrap();
        }
        for name in ["job:load:sum_5m", "sum", "offset", "nano"] {
            collector.add(name, ["pod"]).unwrap();
        }
        let names = collector.finish();
        assert_eq!(
            (
                names.len(),
                names.refused.series,
                names.refused.example.as_str()
            ),
            (4, 7, "")
        );
    }

    #[test]
    fn more_names_or_labels_than_are_kept_are_an_error() {
        let many = |count: usize| {
            let mut collector = SeriesCollector::default();
            (0..count)
                .try_for_each(|number| collector.add(&format!("m{number}"), ["pod"]).map(drop))
        };
        assert_eq!(many(MAX_NAMES), Ok(()));
        let error = many(MAX_NAMES + 1).unwrap_err().to_string();
        assert_eq!(
            error,
            "the series have more than 50000 names; narrow seriesQuery"
        );
        let labels: Vec<String> = (0..=MAX_LABELS)
            .map(|number| format!("l{number}"))
            .collect();
        let labels = || labels.iter().map(String::as_str);
        let mut collector = SeriesCollector::default();
        assert_eq!(collector.add("m", labels().skip(1)), Ok(true));
        assert!(collector.add("m", labels()).is_err());
        let long = "m".repeat(MAX_TEXT + 1);
        assert!(SeriesCollector::default().add(&long, []).is_err());
        assert!(
            SeriesCollector::default()
                .add("m", [long.as_str()])
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn the_order_of_series_makes_no_difference(series in proptest::collection::vec(("[a-c]", proptest::collection::vec("[x-z]", 0..3)), 0..8)) {
            let collected = |series: &[(String, Vec<String>)]| {
                let mut collector = SeriesCollector::default();
                for (name, labels) in series {
                    collector.add(name, labels.iter().map(String::as_str)).unwrap();
                }
                collector.finish()
            };
            let reversed: Vec<_> = series.iter().cloned().rev().collect();
            prop_assert_eq!(collected(&series), collected(&reversed));
        }
    }
}
