//! Values written in promtool's notation.

use super::Point;
use crate::number::float;

/// How many points are written as one item; fewer are read better one by one.
const FEWEST: usize = 3;

/// Writes values so that [`parse_values`](super::parse_values) reads the same: equal ones and progressions as one item.
///
/// ```
/// use setpoint_replay::notation::{parse_values, write_values};
/// let points = parse_values("0 10 20 30 _ _ 5 5 5 7 stale")?;
/// assert_eq!(write_values(&points), "0+10x3 _x2 5x2 7 stale");
/// # Ok::<(), setpoint_replay::notation::NotationError>(())
/// ```
#[must_use]
pub fn write_values(points: &[Point]) -> String {
    let mut items = Vec::new();
    let mut rest = points;
    while let Some((first, more)) = rest.split_first() {
        let (item, length) = match *first {
            Point::Missing => missing(rest),
            Point::Stale => ("stale".to_owned(), 1),
            Point::Value(value) => run(value, more),
        };
        items.push(item);
        rest = rest.get(length.max(1)..).unwrap_or_default();
    }
    items.join(" ")
}

/// The gap at the beginning, and its length.
fn missing(points: &[Point]) -> (String, usize) {
    let gap = points.iter().take_while(|point| **point == Point::Missing);
    match gap.count() {
        1 => ("_".to_owned(), 1),
        length => (format!("_x{length}"), length),
    }
}

/// A value and those after it that are one item with it, and how many these are together.
fn run(first: f64, more: &[Point]) -> (String, usize) {
    let alone = (float(first), 1);
    let Some(Point::Value(second)) = more.first() else {
        return alone;
    };
    let step = second - first;
    // Readers add the step again and again, so each value has to be what that gives.
    let mut sum = first;
    let follows = more.iter().take_while(|point| {
        sum += step;
        matches!(point, Point::Value(value) if value.to_bits() == sum.to_bits())
    });
    let length = 1 + follows.count();
    if !step.is_finite() || length < FEWEST {
        return alone;
    }
    let step = match float(step) {
        _ if step == 0.0 => String::new(),
        step if step.starts_with('-') => step,
        step => format!("+{step}"),
    };
    (format!("{}{step}x{}", alone.0, length - 1), length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notation::parse_values;

    fn point() -> impl Strategy<Value = Point> {
        prop_oneof![
            2 => Just(Point::Missing),
            1 => Just(Point::Stale),
            4 => (-2..3_i32).prop_map(|value| Point::Value(value.into())),
            2 => any::<f64>().prop_map(Point::Value),
            1 => prop::sample::select(vec![0.1, 0.2, 0.3, 1e-9, -0.0, f64::INFINITY, f64::NAN]).prop_map(Point::Value),
        ]
    }

    fn bits(points: &[Point]) -> Vec<Option<u64>> {
        let bits = |point: &Point| match point {
            Point::Value(value) if value.is_nan() => Some(0x7ff8_0000_0000_0001),
            Point::Value(value) => Some(value.to_bits()),
            Point::Missing => None,
            Point::Stale => Some(0x7ff0_0000_0000_0002),
        };
        points.iter().map(bits).collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same(points in prop::collection::vec(point(), 0..40)) {
            let text = write_values(&points);
            let read = parse_values(&text).unwrap();
            prop_assert_eq!(bits(&read), bits(&points), "{}", text);
        }
    }
}
