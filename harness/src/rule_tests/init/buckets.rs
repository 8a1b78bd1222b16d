//! Series of a histogram: one for each bucket.

use setpoint_replay::labels::{Labels, METRIC_NAME};
use setpoint_replay::promql::{Selector, parse_selector};
use setpoint_rules::config::DiscoveryRule;

/// The label that says up to which value a bucket counts.
const LE: &str = "le";
/// Upper bounds, each with how many of a hundred observations are no larger.
const BUCKETS: [(&str, u32); 4] = [("0.1", 50), ("0.5", 80), ("1", 97), ("+Inf", 100)];

/// Series with these labels, with their values: of a histogram one for each bucket that the rule's `seriesQuery` selects, else
/// one.
pub(super) fn series(rule: &DiscoveryRule, labels: Labels, rises: bool) -> Vec<(Labels, String)> {
    let query = &rule.metrics_query;
    let is_histogram =
        labels.value(METRIC_NAME).ends_with("_bucket") || query.contains("histogram_quantile");
    let selector = parse_selector(&rule.series_query).ok();
    let buckets = selector.filter(|_| is_histogram);
    let buckets = buckets.map_or(Vec::new(), |selector| of(&labels, &selector, rises));
    if !buckets.is_empty() {
        return buckets;
    }
    let values = if rises { "0+3000x20" } else { "5x20" };
    vec![(labels, values.to_owned())]
}

fn of(labels: &Labels, selector: &Selector, rises: bool) -> Vec<(Labels, String)> {
    let bucket = |(le, count): (&str, u32)| {
        let mut labels = labels.clone();
        labels.set(LE, le);
        let values = if rises {
            format!("0+{}x20", count * 30)
        } else {
            format!("{count}x20")
        };
        selector.matches(&labels).then_some((labels, values))
    };
    BUCKETS.into_iter().filter_map(bucket).collect()
}
