//! Queries from their text to what is answered.

use std::time::Instant;

use super::eval::Evaluation;
use super::matrix::{Matrix, Row, Steps, is_stale, present};
use super::plan::{Node, Planner, Type};
use super::{QueryError, Settings, text};
use crate::{World, labels::Labels};

/// Scenario milliseconds and values, oldest first.
pub type Samples = Vec<(i64, f64)>;

/// What a query evaluates to.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A text.
    String(String),
    /// One value for each label set, in Prometheus' order.
    Vector(Vec<Element>),
    /// Samples for each label set, ordered by label sets.
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

/// What a query evaluates to, and what Prometheus has to say about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What it evaluates to.
    pub value: Value,
    /// What is likely wrong.
    pub warnings: Vec<String>,
    /// What may be meant otherwise.
    pub infos: Vec<String>,
}

/// Evaluates `query` at the scenario time `at` (milliseconds) as a Prometheus without flags does.
///
/// # Errors
/// If it can't be parsed, is outside of what is supported, or has no valid result.
pub fn evaluate(world: &World, query: &str, at: i64) -> Result<Value, QueryError> {
    instant(world, &Settings::default(), query, at).map(|answer| answer.value)
}

/// Evaluates `query` at the scenario time `at` (milliseconds).
///
/// # Errors
/// If it can't be parsed, is outside of what is supported, or has no valid result.
pub fn instant(
    world: &World,
    settings: &Settings,
    query: &str,
    at: i64,
) -> Result<Answer, QueryError> {
    let at = at.saturating_add(world.clock.origin());
    run(world, settings, query, Steps::once(at), true)
}

/// Evaluates `query` from `start` to `end` (scenario milliseconds, both inclusive), each `step` milliseconds.
///
/// # Errors
/// If it can't be parsed, is outside of what is supported, has no valid result, or is no vector or scalar; or if `step`
/// isn't above zero.
pub fn range(
    world: &World,
    settings: &Settings,
    query: &str,
    (start, end): (i64, i64),
    step: i64,
) -> Result<Answer, QueryError> {
    if step <= 0 {
        return Err(QueryError::Execution(
            "zero or negative query resolution step widths are not accepted".to_owned(),
        ));
    }
    let origin = world.clock.origin();
    let steps = Steps {
        start: start.saturating_add(origin),
        end: end.saturating_add(origin),
        step,
    };
    run(world, settings, query, steps, false)
}

fn run(
    world: &World,
    settings: &Settings,
    query: &str,
    steps: Steps,
    instant: bool,
) -> Result<Answer, QueryError> {
    let planner = Planner {
        version: settings.version,
        bounds: (steps.start, steps.end),
        time: &|wall| {
            let scenario = world.clock.to_scenario(wall);
            scenario.saturating_add(world.clock.origin())
        },
    };
    let part = planner.plan(&text::parse(query, settings.version)?, 0)?;
    let of = part.of;
    if !instant && !matches!(of, Type::Vector | Type::Scalar) {
        return Err(QueryError::Parse(format!(
            "invalid expression type {:?} for range query, must be Scalar or instant Vector",
            of.name()
        )));
    }
    let mut evaluation = Evaluation::new(world, settings, Instant::now());
    let node = part.into_node();
    let value = match node.unwrapped() {
        Node::Text(text) => Value::String(text.clone()),
        node if of == Type::Matrix => Value::Matrix(evaluation.samples(node, steps.start)?),
        _ => {
            let matrix = evaluation.matrix(&node, steps)?;
            if instant {
                at_once(of, matrix)
            } else {
                Value::Matrix(over_time(matrix, steps, world.clock.origin()))
            }
        }
    };
    let (warnings, infos) = evaluation.notes();
    Ok(Answer {
        value,
        warnings,
        infos,
    })
}

fn at_once(of: Type, matrix: Matrix) -> Value {
    let element = |row: Row| {
        let value = row.at(0)?;
        let labels = row.labels;
        Some(Element { labels, value })
    };
    let mut elements = matrix.into_iter().filter_map(element);
    match of {
        Type::Scalar => Value::Scalar(elements.next().map_or(f64::NAN, |element| element.value)),
        _ => Value::Vector(elements.collect()),
    }
}

fn over_time(matrix: Matrix, steps: Steps, origin: i64) -> Vec<(Labels, Samples)> {
    let mut matrix = present(matrix);
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    let samples = |row: Row| {
        let samples = steps.times().zip(row.values);
        let samples = samples.filter(|(_, value)| !is_stale(*value));
        let samples = samples.map(|(time, value)| (time - origin, value));
        (row.labels, samples.collect())
    };
    matrix.into_iter().map(samples).collect()
}
