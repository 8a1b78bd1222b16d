//! Functions of each value.

use std::f64::consts::PI;

use super::eval::Evaluation;
use super::functions::{Call, each};
use super::matrix::Matrix;
use super::{Change, QueryError};
use crate::number::general;

type Answer = Result<Matrix, QueryError>;

/// Multiplied by a quotient, or multiplied and divided.
fn scaled(evaluation: &mut Evaluation<'_>, call: &Call<'_>, up: f64, down: f64) -> Answer {
    let version = evaluation.settings.version;
    each(evaluation, call, |_, value| {
        Some(match version.has(Change::AnglesByQuotient) {
            true => value * (up / down),
            false => value * up / down,
        })
    })
}

pub(super) fn degrees(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    scaled(evaluation, &call, 180.0, PI)
}

pub(super) fn radians(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Answer {
    scaled(evaluation, &call, PI, 180.0)
}

pub(super) fn acosh(value: f64) -> f64 {
    libm::acosh(value)
}

pub(super) fn asinh(value: f64) -> f64 {
    libm::asinh(value)
}

pub(super) fn atanh(value: f64) -> f64 {
    libm::atanh(value)
}

pub(super) fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// The larger of two numbers, NaN where one is that and the other not infinite (`math.Max`).
fn larger(a: f64, b: f64) -> f64 {
    let infinite = a == f64::INFINITY || b == f64::INFINITY;
    if (a.is_nan() || b.is_nan()) && !infinite {
        f64::NAN
    } else {
        a.max(b)
    }
}

fn between(value: f64, least: f64, most: f64) -> Option<f64> {
    let capped = -larger(-most, -value);
    (most >= least || most.is_nan() || least.is_nan()).then(|| larger(least, capped))
}

pub(super) fn clamp(value: f64, borders: &[f64]) -> Option<f64> {
    match borders {
        [least, most] => between(value, *least, *most),
        _ => None,
    }
}

pub(super) fn clamp_max(value: f64, borders: &[f64]) -> Option<f64> {
    between(value, f64::NEG_INFINITY, *borders.first()?)
}

pub(super) fn clamp_min(value: f64, borders: &[f64]) -> Option<f64> {
    between(value, *borders.first()?, f64::INFINITY)
}

pub(super) fn round(value: f64, nearest: &[f64]) -> Option<f64> {
    // Prometheus multiplies by the inverse, and so do its rounding errors.
    let inverse = 1.0 / nearest.first().unwrap_or(&1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

/// Warns of quantiles outside of 0 to 1.
pub(super) fn check_quantiles(evaluation: &mut Evaluation<'_>, quantiles: &[f64]) {
    for q in quantiles {
        if !(0.0..=1.0).contains(q) {
            evaluation.warn(format!(
                "quantile value should be between 0 and 1, got {}",
                general(*q)
            ));
        }
    }
}
