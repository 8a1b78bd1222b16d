//! Functions of whole vectors.

use super::eval::Evaluation;
use super::functions::Call;
use super::matrix::{Matrix, Row, STALE, joined, present};
use super::plan::Node;
use super::ranked;
use super::{Change, QueryError};
use crate::labels::Labels;

type Answer = Result<Matrix, QueryError>;

/// 1 at the steps where no row has a value.
fn nothing_of(rows: &Matrix, argument: &Node, call: &Call<'_>) -> Matrix {
    let mut values = vec![1.0; call.steps.count()];
    for row in rows {
        for (step, value) in values.iter_mut().enumerate() {
            if row.at(step).is_some() {
                *value = STALE;
            }
        }
    }
    let labels = match argument {
        Node::Instant(source) | Node::Range(source, _) => source.selector.told_by_absent(),
        _ => Labels::new(),
    };
    present(vec![Row { labels, values }])
}

pub(super) fn absent(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    let argument = call.arg(0)?;
    let rows = evaluation.matrix(argument, call.steps)?;
    Ok(nothing_of(&rows, argument, &call))
}

pub(super) fn absent_over_time(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    let argument = call.arg(0)?;
    let rows = evaluation.over_windows(argument, &[], call.steps, |_| Some(1.0))?;
    Ok(nothing_of(&rows, argument, &call))
}

/// The only value of each step, NaN where there are several or none.
pub(super) fn scalar(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    let rows = evaluation.matrix(call.arg(0)?, call.steps)?;
    let only = |step| {
        let mut values = rows.iter().filter_map(|row| row.at(step));
        let first = values.next().unwrap_or(f64::NAN);
        values.next().map_or(first, |_| f64::NAN)
    };
    let values = (0..call.steps.count()).map(only).collect();
    Ok(vec![Row::unlabelled(values)])
}

pub(super) fn vector(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    evaluation.matrix(call.arg(0)?, call.steps)
}

pub(super) fn time(_: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    let seconds = call.steps.times().map(|time| time as f64 / 1000.0);
    Ok(vec![Row::unlabelled(seconds.collect())])
}

pub(super) fn pi(_: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    let values = vec![std::f64::consts::PI; call.steps.count()];
    Ok(vec![Row::unlabelled(values)])
}

pub(super) fn timestamp(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    let argument = call.arg(0)?;
    if let Node::Instant(source) = argument.unwrapped() {
        let rows = evaluation.selected(source, call.steps, |at, _| at as f64 / 1000.0)?;
        return joined(rows.into_iter().map(Row::without_name).collect());
    }
    let times: Vec<i64> = call.steps.times().collect();
    let rows = evaluation.matrix(argument, call.steps)?.into_iter();
    let told = rows.map(|row| {
        let time = |step: usize, _| times.get(step).map(|time| *time as f64 / 1000.0);
        row.without_name().changed(time)
    });
    joined(told.collect())
}

fn sorted(evaluation: &mut Evaluation<'_>, call: &Call<'_>, less: fn(f64, f64) -> bool) -> Answer {
    let mut rows = evaluation.matrix(call.arg(0)?, call.steps)?;
    if call.steps.start != call.steps.end && evaluation.settings.version.has(Change::SortWarns) {
        evaluation.warn(
            "sort is ineffective for range queries since results are always ordered by labels"
                .to_owned(),
        );
    }
    if call.steps.count() == 1 {
        ranked::sort(&mut rows, less, |row| row.at(0).unwrap_or(f64::NAN));
    }
    Ok(rows)
}

pub(super) fn sort(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    sorted(evaluation, &call, ranked::greater)
}

pub(super) fn sort_descending(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    sorted(evaluation, &call, ranked::less)
}
