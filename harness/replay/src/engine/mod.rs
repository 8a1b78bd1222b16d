//! Evaluates PromQL at one instant, from an immutable [`World`]; knows nothing of HTTP.
//!
//! The subset: selectors with all matchers and `offset`, `rate`, `increase`, `sum`, `avg`, `min`, `max`, `count` with
//! `by` and `without`, arithmetic and comparisons with at least one scalar side, unary minus. What is outside is refused
//! by name with [`QueryError::Unsupported`]. The rules are those of Prometheus 3 (`promql/engine.go`,
//! `promql/functions.go`); golden answers of the real engine are in `fixtures/golden/promql.json`.

mod aggregate;
mod binary;
mod rate;
mod select;

use promql_parser::parser::{Call, Expr, MatrixSelector, UnaryExpr};
use thiserror::Error;

pub use select::{Selector, parse_selector};

use crate::{World, labels::Labels};

/// How deep expressions may be nested.
const MAX_DEPTH: usize = 64;
/// Length of a query that is looked at.
const MAX_QUERY: usize = 64 * 1024;

/// Scenario milliseconds and values, oldest first.
pub type Samples = Vec<(i64, f64)>;

/// What a query evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    String(String),
    /// One value for each label set, ordered by label sets.
    Vector(Vec<Element>),
    /// Samples for each label set.
    Matrix(Vec<(Labels, Samples)>),
}

/// One element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    /// Its labels.
    pub labels: Labels,
    /// Its value.
    pub value: f64,
}

/// Why a query has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QueryError {
    /// It isn't PromQL.
    #[error("{0}")]
    Parse(String),
    /// It is PromQL that this evaluator doesn't know.
    #[error("not supported by setpoint's fake Prometheus: {0}")]
    Unsupported(String),
    /// Two elements of a vector have the same labels.
    #[error("vector cannot contain metrics with the same labelset")]
    DuplicateLabels,
    /// More samples than Prometheus loads (`--query.max-samples`).
    #[error("query processing would load too many samples into memory in query execution")]
    TooManySamples,
}

/// Evaluates `query` at the scenario time `at` (milliseconds).
///
/// # Errors
/// If it can't be parsed, is outside the subset, or has no valid result.
pub fn evaluate(world: &World, query: &str, at: i64) -> Result<Value, QueryError> {
    let expr = parse(query)?;
    let mut evaluation = Evaluation {
        world,
        at,
        samples: 0,
    };
    let value = evaluation.value(&expr, 0)?;
    Ok(match value {
        Value::Vector(elements) => Value::Vector(sorted(elements)?),
        Value::Matrix(mut series) => {
            series.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Matrix(series)
        }
        other => other,
    })
}

/// Whether a text is PromQL, this evaluator's subset of it or not.
///
/// # Errors
/// If it isn't.
pub fn parse_query(query: &str) -> Result<(), QueryError> {
    parse(query).map(drop)
}

fn parse(query: &str) -> Result<Expr, QueryError> {
    if query.trim().is_empty() {
        return Err(QueryError::Parse(
            "unknown position: parse error: no expression found in input".to_owned(),
        ));
    }
    let nesting = query.matches(['(', '-', '+', '{', '[']).count();
    if query.len() > MAX_QUERY || nesting > 4096 {
        return Err(QueryError::Unsupported("a query of this size".to_owned()));
    }
    promql_parser::parser::parse(query)
        .map_err(|reason| QueryError::Parse(format!("parse error: {reason}")))
}

/// Orders a vector and refuses equal label sets, as `Vector.ContainsSameLabelset` makes Prometheus do.
fn sorted(mut elements: Vec<Element>) -> Result<Vec<Element>, QueryError> {
    elements.sort_by(|a, b| a.labels.cmp(&b.labels));
    if elements
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.labels == b.labels))
    {
        return Err(QueryError::DuplicateLabels);
    }
    Ok(elements)
}

struct Evaluation<'a> {
    world: &'a World,
    at: i64,
    samples: usize,
}

impl Evaluation<'_> {
    fn value(&mut self, expr: &Expr, depth: usize) -> Result<Value, QueryError> {
        if depth > MAX_DEPTH {
            return Err(QueryError::Unsupported(format!(
                "more than {MAX_DEPTH} nested expressions"
            )));
        }
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::String(text.val.clone())),
            Expr::Paren(paren) => self.value(&paren.expr, depth + 1),
            Expr::VectorSelector(selector) => self.instant(selector).map(Value::Vector),
            Expr::MatrixSelector(selector) => self.matrix(selector).map(Value::Matrix),
            Expr::Unary(unary) => self.negate(unary, depth),
            Expr::Call(call) => self.call(call),
            Expr::Aggregate(aggregate) => {
                let kind = aggregate::Kind::of(aggregate)?;
                let input = self.vector(&aggregate.expr, depth)?;
                Ok(Value::Vector(aggregate::aggregate(
                    kind,
                    aggregate.modifier.as_ref(),
                    &input,
                )))
            }
            Expr::Binary(expr) => {
                let operator = binary::Operator::of(expr)?;
                let left = self.value(&expr.lhs, depth + 1)?;
                let right = self.value(&expr.rhs, depth + 1)?;
                operator.apply(left, right)
            }
            Expr::Subquery(_) => Err(QueryError::Unsupported("subqueries".to_owned())),
            Expr::Extension(_) => Err(QueryError::Unsupported("extensions".to_owned())),
        }
    }

    fn vector(&mut self, expr: &Expr, depth: usize) -> Result<Vec<Element>, QueryError> {
        match self.value(expr, depth + 1)? {
            Value::Vector(elements) => Ok(elements),
            _ => Err(QueryError::Parse(
                "parse error: expected type instant vector in aggregation expression".to_owned(),
            )),
        }
    }

    fn negate(&mut self, unary: &UnaryExpr, depth: usize) -> Result<Value, QueryError> {
        match self.value(&unary.expr, depth + 1)? {
            Value::Scalar(value) => Ok(Value::Scalar(-value)),
            Value::Vector(elements) => {
                let negated = elements.into_iter().map(|element| Element {
                    labels: element.labels.without_name(),
                    value: -element.value,
                });
                sorted(negated.collect()).map(Value::Vector)
            }
            _ => Err(QueryError::Parse(
                "parse error: unary expression only allowed on expressions of type scalar or instant vector"
                    .to_owned(),
            )),
        }
    }

    fn call(&mut self, call: &Call) -> Result<Value, QueryError> {
        let per_second = match call.func.name {
            "rate" => true,
            "increase" => false,
            other => {
                return Err(QueryError::Unsupported(format!("the function {other}()")));
            }
        };
        let Some(selector) = call.args.args.first().and_then(|arg| matrix_of(arg)) else {
            return Err(QueryError::Unsupported(format!(
                "the argument of {}(): expected a range selector",
                call.func.name
            )));
        };
        let (start, end) = select::window(&selector.vs, selector.range, self.at)?;
        let mut elements = Vec::new();
        for (labels, samples) in self.matrix(selector)? {
            if let Some(value) = rate::extrapolated(&samples, start, end, per_second) {
                elements.push(Element {
                    labels: labels.without_name(),
                    value,
                });
            }
        }
        sorted(elements).map(Value::Vector)
    }
}

/// The range selector in an argument, through parentheses.
fn matrix_of(expr: &Expr) -> Option<&MatrixSelector> {
    match expr {
        Expr::MatrixSelector(selector) => Some(selector),
        Expr::Paren(paren) => matrix_of(&paren.expr),
        _ => None,
    }
}
