//! Operators between two expressions.

use std::collections::{HashMap, HashSet};

use promql_parser::parser::token::{self, TokenType};

use super::eval::Evaluation;
use super::matching::{Cardinality, Keys, Matching};
use super::matrix::{Matrix, Row, STALE, Steps, joined, present};
use super::plan::Node;
use super::{Change, QueryError, Version};
use crate::labels::Labels;

/// Two expressions and what stands between them.
#[derive(Debug)]
pub(super) struct Binary {
    pub(super) operator: Operator,
    /// `bool`: a comparison gives 0 or 1 instead of dropping elements.
    pub(super) as_number: bool,
    /// Whether the result isn't the metric that the operands were.
    pub(super) drops_name: bool,
    pub(super) matching: Matching,
    /// Which sides are scalars.
    pub(super) scalars: (bool, bool),
    pub(super) left: Node,
    pub(super) right: Node,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Operator {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(&f64, &f64) -> bool),
    And,
    Or,
    Unless,
}

impl Operator {
    pub(super) fn of(op: TokenType) -> Result<Self, QueryError> {
        Ok(match op.id() {
            token::T_ADD => Self::Arithmetic(|a, b| a + b),
            token::T_SUB => Self::Arithmetic(|a, b| a - b),
            token::T_MUL => Self::Arithmetic(|a, b| a * b),
            token::T_DIV => Self::Arithmetic(|a, b| a / b),
            token::T_MOD => Self::Arithmetic(|a, b| a % b),
            token::T_POW => Self::Arithmetic(f64::powf),
            token::T_ATAN2 => Self::Arithmetic(f64::atan2),
            token::T_EQLC => Self::Comparison(f64::eq),
            token::T_NEQ => Self::Comparison(f64::ne),
            token::T_GTR => Self::Comparison(f64::gt),
            token::T_LSS => Self::Comparison(f64::lt),
            token::T_GTE => Self::Comparison(f64::ge),
            token::T_LTE => Self::Comparison(f64::le),
            token::T_LAND => Self::And,
            token::T_LOR => Self::Or,
            token::T_LUNLESS => Self::Unless,
            _ => return Err(QueryError::Unsupported(format!("the operator {op}"))),
        })
    }
}

impl Binary {
    /// The value of a pair; none where a comparison drops it. `kept` is what a comparison that holds leaves.
    fn value(&self, a: f64, b: f64, kept: f64) -> Option<f64> {
        match self.operator {
            Operator::Arithmetic(operator) => Some(operator(a, b)),
            Operator::Comparison(holds) if self.as_number => {
                Some(f64::from(u8::from(holds(&a, &b))))
            }
            Operator::Comparison(holds) => holds(&a, &b).then_some(kept),
            Operator::And | Operator::Or | Operator::Unless => None,
        }
    }
}

impl Evaluation<'_> {
    pub(super) fn binary(&mut self, binary: &Binary, steps: Steps) -> Result<Matrix, QueryError> {
        let left = self.matrix(&binary.left, steps)?;
        let right = self.matrix(&binary.right, steps)?;
        let number = |rows: &Matrix, step: usize| {
            let row = rows.first();
            row.and_then(|row| row.at(step)).unwrap_or(f64::NAN)
        };
        match binary.scalars {
            (_, true) => of_each(binary, left, |step, value| {
                let (a, b) = (value, number(&right, step));
                // Between two scalars a comparison is a number always.
                binary.value(a, b, a)
            }),
            (true, false) => of_each(binary, right, |step, value| {
                let (a, b) = (number(&left, step), value);
                binary.value(a, b, b)
            }),
            (false, false) => match binary.operator {
                Operator::And | Operator::Or | Operator::Unless => {
                    let keys = Keys::new(&binary.matching, &left, &right);
                    combined(binary.operator, &keys, (left, right), steps)
                }
                _ => matched(self.settings.version, binary, (left, right), steps),
            },
        }
    }
}

fn of_each(
    binary: &Binary,
    rows: Matrix,
    value: impl Fn(usize, f64) -> Option<f64>,
) -> Result<Matrix, QueryError> {
    let rows = rows.into_iter().map(|row| {
        let row = row.changed(&value);
        match binary.drops_name {
            true => row.without_name(),
            false => row,
        }
    });
    joined(present(rows.collect()))
}

/// `and`, `or` and `unless`.
fn combined(
    operator: Operator,
    keys: &Keys,
    (mut left, mut right): (Matrix, Matrix),
    steps: Steps,
) -> Result<Matrix, QueryError> {
    let mut there = vec![false; keys.count];
    for step in 0..steps.count() {
        let (asked, asked_keys, changed, changed_keys) = match operator {
            Operator::Or => (&left, &keys.left, &mut right, &keys.right),
            _ => (&right, &keys.right, &mut left, &keys.left),
        };
        there.fill(false);
        for (row, key) in asked.iter().zip(asked_keys) {
            if let Some(there) = there.get_mut(*key) {
                *there |= row.at(step).is_some();
            }
        }
        for (row, key) in changed.iter_mut().zip(changed_keys) {
            let found = there.get(*key) == Some(&true);
            let kept = found == matches!(operator, Operator::And);
            if let (false, Some(value)) = (kept, row.values.get_mut(step)) {
                *value = STALE;
            }
        }
    }
    if matches!(operator, Operator::Or) {
        left.append(&mut right);
    }
    joined(present(left))
}

/// Pairs of elements with equal keys (`VectorBinop`).
fn matched(
    version: Version,
    binary: &Binary,
    (left, right): (Matrix, Matrix),
    steps: Steps,
) -> Result<Matrix, QueryError> {
    let matching = &binary.matching;
    let swapped = matching.cardinality == Cardinality::OneToMany;
    let keys = Keys::new(matching, &left, &right);
    let (many, many_keys, one, one_keys) = match swapped {
        true => (&right, &keys.right, &left, &keys.left),
        false => (&left, &keys.left, &right, &keys.right),
    };
    let mut results = Results::default();
    for step in 0..steps.count() {
        let partners = partners(binary, version, (one, one_keys), many, (step, keys.count))?;
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for (index, (row, key)) in many.iter().zip(many_keys).enumerate() {
            let (Some(value), Some(Some(partner))) = (row.at(step), partners.get(*key)) else {
                continue;
            };
            let Some((other, other_row)) =
                one.get(*partner).and_then(|row| Some((row.at(step)?, row)))
            else {
                continue;
            };
            let (a, b) = if swapped {
                (other, value)
            } else {
                (value, other)
            };
            let value = binary.value(a, b, a);
            if value.is_none() && !version.has(Change::PartnersBeforeComparison) {
                continue;
            }
            let labels = || matching.result(&row.labels, &other_row.labels, binary.drops_name);
            let place = results.place((index, *partner), labels, steps);
            let unique = match matching.cardinality {
                Cardinality::OneToOne => (*key, 0),
                _ => (*key, place),
            };
            if !seen.insert(unique) {
                let what = match matching.cardinality {
                    Cardinality::OneToOne => {
                        "many-to-one matching must be explicit (group_left/group_right)"
                    }
                    _ => "grouping labels must ensure unique matches",
                };
                return Err(QueryError::Execution(format!(
                    "multiple matches for labels: {what}"
                )));
            }
            results.set(place, step, value)?;
        }
    }
    Ok(present(results.rows))
}

/// For each key the row on the side of which there may be one only.
fn partners(
    binary: &Binary,
    version: Version,
    (one, keys): (&Matrix, &[usize]),
    many: &Matrix,
    (step, count): (usize, usize),
) -> Result<Vec<Option<usize>>, QueryError> {
    let mut partners = vec![None; count];
    if !many.iter().any(|row| row.at(step).is_some()) {
        return Ok(partners);
    }
    for (index, (row, key)) in one.iter().zip(keys).enumerate() {
        let (true, Some(partner)) = (row.at(step).is_some(), partners.get_mut(*key)) else {
            continue;
        };
        if let Some(first) = partner.and_then(|first: usize| one.get(first)) {
            let side = match binary.matching.cardinality {
                Cardinality::OneToMany => "left",
                _ => "right",
            };
            let key = binary.matching.key(&row.labels);
            let mut pair = [row.labels.to_string(), first.labels.to_string()];
            if version.has(Change::PairsInOrder) {
                pair.sort();
            }
            let [a, b] = pair;
            return Err(QueryError::Execution(format!(
                "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{a}, {b}];many-to-many matching not allowed: matching labels must be unique on one side"
            )));
        }
        *partner = Some(index);
    }
    Ok(partners)
}

/// The rows of the results, found by the pair they come from or by their labels.
#[derive(Default)]
struct Results {
    rows: Matrix,
    of_pair: HashMap<(usize, usize), usize>,
    of_labels: HashMap<Labels, usize>,
}

impl Results {
    fn place(
        &mut self,
        pair: (usize, usize),
        labels: impl FnOnce() -> Labels,
        steps: Steps,
    ) -> usize {
        let (rows, of_labels) = (&mut self.rows, &mut self.of_labels);
        *self.of_pair.entry(pair).or_insert_with(|| {
            *of_labels.entry(labels()).or_insert_with_key(|labels| {
                rows.push(Row {
                    labels: labels.clone(),
                    values: vec![STALE; steps.count()],
                });
                rows.len() - 1
            })
        })
    }

    fn set(&mut self, place: usize, step: usize, value: Option<f64>) -> Result<(), QueryError> {
        let there = self
            .rows
            .get_mut(place)
            .and_then(|row| row.values.get_mut(step));
        let (Some(there), Some(value)) = (there, value) else {
            return Ok(());
        };
        if !super::is_stale(*there) {
            return Err(QueryError::DuplicateLabels);
        }
        *there = value;
        Ok(())
    }
}
