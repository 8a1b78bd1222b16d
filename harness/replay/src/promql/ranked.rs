//! Order by value, where NaN comes last whichever way.

use std::cmp::Ordering;

/// Whether one value is before another by size, or NaN.
pub(super) type Before = fn(f64, f64) -> bool;

pub(super) fn less(a: f64, b: f64) -> bool {
    a.is_nan() || a < b
}

pub(super) fn greater(a: f64, b: f64) -> bool {
    a.is_nan() || a > b
}

/// Sorts so that what is `before` comes last.
pub(super) fn sort<T>(list: &mut [T], before: Before, value: impl Fn(&T) -> f64) {
    list.sort_by(
        |a, b| match (before(value(b), value(a)), before(value(a), value(b))) {
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            _ => Ordering::Equal,
        },
    );
}

/// The entries with the best values, at most `capacity`. Of equal ones it keeps those that Prometheus keeps, by the same
/// heap with the worst on top (`aggregationK`).
#[derive(Debug)]
pub(super) struct Best {
    capacity: usize,
    before: Before,
    entries: Vec<(f64, usize)>,
}

impl Best {
    pub(super) fn new(capacity: usize, before: Before) -> Self {
        Self {
            capacity,
            before,
            entries: Vec::new(),
        }
    }

    pub(super) fn offer(&mut self, value: f64, entry: usize) {
        if self.entries.len() < self.capacity {
            self.entries.push((value, entry));
            self.rise(self.entries.len() - 1);
            return;
        }
        let Some(worst) = self.entries.first_mut() else {
            return;
        };
        let beaten = match worst.0.is_nan() {
            true => !value.is_nan(),
            false => (self.before)(worst.0, value),
        };
        if beaten {
            *worst = (value, entry);
            self.sink();
        }
    }

    /// The entries, best first.
    pub(super) fn ordered(mut self) -> impl Iterator<Item = usize> {
        sort(&mut self.entries, self.before, |(value, _)| *value);
        self.entries.into_iter().map(|(_, entry)| entry)
    }

    fn is_before(&self, a: usize, b: usize) -> bool {
        match (self.entries.get(a), self.entries.get(b)) {
            (Some(a), Some(b)) => (self.before)(a.0, b.0),
            _ => false,
        }
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if !self.is_before(place, parent) {
                return;
            }
            self.entries.swap(place, parent);
            place = parent;
        }
    }

    fn sink(&mut self) {
        let mut place = 0;
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let child = if self.is_before(right, left) {
                right
            } else {
                left
            };
            if !self.is_before(child, place) {
                return;
            }
            self.entries.swap(place, child);
            place = child;
        }
    }
}
