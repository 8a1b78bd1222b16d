//! Aggregations.

use std::collections::BTreeMap;

use promql_parser::parser::{AggregateExpr, LabelModifier, token};

use super::{Element, QueryError};
use crate::labels::{Labels, METRIC_NAME};

/// Which aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sum,
    Avg,
    Min,
    Max,
    Count,
}

impl Kind {
    pub(super) fn of(expr: &AggregateExpr) -> Result<Self, QueryError> {
        match expr.op.id() {
            token::T_SUM => Ok(Self::Sum),
            token::T_AVG => Ok(Self::Avg),
            token::T_MIN => Ok(Self::Min),
            token::T_MAX => Ok(Self::Max),
            token::T_COUNT => Ok(Self::Count),
            _ => Err(QueryError::Unsupported(format!(
                "the aggregation {}",
                expr.op
            ))),
        }
    }
}

/// Aggregates a vector; the result's labels are those that `by` names or `without` leaves over.
pub(super) fn aggregate(
    kind: Kind,
    modifier: Option<&LabelModifier>,
    input: &[Element],
) -> Vec<Element> {
    let mut groups: BTreeMap<Labels, Group> = BTreeMap::new();
    for element in input {
        groups
            .entry(group_labels(modifier, &element.labels))
            .and_modify(|group| group.add(element.value))
            .or_insert_with(|| Group::new(element.value));
    }
    groups
        .into_iter()
        .map(|(labels, group)| Element {
            labels,
            value: group.result(kind),
        })
        .collect()
}

fn group_labels(modifier: Option<&LabelModifier>, labels: &Labels) -> Labels {
    match modifier {
        None => Labels::new(),
        Some(LabelModifier::Include(kept)) => {
            labels.filtered(|name| kept.labels.iter().any(|label| label == name))
        }
        Some(LabelModifier::Exclude(dropped)) => labels.filtered(|name| {
            name != METRIC_NAME && !dropped.labels.iter().any(|label| label == name)
        }),
    }
}

/// Values of one group. The sum is compensated as in `kahanSumInc` (`promql/functions.go`); the average falls back to a
/// running mean once the sum overflows.
struct Group {
    count: f64,
    sum: f64,
    lost: f64,
    mean: Option<(f64, f64)>,
    min: f64,
    max: f64,
}

impl Group {
    fn new(value: f64) -> Self {
        Self {
            count: 1.0,
            sum: value,
            lost: 0.0,
            mean: None,
            min: value,
            max: value,
        }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.add_to_mean(value);
        (self.sum, self.lost) = compensated(value, self.sum, self.lost);
        if self.min > value || self.min.is_nan() {
            self.min = value;
        }
        if self.max < value || self.max.is_nan() {
            self.max = value;
        }
    }

    fn add_to_mean(&mut self, value: f64) {
        let before = self.count - 1.0;
        let overflows =
            !self.sum.is_infinite() && compensated(value, self.sum, self.lost).0.is_infinite();
        if self.mean.is_none() && overflows {
            self.mean = Some((self.sum / before, self.lost / before));
        }
        if let Some((mean, lost)) = self.mean {
            let shrunk = before / self.count;
            self.mean = Some(compensated(
                value / self.count,
                shrunk * mean,
                shrunk * lost,
            ));
        }
    }

    fn result(&self, kind: Kind) -> f64 {
        match (kind, self.mean) {
            (Kind::Sum, _) => self.sum + self.lost,
            (Kind::Avg, Some((mean, lost))) => mean + lost,
            (Kind::Avg, None) => self.sum / self.count + self.lost / self.count,
            (Kind::Min, _) => self.min,
            (Kind::Max, _) => self.max,
            (Kind::Count, _) => self.count,
        }
    }
}

fn compensated(value: f64, sum: f64, lost: f64) -> (f64, f64) {
    let next = sum + value;
    let lost = if next.is_infinite() {
        0.0
    } else if sum.abs() >= value.abs() {
        lost + ((sum - next) + value)
    } else {
        lost + ((value - next) + sum)
    };
    (next, lost)
}
