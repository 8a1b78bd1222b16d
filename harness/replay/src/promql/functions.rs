//! What functions are and how they are called; [`function_table`] has an entry for each.

use super::dates::{self, Date};
use super::eval::Evaluation;
use super::matrix::{Matrix, Row, Steps, joined, without_names};
use super::number_functions::check_quantiles;
use super::plan::{Node, Type};
use super::window::Window;
use super::{Change, QueryError, Version, function_table, rate};
use crate::labels::METRIC_NAME;

/// A function.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The types of its arguments.
    pub(super) takes: &'static [Type],
    /// How many of them, from the last on, may be left out.
    pub(super) optional: usize,
    /// Whether the last may stand any number of times.
    pub(super) repeats: bool,
    /// The type of what it gives.
    pub(super) gives: Type,
    /// Whether it depends on the time of the step even where its arguments don't.
    pub(super) tells_time: bool,
    /// The first version that has it.
    pub(super) since: Version,
    pub(super) how: How,
}

/// What a function does.
#[derive(Debug)]
pub(super) enum How {
    /// It changes each value; the name is dropped.
    Each(fn(f64) -> f64),
    /// It changes each value by scalars, which are the arguments after the first, or drops it; the name is dropped.
    EachWith(fn(f64, &[f64]) -> Option<f64>),
    /// It makes a value of the samples in a window.
    Window(fn(&Window<'_>) -> Option<f64>),
    /// It tells something of the date that each value, or else the step, stands for.
    Date(fn(Date) -> i64),
    /// Anything else.
    Whole(fn(&mut Evaluation<'_>, Call<'_>) -> Result<Matrix, QueryError>),
    /// It looks at native histograms only, which don't exist here.
    NativeHistograms,
    /// Prometheus knows it, but only with a feature flag.
    Experimental,
}

/// A call: its arguments, and when it is evaluated.
pub(super) struct Call<'a> {
    pub(super) args: &'a [Node],
    pub(super) steps: Steps,
}

impl<'a> Call<'a> {
    pub(super) fn arg(&self, index: usize) -> Result<&'a Node, QueryError> {
        let missing = || QueryError::Execution("an argument is missing".to_owned());
        self.args.get(index).ok_or_else(missing)
    }

    /// A text among the arguments.
    pub(super) fn text(&self, index: usize) -> Result<&'a str, QueryError> {
        match self.arg(index)? {
            Node::Text(text) => Ok(text),
            _ => Err(QueryError::Execution("expected a text".to_owned())),
        }
    }

    /// The values of all scalar arguments from a position on.
    fn scalars(
        &self,
        evaluation: &mut Evaluation<'_>,
        from: usize,
    ) -> Result<Vec<Vec<f64>>, QueryError> {
        let args = self.args.get(from..).unwrap_or_default().iter();
        args.map(|arg| evaluation.scalar(arg, self.steps)).collect()
    }
}

/// Looks a function up.
pub(super) fn find(name: &str, version: Version) -> Result<&'static Function, QueryError> {
    let known = function_table::FUNCTIONS
        .iter()
        .find(|function| function.name == name && function.since <= version);
    match known {
        Some(function) if matches!(function.how, How::Experimental) => Err(QueryError::Parse(
            format!("parse error: function {name:?} is not enabled"),
        )),
        Some(function) => Ok(function),
        None => Err(QueryError::Parse(format!(
            "parse error: unknown function with name {name:?}"
        ))),
    }
}

impl Function {
    pub(super) fn call(
        &self,
        evaluation: &mut Evaluation<'_>,
        call: Call<'_>,
    ) -> Result<Matrix, QueryError> {
        match self.how {
            How::Each(change) => each(evaluation, &call, |_, value| Some(change(value))),
            How::EachWith(change) => {
                let scalars = call.scalars(evaluation, 1)?;
                each(evaluation, &call, |step, value| {
                    change(value, &at(&scalars, step))
                })
            }
            How::Window(function) => self.windows(evaluation, &call, function),
            How::Date(tell) => dates::tell(evaluation, &call, tell),
            How::Whole(function) => function(evaluation, call),
            How::NativeHistograms => {
                evaluation.matrix(call.arg(0)?, call.steps)?;
                Ok(Matrix::new())
            }
            How::Experimental => Err(QueryError::Unsupported(format!("{}()", self.name))),
        }
    }

    fn windows(
        &self,
        evaluation: &mut Evaluation<'_>,
        call: &Call<'_>,
        function: fn(&Window<'_>) -> Option<f64>,
    ) -> Result<Matrix, QueryError> {
        let mut range = None;
        let mut scalars = Vec::new();
        for (arg, of) in call.args.iter().zip(self.takes) {
            match of {
                Type::Matrix => range = Some(arg),
                _ => scalars.push(evaluation.scalar(arg, call.steps)?),
            }
        }
        let range = range.ok_or_else(|| QueryError::Execution("no range vector".to_owned()))?;
        let rows = evaluation.over_windows(range, &scalars, call.steps, function)?;
        match self.name {
            "rate" | "increase" => rate::note_gauges(evaluation, &rows),
            "quantile_over_time" => {
                let used = scalars.iter().flatten().enumerate();
                let used = used.filter(|(step, _)| rows.iter().any(|row| row.at(*step).is_some()));
                let used: Vec<f64> = used.map(|(_, q)| *q).collect();
                check_quantiles(evaluation, &used);
            }
            _ => {}
        }
        if matches!(self.name, "last_over_time" | "first_over_time") {
            return Ok(rows);
        }
        let version = evaluation.settings.version;
        without_names(rows, version.has(Change::EqualRowsOfRangesJoin))
    }
}

/// The first argument with each value changed and without names.
pub(super) fn each(
    evaluation: &mut Evaluation<'_>,
    call: &Call<'_>,
    change: impl Fn(usize, f64) -> Option<f64>,
) -> Result<Matrix, QueryError> {
    let rows = evaluation.matrix(call.arg(0)?, call.steps)?.into_iter();
    joined(
        rows.map(|row| row.without_name().changed(&change))
            .collect(),
    )
}

/// The values of several scalars at a step.
fn at(scalars: &[Vec<f64>], step: usize) -> Vec<f64> {
    let at = |values: &Vec<f64>| values.get(step).copied().unwrap_or(f64::NAN);
    scalars.iter().map(at).collect()
}

pub(super) fn name_of(row: &Row) -> &str {
    row.labels.value(METRIC_NAME)
}
