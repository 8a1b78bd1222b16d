//! Functions of classic histograms: series whose label `le` is the upper border of a bucket.

use std::collections::{BTreeSet, HashMap};

use super::eval::Evaluation;
use super::functions::Call;
use super::matrix::{Matrix, Row, STALE, joined};
use super::number_functions as numbers;
use super::{Change, QueryError, Version};
use crate::labels::{Labels, METRIC_NAME};

const BORDER: &str = "le";
/// Counts that differ less than this, relatively, are the same: they were added in another order.
const TOLERANCE: f64 = 1e-12;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// Upper border.
    border: f64,
    /// How many observations are at or below it.
    count: f64,
}

/// One histogram: its labels without name and border, and the rows of its buckets.
struct Histogram {
    name: String,
    labels: Labels,
    rows: Vec<(f64, Row)>,
}

pub(super) fn quantiles(
    evaluation: &mut Evaluation<'_>,
    call: Call<'_>,
) -> Result<Matrix, QueryError> {
    let q = evaluation.scalar(call.arg(0)?, call.steps)?;
    let histograms = histograms(evaluation, call.arg(1)?, &call)?;
    numbers::check_quantiles(evaluation, &q);
    let version = evaluation.settings.version;
    let mut forced = BTreeSet::new();
    let mut last: Option<&Histogram> = None;
    let rows = of_each(&histograms, &call, |step, histogram, buckets| {
        let q = q.get(step).copied().unwrap_or(f64::NAN);
        let (value, was_forced) = quantile(q, buckets, version);
        let is_first = !last.is_some_and(|last| std::ptr::eq(last, histogram));
        if was_forced {
            let has_name = is_first && version.has(Change::NameInFirstNote);
            forced.insert(if has_name { &*histogram.name } else { "" });
        }
        last = Some(histogram);
        value
    });
    for name in forced {
        let of = named(version, name);
        evaluation.inform(format!(
            "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){of}"
        ));
    }
    joined(rows)
}

pub(super) fn fractions(
    evaluation: &mut Evaluation<'_>,
    call: Call<'_>,
) -> Result<Matrix, QueryError> {
    let lower = evaluation.scalar(call.arg(0)?, call.steps)?;
    let upper = evaluation.scalar(call.arg(1)?, call.steps)?;
    let version = evaluation.settings.version;
    if !version.has(Change::FractionsOfClassicHistograms) {
        evaluation.matrix(call.arg(2)?, call.steps)?;
        return Ok(Matrix::new());
    }
    let histograms = histograms(evaluation, call.arg(2)?, &call)?;
    let at = |values: &Vec<f64>, step: usize| values.get(step).copied().unwrap_or(f64::NAN);
    let from_zero = version.has(Change::FractionsFromZero);
    let rows = of_each(&histograms, &call, |step, _, buckets| {
        fraction(at(&lower, step), at(&upper, step), &buckets, from_zero)
    });
    joined(rows)
}

fn histograms(
    evaluation: &mut Evaluation<'_>,
    argument: &super::plan::Node,
    call: &Call<'_>,
) -> Result<Vec<Histogram>, QueryError> {
    let rows = evaluation.matrix(argument, call.steps)?;
    let mut places: HashMap<Labels, usize> = HashMap::new();
    let mut histograms: Vec<Histogram> = Vec::new();
    for row in rows {
        let name = row.labels.value(METRIC_NAME).to_owned();
        let border = row.labels.value(BORDER);
        let parsed = border.parse::<f64>().ok();
        let version = evaluation.settings.version;
        let is_border = |parsed: &f64| !(parsed.is_nan() && version.has(Change::NoNanBorders));
        let Some(border) = parsed.filter(is_border) else {
            let of = named(version, &name);
            evaluation.warn(format!(
                "bucket label {BORDER:?} is missing or has a malformed value of {border:?}{of}"
            ));
            continue;
        };
        let key = row.labels.filtered(|name| name != BORDER);
        let place = *places.entry(key).or_insert(histograms.len());
        if place == histograms.len() {
            histograms.push(Histogram {
                name,
                labels: row.labels.filtered(|name| name != BORDER).without_name(),
                rows: Vec::new(),
            });
        }
        if let Some(histogram) = histograms.get_mut(place) {
            histogram.rows.push((border, row));
        }
    }
    Ok(histograms)
}

/// Which metric a note is about.
fn named(version: Version, name: &str) -> String {
    match version.has(Change::NoNamesInNotes) {
        true => String::new(),
        false => format!(" for metric name {name:?}"),
    }
}

/// A row for each histogram, of what `tell` makes of its buckets at each step; they are sorted and have no border twice.
fn of_each<'a>(
    histograms: &'a [Histogram],
    call: &Call<'_>,
    mut tell: impl FnMut(usize, &'a Histogram, Vec<Bucket>) -> f64,
) -> Matrix {
    let mut rows = Matrix::new();
    for histogram in histograms {
        let mut value = |step| {
            let bucket = |(border, row): &(f64, Row)| {
                let count = row.at(step)?;
                let border = *border;
                Some(Bucket { border, count })
            };
            let mut buckets: Vec<Bucket> = histogram.rows.iter().filter_map(bucket).collect();
            if buckets.is_empty() {
                return STALE;
            }
            buckets.sort_by(|a, b| a.border.total_cmp(&b.border));
            buckets.dedup_by(|bucket, kept| {
                let same = bucket.border == kept.border;
                if same {
                    kept.count += bucket.count;
                }
                same
            });
            tell(step, histogram, buckets)
        };
        let values = (0..call.steps.count()).map(&mut value).collect();
        rows.push(Row {
            labels: histogram.labels.clone(),
            values,
        });
    }
    rows
}

/// The value below which the share `q` of the observations lies, and whether counts had to be corrected
/// (`BucketQuantile`).
fn quantile(q: f64, mut buckets: Vec<Bucket>, version: Version) -> (f64, bool) {
    if q.is_nan() {
        return (f64::NAN, false);
    }
    if !(0.0..=1.0).contains(&q) {
        let side = if q < 0.0 { -1.0 } else { 1.0 };
        return (side * f64::INFINITY, false);
    }
    if buckets
        .last()
        .is_none_or(|last| last.border != f64::INFINITY)
    {
        return (f64::NAN, false);
    }
    let forced = make_monotonic(&mut buckets, version);
    let ([.., highest, all], [lowest, ..]) = (&buckets[..], &buckets[..]) else {
        return (f64::NAN, false);
    };
    if all.count == 0.0 {
        return (f64::NAN, false);
    }
    let rank = q * all.count;
    let bounded = buckets.len() - 1;
    let place = searched(&buckets[..bounded], rank);
    let value = match place {
        place if place == bounded => highest.border,
        0 if lowest.border <= 0.0 => lowest.border,
        place => {
            let zero = Bucket {
                border: 0.0,
                count: 0.0,
            };
            let before = place.checked_sub(1).and_then(|place| buckets.get(place));
            let before = before.unwrap_or(&zero);
            let bucket = buckets.get(place).unwrap_or(all);
            let share = (rank - before.count) / (bucket.count - before.count);
            before.border + (bucket.border - before.border) * share
        }
    };
    (value, forced)
}

/// The first bucket whose count is at least `rank`, by halves as Go's `sort.Search` looks for it: where a count isn't a
/// number, buckets don't rise, and another search finds another one.
fn searched(buckets: &[Bucket], rank: f64) -> usize {
    let (mut from, mut until) = (0, buckets.len());
    while from < until {
        let middle = usize::midpoint(from, until);
        if buckets[middle].count >= rank {
            until = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

/// Makes counts rise from bucket to bucket; says whether that was more than a matter of rounding, where that is asked.
fn make_monotonic(buckets: &mut [Bucket], version: Version) -> bool {
    let mut forced = false;
    let mut before = buckets.first().map_or(0.0, |bucket| bucket.count);
    if !version.has(Change::RoundingOfBuckets) {
        // A count that is NaN in the first bucket leaves all as they are: it is neither less nor more.
        let mut most = before;
        for bucket in buckets.iter_mut().skip(1) {
            if bucket.count > most {
                most = bucket.count;
            } else if bucket.count < most {
                bucket.count = most;
                forced = true;
            }
        }
        return forced;
    }
    for bucket in buckets.iter_mut().skip(1) {
        let count = bucket.count;
        let size = (before.abs() + count.abs()).min(f64::MAX);
        let same = (count - before).abs() / size < TOLERANCE;
        if count == before {
            continue;
        }
        if same || count < before {
            bucket.count = before;
            forced |= !same;
        } else {
            before = count;
        }
    }
    forced
}

/// The share of the observations between two values (`BucketFraction`). `from_zero`: the first bucket begins at zero
/// where that is below its border, and has no inside else.
fn fraction(lower: f64, upper: f64, buckets: &[Bucket], from_zero: bool) -> f64 {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return f64::NAN;
    };
    let begin = match from_zero && first.border > 0.0 {
        true => 0.0,
        false => f64::NEG_INFINITY,
    };
    let all = last.count;
    if last.border != f64::INFINITY || all == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value: f64| {
        let (mut from, mut below) = (begin, 0.0);
        for bucket in buckets {
            if from >= value {
                return below;
            }
            if bucket.border > value {
                if from_zero && from == f64::NEG_INFINITY {
                    return bucket.count;
                }
                let share = (value - from) / (bucket.border - from);
                return below + (bucket.count - below) * share;
            }
            (from, below) = (bucket.border, bucket.count);
        }
        all
    };
    let capped = |rank: f64| if rank > all { all } else { rank };
    (capped(rank(upper)) - capped(rank(lower))) / all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_whose_count_is_no_number_hides_those_below_it() {
        let buckets = [(0.5, 4.0), (1.0, f64::NAN), (f64::INFINITY, -2.0)];
        let buckets = buckets.map(|(border, count)| Bucket { border, count });
        let (value, forced) = quantile(0.8, buckets.to_vec(), Version::new(3, 16));
        assert_eq!((value, forced), (1.0, false), "as Prometheus 3.16");
    }
}
