//! The line through the samples of a window.

use super::sum::Sum;
use super::window::Window;

pub(super) fn slope(window: &Window<'_>) -> Option<f64> {
    let [(first_at, _), _, ..] = window.samples else {
        return None;
    };
    Some(line(window.samples, *first_at).0)
}

pub(super) fn predicted(window: &Window<'_>) -> Option<f64> {
    let [_, _, ..] = window.samples else {
        return None;
    };
    let (slope, now) = line(window.samples, window.now);
    Some(slope * window.scalars.first()? + now)
}

/// The slope per second, and the value at a time, of the line with the least squares (`linearRegression`).
fn line(samples: &[(i64, f64)], at: i64) -> (f64, f64) {
    let first = samples.first().map_or(f64::NAN, |(_, value)| *value);
    if samples.iter().skip(1).all(|(_, value)| *value == first) {
        return match first.is_infinite() {
            true => (f64::NAN, f64::NAN),
            false => (0.0, first),
        };
    }
    let [mut x, mut y, mut xy, mut xx] = [Sum::default(); 4];
    for (time, value) in samples {
        let seconds = (time - at) as f64 / 1e3;
        x = x.plus(seconds);
        y = y.plus(*value);
        xy = xy.plus(seconds * value);
        xx = xx.plus(seconds * seconds);
    }
    let [x, y, xy, xx] = [x, y, xy, xx].map(Sum::value);
    let count = samples.len() as f64;
    let slope = (xy - x * y / count) / (xx - x * x / count);
    (slope, y / count - slope * x / count)
}
