//! `rate` and `increase`.

/// What a counter rose by between `start` and `end`, per second or in all; none with fewer than two samples.
///
/// `extrapolatedRate` of `promql/functions.go`: resets are added up; the rise between the first and the last sample is
/// extended to the borders of the window where a sample is near enough to them, else by half of the average distance
/// between samples, and never to before the counter was zero.
pub(super) fn extrapolated(
    samples: &[(i64, f64)],
    start: i64,
    end: i64,
    per_second: bool,
) -> Option<f64> {
    let [(first_at, first), .., (last_at, last)] = samples else {
        return None;
    };
    let resets: f64 = samples
        .windows(2)
        .map(|pair| match pair {
            [(_, before), (_, after)] if after < before => *before,
            _ => 0.0,
        })
        .sum();
    let rise = last - first + resets;

    let sampled = seconds(last_at - first_at);
    let distance = sampled / (samples.len() - 1) as f64;
    let near = distance * 1.1;
    let border = |gap: f64| if gap >= near { distance / 2.0 } else { gap };

    let mut before = border(seconds(first_at.saturating_sub(start)));
    if rise > 0.0 && *first >= 0.0 {
        before = before.min(sampled * (first / rise));
    }
    let after = border(seconds(end.saturating_sub(*last_at)));

    let mut factor = (sampled + before + after) / sampled;
    if per_second {
        factor /= seconds(end.saturating_sub(start));
    }
    Some(rise * factor)
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}
