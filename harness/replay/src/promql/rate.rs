//! Rises and differences, extended to the borders of the window or between the last two samples.

use super::Change;
use super::eval::Evaluation;
use super::functions::name_of;
use super::matrix::Matrix;
use super::window::Window;

pub(super) fn rate(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true).map(|(rise, factor)| {
        let range = seconds(window.end.saturating_sub(window.start));
        rise * (factor / range)
    })
}

pub(super) fn increase(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true).map(|(rise, factor)| rise * factor)
}

pub(super) fn delta(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, false).map(|(rise, factor)| rise * factor)
}

/// What changed between the first and the last sample, and the factor that extends it to the window (`extrapolatedRate`).
///
/// It reaches to a border where a sample is near enough, else by half of the average distance between samples, and for a
/// counter never to before it was zero.
fn extrapolated(window: &Window<'_>, counter: bool) -> Option<(f64, f64)> {
    let [(first_at, first), .., (last_at, last)] = window.samples else {
        return None;
    };
    let mut rise = last - first;
    if counter {
        for pair in window.samples.windows(2) {
            if let [(_, before), (_, after)] = pair
                && after < before
            {
                rise += before;
            }
        }
    }
    let sampled = seconds(last_at - first_at);
    let distance = sampled / (window.samples.len() - 1) as f64;
    let near = |gap: f64| {
        if gap >= distance * 1.1 {
            distance / 2.0
        } else {
            gap
        }
    };
    let zero = match counter && rise > 0.0 && *first >= 0.0 {
        true => sampled * (first / rise),
        false => f64::INFINITY,
    };
    let start = seconds(first_at.saturating_sub(window.start));
    let before = match window.version.has(Change::NearnessFirst) {
        true => near(start).min(zero),
        // The zero point came before the question of nearness.
        false => near(start.min(zero)),
    };
    let after = near(seconds(window.end.saturating_sub(*last_at)));
    Some((rise, (sampled + before + after) / sampled))
}

pub(super) fn last_rate(window: &Window<'_>) -> Option<f64> {
    between_last(window, |before, after| match after < before {
        true => after,
        false => after - before,
    })
    .map(|(rise, seconds)| rise / seconds)
}

pub(super) fn last_delta(window: &Window<'_>) -> Option<f64> {
    between_last(window, |before, after| after - before).map(|(rise, _)| rise)
}

fn between_last(window: &Window<'_>, rise: fn(f64, f64) -> f64) -> Option<(f64, f64)> {
    let [.., (before_at, before), (after_at, after)] = window.samples else {
        return None;
    };
    let apart = after_at - before_at;
    (apart != 0).then(|| (rise(*before, *after), seconds(apart)))
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Says which series don't look like counters.
pub(super) fn note_gauges(evaluation: &mut Evaluation<'_>, rows: &Matrix) {
    const ENDS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
    let mut last = "";
    for row in rows {
        let name = name_of(row);
        if name != last && !name.is_empty() && !ENDS.iter().any(|end| name.ends_with(end)) {
            evaluation.inform(format!(
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {name:?}"
            ));
        }
        last = name;
    }
}
