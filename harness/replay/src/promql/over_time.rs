//! Functions of the samples in a window, without extrapolation.

use super::sum::{self, Mean, RunningMean, Sum};
use super::window::Window;

pub(super) fn one(_: &Window<'_>) -> Option<f64> {
    Some(1.0)
}

pub(super) fn count(window: &Window<'_>) -> Option<f64> {
    Some(window.samples.len() as f64)
}

pub(super) fn first(window: &Window<'_>) -> Option<f64> {
    window.values().next()
}

pub(super) fn last(window: &Window<'_>) -> Option<f64> {
    window.values().last()
}

pub(super) fn sum(window: &Window<'_>) -> Option<f64> {
    let sum = window.values().fold(Sum::default(), Sum::plus);
    let overflown = sum.total.is_infinite();
    Some(if overflown { sum.total } else { sum.value() })
}

pub(super) fn average(window: &Window<'_>) -> Option<f64> {
    let mut values = window.values();
    if !window.version.is_3() {
        let mean = values.fold(RunningMean::default(), RunningMean::with);
        return Some(mean.value());
    }
    let mut mean = Mean::of(values.next()?);
    values.for_each(|value| mean.add(value));
    Some(mean.value())
}

/// The value that no other one beats; NaN only where there is nothing else.
fn best(window: &Window<'_>, beats: fn(&f64, &f64) -> bool) -> Option<f64> {
    window
        .values()
        .reduce(|best, value| match beats(&value, &best) || best.is_nan() {
            true => value,
            false => best,
        })
}

pub(super) fn max(window: &Window<'_>) -> Option<f64> {
    best(window, f64::gt)
}

pub(super) fn min(window: &Window<'_>) -> Option<f64> {
    best(window, f64::lt)
}

pub(super) fn quantile(window: &Window<'_>) -> Option<f64> {
    let mut values: Vec<f64> = window.values().collect();
    Some(sum::quantile(
        *window.scalars.first()?,
        &mut values,
        window.version,
    ))
}

pub(super) fn variance(window: &Window<'_>) -> Option<f64> {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (index, value) in window.values().enumerate() {
        let off = value - mean.value();
        mean = mean.plus(off / (index + 1) as f64);
        squares = squares.plus(off * (value - mean.value()));
    }
    Some(squares.value() / window.samples.len() as f64)
}

pub(super) fn deviation(window: &Window<'_>) -> Option<f64> {
    variance(window).map(f64::sqrt)
}

/// How many pairs of neighbours satisfy a condition.
fn pairs(window: &Window<'_>, counts: fn(f64, f64) -> bool) -> Option<f64> {
    let next = window.values().skip(1);
    let pairs = window.values().zip(next);
    Some(pairs.filter(|(a, b)| counts(*a, *b)).count() as f64)
}

pub(super) fn resets(window: &Window<'_>) -> Option<f64> {
    pairs(window, |before, after| after < before)
}

pub(super) fn changes(window: &Window<'_>) -> Option<f64> {
    pairs(window, |before, after| {
        before != after && !(before.is_nan() && after.is_nan())
    })
}
