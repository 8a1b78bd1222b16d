//! Which elements of two vectors belong together.

use std::collections::HashMap;

use promql_parser::parser::{BinaryExpr, LabelModifier, VectorMatchCardinality};

use super::QueryError;
use super::matrix::Matrix;
use crate::labels::{Labels, METRIC_NAME};

/// How many elements of one side belong to one of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cardinality {
    OneToOne,
    /// `group_left`
    ManyToOne,
    /// `group_right`
    OneToMany,
}

/// `on`, `ignoring`, `group_left` and `group_right`.
#[derive(Debug)]
pub(super) struct Matching {
    pub(super) cardinality: Cardinality,
    on: bool,
    labels: Vec<String>,
    /// Labels that the result takes from the side of which there is one.
    include: Vec<String>,
}

impl Matching {
    pub(super) fn of(expr: &BinaryExpr) -> Result<Self, QueryError> {
        let refused = |reason: String| Err(QueryError::Parse(format!("parse error: {reason}")));
        let mut matching = Self {
            cardinality: Cardinality::OneToOne,
            on: false,
            labels: Vec::new(),
            include: Vec::new(),
        };
        let Some(modifier) = &expr.modifier else {
            return Ok(matching);
        };
        if modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some() {
            return refused("binop fill modifiers are experimental and not enabled".to_owned());
        }
        if let Some(labels) = &modifier.matching {
            matching.on = matches!(labels, LabelModifier::Include(_));
            matching.labels.clone_from(&labels.labels().labels);
        }
        (matching.cardinality, matching.include) = match &modifier.card {
            VectorMatchCardinality::ManyToOne(labels) => {
                (Cardinality::ManyToOne, labels.labels.clone())
            }
            VectorMatchCardinality::OneToMany(labels) => {
                (Cardinality::OneToMany, labels.labels.clone())
            }
            _ => (Cardinality::OneToOne, Vec::new()),
        };
        if expr.op.is_set_operator() && matching.cardinality != Cardinality::OneToOne {
            let op = expr.op.to_string();
            return refused(format!("no grouping allowed for {op:?} operation"));
        }
        let both = |label: &&String| matching.on && matching.include.contains(label);
        match matching.labels.iter().find(both) {
            Some(label) => refused(format!(
                "label {label:?} must not occur in ON and GROUP clause at once"
            )),
            None => Ok(matching),
        }
    }

    pub(super) fn names_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    fn names(&self, label: &str) -> bool {
        self.labels.iter().any(|named| named == label)
    }

    /// The labels by which elements belong together.
    pub(super) fn key(&self, labels: &Labels) -> Labels {
        if self.on {
            labels.filtered(|name| self.names(name))
        } else {
            labels.filtered(|name| name != METRIC_NAME && !self.names(name))
        }
    }

    /// The labels of the result of a pair. `many` is of the side of which there may be many, `one` of the other.
    pub(super) fn result(&self, many: &Labels, one: &Labels, drop_name: bool) -> Labels {
        let one_to_one = self.cardinality == Cardinality::OneToOne;
        let mut labels = many.filtered(|name| {
            let kept = !one_to_one || self.names(name) == self.on;
            kept && !(drop_name && name == METRIC_NAME)
        });
        for name in &self.include {
            labels.set(name, one.value(name));
        }
        labels
    }
}

/// Numbers for the keys of the rows on both sides: equal keys have equal numbers.
pub(super) struct Keys {
    pub(super) left: Vec<usize>,
    pub(super) right: Vec<usize>,
    /// How many there are.
    pub(super) count: usize,
}

impl Keys {
    pub(super) fn new(matching: &Matching, left: &Matrix, right: &Matrix) -> Self {
        let mut numbers: HashMap<Labels, usize> = HashMap::new();
        let mut number = |rows: &Matrix| {
            let numbered = rows.iter().map(|row| {
                let next = numbers.len();
                *numbers.entry(matching.key(&row.labels)).or_insert(next)
            });
            numbered.collect()
        };
        let (left, right) = (number(left), number(right));
        let count = numbers.len();
        Self { left, right, count }
    }
}
