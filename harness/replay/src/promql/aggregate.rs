//! Aggregations.

use std::collections::HashMap;

use promql_parser::parser::LabelModifier;
use promql_parser::parser::token::{self, TokenType};

use super::eval::Evaluation;
use super::label_functions::is_name;
use super::matrix::{Matrix, Row, STALE, Steps, joined, present};
use super::number_functions::check_quantiles;
use super::plan::Node;
use super::ranked::{self, Best};
use super::sum::{Mean, Sum, infinite_mean_stays, quantile};
use super::{Change, QueryError, Version};
use crate::labels::{Labels, METRIC_NAME};

/// Which aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
    Quantile,
    Topk,
    Bottomk,
    CountValues,
}

impl Kind {
    pub(super) fn of(op: TokenType) -> Result<Self, QueryError> {
        Ok(match op.id() {
            token::T_SUM => Self::Sum,
            token::T_AVG => Self::Avg,
            token::T_MIN => Self::Min,
            token::T_MAX => Self::Max,
            token::T_COUNT => Self::Count,
            token::T_GROUP => Self::Group,
            token::T_STDDEV => Self::Stddev,
            token::T_STDVAR => Self::Stdvar,
            token::T_QUANTILE => Self::Quantile,
            token::T_TOPK => Self::Topk,
            token::T_BOTTOMK => Self::Bottomk,
            token::T_COUNT_VALUES => Self::CountValues,
            _ => {
                return Err(QueryError::Parse(format!(
                    "parse error: {op}() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
                )));
            }
        })
    }
}

/// `by` and `without`.
#[derive(Debug)]
pub(super) struct Grouping {
    names: Vec<String>,
    without: bool,
}

impl Grouping {
    pub(super) fn of(modifier: Option<&LabelModifier>) -> Self {
        let names = modifier.map(|modifier| modifier.labels().labels.clone());
        Self {
            names: names.unwrap_or_default(),
            without: matches!(modifier, Some(LabelModifier::Exclude(_))),
        }
    }

    /// The labels of the group that a row belongs to.
    fn group(&self, labels: &Labels) -> Labels {
        let named = |name: &str| self.names.iter().any(|named| named == name);
        if self.without {
            labels.filtered(|name| name != METRIC_NAME && !named(name))
        } else if self.names.is_empty() {
            Labels::new()
        } else {
            labels.filtered(named)
        }
    }
}

/// An aggregation of an expression.
#[derive(Debug)]
pub(super) struct Aggregation {
    pub(super) kind: Kind,
    pub(super) grouping: Grouping,
    pub(super) parameter: Option<Node>,
    pub(super) node: Node,
}

/// For each row its group, and the labels of each group in the order of their first row.
fn grouped(grouping: &Grouping, rows: &Matrix) -> (Vec<usize>, Vec<Labels>) {
    if !grouping.without {
        return grouped_by(grouping, rows);
    }
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut groups = Vec::new();
    let place = |row: &Row| {
        let labels = grouping.group(&row.labels);
        *places.entry(labels).or_insert_with_key(|labels| {
            groups.push(labels.clone());
            groups.len() - 1
        })
    };
    (rows.iter().map(place).collect(), groups)
}

/// As [`grouped`], for `by`: values of few labels say the group, and its labels are made once.
fn grouped_by(grouping: &Grouping, rows: &Matrix) -> (Vec<usize>, Vec<Labels>) {
    let mut places: HashMap<Vec<&str>, usize> = HashMap::new();
    let mut groups = Vec::new();
    let mut values = Vec::new();
    let place = |row| {
        let row: &Row = row;
        values.clear();
        values.extend(grouping.names.iter().map(|name| row.labels.value(name)));
        if let Some(place) = places.get(&values) {
            return *place;
        }
        groups.push(grouping.group(&row.labels));
        places.insert(values.clone(), groups.len() - 1);
        groups.len() - 1
    };
    (rows.iter().map(place).collect(), groups)
}

impl Evaluation<'_> {
    pub(super) fn aggregate(
        &mut self,
        aggregation: &Aggregation,
        steps: Steps,
    ) -> Result<Matrix, QueryError> {
        let Aggregation {
            kind,
            grouping,
            parameter,
            node,
        } = aggregation;
        if let (Kind::CountValues, Some(Node::Text(name))) = (kind, parameter) {
            return self.count_values(name, grouping, node, steps);
        }
        let parameter = match parameter {
            Some(parameter) => self.scalar(parameter, steps)?,
            None => Vec::new(),
        };
        if *kind == Kind::Quantile {
            let not_number = parameter.iter().copied().find(|q| q.is_nan());
            // One that isn't a number makes the others' bounds none either (`newFParams`).
            let told = not_number.map_or_else(
                || {
                    let most = parameter.iter().copied().reduce(f64::max);
                    let least = parameter.iter().copied().reduce(f64::min);
                    most.into_iter().chain(least).collect()
                },
                |not_number| vec![not_number],
            );
            check_quantiles(self, &told);
        }
        let rows = self.matrix(node, steps)?;
        let (group_of, labels) = grouped(grouping, &rows);
        match kind {
            Kind::Topk | Kind::Bottomk => {
                let before = match kind {
                    Kind::Topk => ranked::less,
                    _ => ranked::greater,
                };
                let refuses = self.settings.version.has(Change::NanOfTopk);
                if refuses && parameter.iter().any(|k| k.is_nan()) {
                    let reason = "Parameter value is NaN".to_owned();
                    return Err(QueryError::Execution(reason));
                }
                ranked(rows, &group_of, labels.len(), &parameter, before)
            }
            kind => {
                let version = self.settings.version;
                let results = labels.into_iter().map(|labels| Row {
                    labels,
                    values: vec![STALE; steps.count()],
                });
                let mut results: Matrix = results.collect();
                for step in 0..steps.count() {
                    let q = parameter.get(step).copied().unwrap_or(f64::NAN);
                    reduce((*kind, version), q, step, (&rows, &group_of), &mut results);
                }
                Ok(present(results))
            }
        }
    }

    fn count_values(
        &mut self,
        name: &str,
        grouping: &Grouping,
        node: &Node,
        steps: Steps,
    ) -> Result<Matrix, QueryError> {
        let version = self.settings.version;
        if !is_name(name, version) {
            let mut told = format!("{name:?}");
            if version.has(Change::NameQuotedTwice) && !version.has(Change::JoinChecked) {
                told = format!("{told:?}");
            }
            let reason = format!("invalid label name {told}");
            return Err(QueryError::Execution(reason));
        }
        let rows = self.matrix(node, steps)?;
        let mut counts: HashMap<Labels, Vec<f64>> = HashMap::new();
        for row in &rows {
            for step in 0..steps.count() {
                let Some(value) = row.at(step) else { continue };
                let mut labels = row.labels.clone();
                let written = match value {
                    f64::INFINITY => "+Inf".to_owned(),
                    f64::NEG_INFINITY => "-Inf".to_owned(),
                    value => value.to_string(),
                };
                labels.set(name, &written);
                let mut group = grouping.group(&labels);
                if !grouping.without {
                    group.set(name, &written);
                }
                let new = || vec![STALE; steps.count()];
                let values = counts.entry(group).or_insert_with(new);
                if let Some(count) = values.get_mut(step) {
                    *count = if count.is_nan() { 1.0 } else { *count + 1.0 };
                }
            }
            self.within_limits(counts.len().saturating_mul(steps.count()))?;
        }
        let row = |(labels, values)| Row { labels, values };
        let mut rows: Matrix = counts.into_iter().map(row).collect();
        rows.sort_by(|a, b| a.labels.cmp(&b.labels));
        joined(rows)
    }
}

/// The rows with the best values of each group at each step.
fn ranked(
    rows: Matrix,
    group_of: &[usize],
    groups: usize,
    capacities: &[f64],
    before: ranked::Before,
) -> Result<Matrix, QueryError> {
    let mut results: Vec<Row> = Vec::new();
    let mut place_of: Vec<Option<usize>> = vec![None; rows.len()];
    for (step, capacity) in capacities.iter().enumerate() {
        // The borders are those of the integers that Go can make of it.
        if !(*capacity >= -(2f64.powi(63)) && *capacity < 2f64.powi(63)) && any(&rows, step) {
            let value = crate::number::general(*capacity);
            return Err(QueryError::Execution(format!(
                "Scalar value {value} overflows int64"
            )));
        }
        let capacity = (*capacity as i64).clamp(0, rows.len() as i64) as usize;
        let mut best: Vec<Best> = (0..groups).map(|_| Best::new(capacity, before)).collect();
        for (index, (row, group)) in rows.iter().zip(group_of).enumerate() {
            if let (Some(value), Some(best)) = (row.at(step), best.get_mut(*group)) {
                best.offer(value, index);
            }
        }
        for index in best.into_iter().flat_map(Best::ordered) {
            let (Some(row), Some(place)) = (rows.get(index), place_of.get_mut(index)) else {
                continue;
            };
            let place = *place.get_or_insert_with(|| {
                results.push(Row {
                    labels: row.labels.clone(),
                    values: vec![STALE; capacities.len()],
                });
                results.len() - 1
            });
            let result = results
                .get_mut(place)
                .and_then(|row| row.values.get_mut(step));
            if let (Some(result), Some(value)) = (result, row.at(step)) {
                *result = value;
            }
        }
    }
    Ok(results)
}

fn any(rows: &Matrix, step: usize) -> bool {
    rows.iter().any(|row| row.at(step).is_some())
}

/// Aggregates the values of one step; before v3 without compensation of rounding errors.
fn reduce(
    (kind, version): (Kind, Version),
    q: f64,
    step: usize,
    (rows, group_of): (&Matrix, &[usize]),
    results: &mut Matrix,
) {
    let mut states: Vec<Option<State>> = results.iter().map(|_| None).collect();
    for (row, group) in rows.iter().zip(group_of) {
        let (Some(value), Some(state)) = (row.at(step), states.get_mut(*group)) else {
            continue;
        };
        match state {
            Some(state) => state.add(value),
            None => *state = Some(State::new(kind, !version.is_3(), value)),
        }
    }
    for (result, state) in results.iter_mut().zip(states) {
        if let (Some(value), Some(state)) = (result.values.get_mut(step), state) {
            *value = state.value(q, version);
        }
    }
}

/// The values of one group at one step, as far as they are aggregated.
enum State {
    Sum(Sum),
    Avg(Mean),
    PlainSum(f64),
    /// Count and running mean.
    PlainAvg(f64, f64),
    Min(f64),
    Max(f64),
    Count(f64),
    Group,
    /// Count, mean, sum of squares, and whether the root is taken.
    Deviation(f64, f64, f64, bool),
    All(Vec<f64>),
}

impl State {
    fn new(kind: Kind, plain: bool, value: f64) -> Self {
        // What isn't finite spoils the deviation; before v3 not where it comes first.
        let squares = if value.is_finite() || plain {
            0.0
        } else {
            f64::NAN
        };
        match kind {
            Kind::Sum if plain => Self::PlainSum(value),
            Kind::Avg if plain => Self::PlainAvg(1.0, value),
            Kind::Sum => Self::Sum(Sum::of(value)),
            Kind::Avg => Self::Avg(Mean::of(value)),
            Kind::Min => Self::Min(value),
            Kind::Max => Self::Max(value),
            Kind::Count => Self::Count(1.0),
            Kind::Stddev => Self::Deviation(1.0, value, squares, true),
            Kind::Stdvar => Self::Deviation(1.0, value, squares, false),
            Kind::Quantile => Self::All(vec![value]),
            Kind::Group | Kind::Topk | Kind::Bottomk | Kind::CountValues => Self::Group,
        }
    }

    fn add(&mut self, value: f64) {
        match self {
            Self::Sum(sum) => *sum = sum.plus(value),
            Self::Avg(mean) => mean.add(value),
            Self::PlainSum(sum) => *sum += value,
            Self::PlainAvg(count, mean) => {
                *count += 1.0;
                if !infinite_mean_stays(*mean, value) {
                    *mean += value / *count - *mean / *count;
                }
            }
            Self::Min(min) if *min > value || min.is_nan() => *min = value,
            Self::Max(max) if *max < value || max.is_nan() => *max = value,
            Self::Count(count) => *count += 1.0,
            Self::Deviation(count, mean, squares, _) => {
                *count += 1.0;
                let off = value - *mean;
                *mean += off / *count;
                *squares += off * (value - *mean);
            }
            Self::All(values) => values.push(value),
            Self::Min(_) | Self::Max(_) | Self::Group => {}
        }
    }

    fn value(self, q: f64, version: Version) -> f64 {
        match self {
            Self::Sum(sum) => sum.value(),
            Self::Avg(mean) => mean.value(),
            Self::PlainSum(value) | Self::PlainAvg(_, value) => value,
            Self::Min(value) | Self::Max(value) | Self::Count(value) => value,
            Self::Group => 1.0,
            Self::Deviation(count, _, squares, true) => (squares / count).sqrt(),
            Self::Deviation(count, _, squares, false) => squares / count,
            Self::All(mut values) => quantile(q, &mut values, version),
        }
    }
}
