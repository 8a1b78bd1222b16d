//! Samples as they were scraped, at the steps of a group of tests.

use setpoint_replay::Sample;
use setpoint_replay::labels::Labels;
use setpoint_replay::notation::{Point, write_values};
use setpoint_replay::sources::Recorded;

/// The time between two samples where no series has two, milliseconds.
const USUAL: i64 = 15_000;

/// Series whose samples are the same time apart.
#[derive(Debug, PartialEq)]
pub(super) struct Grid {
    /// Milliseconds.
    pub(super) interval: i64,
    /// How many steps there are after the first sample.
    pub(super) steps: usize,
    /// Values in promtool's notation.
    pub(super) series: Vec<(Labels, String)>,
}

impl Grid {
    /// The series that have a sample at all. As targets are scraped at times of their own, each series is moved to the
    /// steps by less than half of one.
    pub(super) fn of(recorded: &[Recorded]) -> Self {
        let interval = recorded.iter().filter_map(usual_gap).min();
        // Scrapes are late by milliseconds.
        let interval = match interval.unwrap_or(USUAL) {
            short @ ..1000 => short.max(1),
            long => (long + 500) / 1000 * 1000,
        };
        let first = recorded.iter().filter_map(first).min().unwrap_or_default();
        let points = recorded
            .iter()
            .map(|one| (&one.labels, points(one, first, interval)));
        let points: Vec<(&Labels, Vec<Point>)> = points
            .filter(|(_, points)| points.iter().any(|point| matches!(point, Point::Value(_))))
            .collect();
        let longest = points.iter().map(|(_, points)| points.len()).max();
        Self {
            interval,
            steps: longest.unwrap_or_default().saturating_sub(1),
            series: points
                .into_iter()
                .map(|(labels, points)| (labels.clone(), write_values(&points)))
                .collect(),
        }
    }
}

fn is_stale(value: f64) -> bool {
    value.to_bits() == Sample::STALE.to_bits()
}

/// The times of the samples that are no markers.
fn times(one: &Recorded) -> impl Iterator<Item = i64> {
    let samples = one.samples.iter().filter(|(_, value)| !is_stale(*value));
    samples.map(|(at, _)| *at)
}

fn first(one: &Recorded) -> Option<i64> {
    times(one).next()
}

/// The time that is usually between two samples.
fn usual_gap(one: &Recorded) -> Option<i64> {
    let mut gaps: Vec<i64> = times(one)
        .zip(times(one).skip(1))
        .map(|(before, after)| after - before)
        .collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied()
}

/// What stands at each step from the first sample of all series on.
fn points(one: &Recorded, first_of_all: i64, interval: i64) -> Vec<Point> {
    let Some(first) = first(one) else {
        return Vec::new();
    };
    let rounded = |millis: i64| usize::try_from((millis + interval / 2) / interval).ok();
    let mut points = Vec::new();
    for &(at, value) in one.samples.iter().filter(|(at, _)| *at >= first) {
        let from = rounded(first - first_of_all);
        let Some(mut step) = from
            .zip(rounded(at - first))
            .map(|(from, step)| from + step)
        else {
            continue;
        };
        if is_stale(value) {
            // The last sample stays.
            step = step.max(points.len());
        }
        if points.len() <= step {
            points.resize(step + 1, Point::Missing);
        }
        if let Some(point) = points.get_mut(step) {
            *point = match is_stale(value) {
                true => Point::Stale,
                false => Point::Value(value),
            };
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use setpoint_replay::notation::parse_series;

    use super::*;

    fn recorded(series: &str, samples: &[(i64, f64)]) -> Recorded {
        Recorded {
            labels: parse_series(series).unwrap(),
            samples: samples.to_vec(),
            always: None,
        }
    }

    #[test]
    fn samples_stand_at_the_steps_of_the_series_that_is_scraped_most_often() {
        let often = recorded(
            "a",
            &[
                (7_003, 1.0),
                (22_001, 2.0),
                (37_000, 3.0),
                (52_009, 3.0),
                (67_000, 9.0),
            ],
        );
        let seldom = recorded("b", &[(1_000, 5.0), (61_000, 6.0)]);
        let gone = recorded(
            "c",
            &[(22_500, 5.0), (29_000, Sample::STALE), (67_500, 6.0)],
        );
        let never = recorded("d", &[(30_000, Sample::STALE)]);
        let grid = Grid::of(&[often, seldom, gone, never]);
        let series: Vec<(String, &str)> = grid
            .series
            .iter()
            .map(|(labels, values)| (labels.value("__name__").to_owned(), values.as_str()))
            .collect();
        assert_eq!((grid.interval, grid.steps), (15_000, 4));
        let expected = [("a", "1+1x2 3 9"), ("b", "5 _x3 6"), ("c", "_ 5 stale _ 6")];
        let expected = expected.map(|(name, values)| (name.to_owned(), values));
        assert_eq!(series, expected);
    }

    #[test]
    fn a_single_sample_stands_at_the_beginning() {
        let grid = Grid::of(&[recorded("a", &[(7_003, 1.5)])]);
        assert_eq!(
            (grid.interval, grid.steps, grid.series[0].1.as_str()),
            (15_000, 0, "1.5")
        );
    }
}
