//! Sums as Prometheus makes them.

use super::{Change, Version};

/// A sum compensated by the method of Kahan and Neumaier (`kahanSumInc` in `promql/functions.go`).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sum {
    pub(super) total: f64,
    pub(super) lost: f64,
}

impl Sum {
    pub(super) fn of(total: f64) -> Self {
        Self { total, lost: 0.0 }
    }

    #[must_use]
    pub(super) fn plus(self, value: f64) -> Self {
        let total = self.total + value;
        let lost = if total.is_infinite() {
            0.0
        } else if self.total.abs() >= value.abs() {
            self.lost + ((self.total - total) + value)
        } else {
            self.lost + ((value - total) + self.total)
        };
        Self { total, lost }
    }

    pub(super) fn value(self) -> f64 {
        self.total + self.lost
    }

    #[must_use]
    fn times(self, factor: f64) -> Self {
        Self {
            total: self.total * factor,
            lost: self.lost * factor,
        }
    }
}

/// A mean: of a compensated sum as long as that is finite, from then on a running one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mean {
    sum: Sum,
    count: f64,
    running: bool,
}

impl Mean {
    pub(super) fn of(first: f64) -> Self {
        Self {
            sum: Sum::of(first),
            count: 1.0,
            running: false,
        }
    }

    pub(super) fn add(&mut self, value: f64) {
        let before = self.count;
        self.count += 1.0;
        if !self.running {
            let sum = self.sum.plus(value);
            if !sum.total.is_infinite() {
                self.sum = sum;
                return;
            }
            self.running = true;
            self.sum = Sum {
                total: self.sum.total / before,
                lost: self.sum.lost / before,
            };
        }
        self.sum = self.sum.times(before / self.count).plus(value / self.count);
    }

    pub(super) fn value(self) -> f64 {
        if self.running {
            self.sum.value()
        } else {
            self.sum.total / self.count + self.sum.lost / self.count
        }
    }
}

/// Whether a mean that each value moves is infinite and stays: but for NaN and the other infinity it does.
pub(super) fn infinite_mean_stays(mean: f64, value: f64) -> bool {
    mean.is_infinite() && (value.is_finite() || value == mean)
}

/// A mean as it was made before v3: each value moves it, and it is compensated (`funcAvgOverTime` of v2.42).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RunningMean {
    mean: Sum,
    count: f64,
}

impl RunningMean {
    #[must_use]
    pub(super) fn with(self, value: f64) -> Self {
        let count = self.count + 1.0;
        let mean = self.mean.total;
        let mean = match infinite_mean_stays(mean, value) {
            true => self.mean,
            false => self.mean.plus(value / count - mean / count),
        };
        Self { mean, count }
    }

    pub(super) fn value(self) -> f64 {
        match self.mean.total.is_infinite() {
            true => self.mean.total,
            false => self.mean.value(),
        }
    }
}

/// The quantile `q` of values in any order, between two of them in proportion.
pub(super) fn quantile(q: f64, values: &mut [f64], version: Version) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        };
    }
    // NaN is the smallest.
    values.sort_by(|a, b| {
        a.partial_cmp(b)
            .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
    });
    let last = values.len() - 1;
    let rank = q * last as f64;
    let lower = rank.floor() as usize;
    let weight = rank - rank.floor();
    let at = |index: usize| values.get(index.min(last)).copied().unwrap_or(f64::NAN);
    // Else a neighbour that is infinite makes NaN of it.
    if weight == 0.0 && version.has(Change::QuantileOfOneValue) {
        return at(lower);
    }
    at(lower) * (1.0 - weight) + at(lower + 1) * weight
}
