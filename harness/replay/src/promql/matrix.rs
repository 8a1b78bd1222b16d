//! What expressions evaluate to: rows of one value for each step.

use std::collections::HashMap;

use super::QueryError;
use crate::labels::{Labels, METRIC_NAME};

/// The staleness marker. It is never the result of a calculation, so in a row it stands for "no value".
pub(crate) const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is the staleness marker, and no other NaN.
pub(crate) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// The times of an evaluation, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Above zero.
    pub(super) step: i64,
}

impl Steps {
    pub(super) fn once(at: i64) -> Self {
        Self {
            start: at,
            end: at,
            step: 1,
        }
    }

    /// How many; none where the end is before the start.
    pub(super) fn count(self) -> usize {
        let length = self.end.saturating_sub(self.start);
        if length < 0 {
            return 0;
        }
        usize::try_from(length / self.step).map_or(usize::MAX, |steps| steps.saturating_add(1))
    }

    /// The time of the last step: the end, or shortly before it.
    pub(super) fn last(self) -> i64 {
        self.end - self.end.saturating_sub(self.start).max(0) % self.step
    }

    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count() as i64).map(move |index| self.start + index * self.step)
    }
}

/// One label set and its values, one for each step, [`STALE`] where it has none.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) labels: Labels,
    pub(super) values: Vec<f64>,
}

impl Row {
    pub(super) fn unlabelled(values: Vec<f64>) -> Self {
        Self {
            labels: Labels::new(),
            values,
        }
    }

    /// The value at a step.
    pub(super) fn at(&self, step: usize) -> Option<f64> {
        let value = self.values.get(step).copied();
        value.filter(|value| !is_stale(*value))
    }

    /// The same row with each value changed, and dropped where `change` gives none.
    #[must_use]
    pub(super) fn changed(mut self, change: impl Fn(usize, f64) -> Option<f64>) -> Self {
        for (step, value) in self.values.iter_mut().enumerate() {
            if !is_stale(*value) {
                *value = change(step, *value).unwrap_or(STALE);
            }
        }
        self
    }

    #[must_use]
    pub(super) fn without_name(mut self) -> Self {
        self.labels = self.labels.without_name();
        self
    }
}

/// Rows of the same number of values.
pub(super) type Matrix = Vec<Row>;

/// Refuses rows with equal labels (`Matrix.ContainsSameLabelset`), or joins them (`mergeSeriesWithSameLabelset`).
pub(super) fn distinct(rows: Matrix, are_joined: bool) -> Result<Matrix, QueryError> {
    if are_joined {
        return joined(rows);
    }
    let mut seen = std::collections::HashSet::with_capacity(rows.len());
    if rows.iter().all(|row| seen.insert(&row.labels)) {
        drop(seen);
        return Ok(rows);
    }
    Err(QueryError::DuplicateLabels)
}

/// Distinct rows without their names; those that are equal then are as [`distinct`] says.
pub(super) fn without_names(mut rows: Matrix, are_joined: bool) -> Result<Matrix, QueryError> {
    // Without a name that all of them have, they are distinct still.
    let name = |row: &Row| row.labels.value(METRIC_NAME).to_owned();
    let one_name = rows.first().map(name).is_none_or(|first| {
        rows.iter()
            .all(|row| row.labels.value(METRIC_NAME) == first)
    });
    for row in &mut rows {
        row.labels = row.labels.without_name();
    }
    if one_name {
        Ok(rows)
    } else {
        distinct(rows, are_joined)
    }
}

/// Makes one row of those with equal labels; refuses two values at one step (`rangeEval`).
pub(super) fn joined(rows: Matrix) -> Result<Matrix, QueryError> {
    let mut places: HashMap<Labels, usize> = HashMap::with_capacity(rows.len());
    let mut all: Matrix = Vec::with_capacity(rows.len());
    for row in rows {
        let place = *places.entry(row.labels.clone()).or_insert(all.len());
        let Some(there) = all.get_mut(place) else {
            all.push(row);
            continue;
        };
        for (old, new) in there.values.iter_mut().zip(row.values) {
            if is_stale(*old) {
                *old = new;
            } else if !is_stale(new) {
                return Err(QueryError::DuplicateLabels);
            }
        }
    }
    Ok(all)
}

/// Leaves out rows without any value.
pub(super) fn present(mut rows: Matrix) -> Matrix {
    rows.retain(|row| row.values.iter().any(|value| !is_stale(*value)));
    rows
}
