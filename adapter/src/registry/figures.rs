//! How each rule is, in metrics.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::{RelistState, RuleState};
use crate::metrics::MAX_RULES;
use crate::text::cut;

/// Bytes of a `seriesQuery` in a label.
const QUERY_BYTES: usize = 200;

/// Tells at each scrape how the rules are.
pub(super) struct RuleStates<F> {
    /// The time between two relists.
    pub(super) interval: Duration,
    pub(super) states: F,
}

impl<F> fmt::Debug for RuleStates<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RuleStates")
    }
}

impl<F: Fn() -> Vec<RuleState> + Send + Sync + 'static> Collector for RuleStates<F> {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let states = (self.states)();
        let mut encoder = Encoder(encoder);
        encoder.interval(self.interval)?;
        encoder.encode(states.get(..MAX_RULES).unwrap_or(&states))
    }
}

struct Encoder<'a>(DescriptorEncoder<'a>);

impl Encoder<'_> {
    fn encode(&mut self, rules: &[RuleState]) -> fmt::Result {
        self.named(rules)?;
        self.gauge(
            "metrics",
            "Metrics that a rule gives, each of one kind of object",
            rules,
            |rule| Some(integer(rule.metrics)),
        )?;
        self.gauge(
            "clashing_metrics",
            "Metrics of a rule that other series or rules give too",
            rules,
            |rule| Some(integer(rule.clashes)),
        )?;
        self.gauge(
            "series",
            "Series that the seriesQuery of a rule selected at its last good relist",
            rules,
            |rule| rule.relist.succeeded.map(|_| integer(rule.relist.series)),
        )?;
        self.gauge(
            "relist_failing",
            "1 if the last relist of a rule failed",
            rules,
            |rule| {
                let ended = rule.relist.attempted;
                ended.then(|| i64::from(rule.relist.failure.is_some()))
            },
        )?;
        self.gauge(
            "relist_duration_seconds",
            "How long the last relist of a rule took, its turn included",
            rules,
            |rule| {
                let RelistState {
                    attempted, took, ..
                } = rule.relist;
                attempted.then_some(took.as_secs_f64())
            },
        )?;
        self.gauge(
            "last_success_timestamp_seconds",
            "When the last good relist of a rule ended, in seconds since 1970",
            rules,
            |rule| {
                let (_, at) = rule.relist.succeeded?;
                Some(
                    at.duration_since(UNIX_EPOCH)
                        .unwrap_or_default()
                        .as_secs_f64(),
                )
            },
        )?;
        self.gauge(
            "answer_age_seconds",
            "Seconds since the last good relist of a rule ended",
            rules,
            |rule| {
                let (instant, _) = rule.relist.succeeded?;
                Some(instant.elapsed().as_secs_f64())
            },
        )
    }

    fn interval(&mut self, interval: Duration) -> fmt::Result {
        let name = "setpoint_adapter_relist_interval_seconds";
        let help = "The time between two relists";
        let interval = ConstGauge::new(interval.as_secs_f64());
        let kind = interval.metric_type();
        interval.encode(self.0.encode_descriptor(name, help, None, kind)?)
    }

    fn named(&mut self, rules: &[RuleState]) -> fmt::Result {
        let help = "What a rule is about";
        let name = "setpoint_adapter_rule";
        let mut family = self
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        for rule in rules {
            let query = cut(&rule.series_query, QUERY_BYTES);
            let mut labels = vec![("rule", rule.name.label()), ("series_query", query)];
            // Who names no upstream has the labels that there always were.
            if let Some(upstream) = &rule.upstream {
                labels.push(("upstream", upstream.into()));
            }
            family.encode_info(&labels)?;
        }
        Ok(())
    }

    /// A gauge for each rule that has a value.
    fn gauge<V>(
        &mut self,
        name: &str,
        help: &str,
        rules: &[RuleState],
        value: impl Fn(&RuleState) -> Option<V>,
    ) -> fmt::Result
    where
        V: EncodeGaugeValue,
        ConstGauge<V>: EncodeMetric,
    {
        let name = format!("setpoint_adapter_rule_{name}");
        let mut family = self
            .0
            .encode_descriptor(&name, help, None, MetricType::Gauge)?;
        for rule in rules {
            if let Some(value) = value(rule) {
                let labels = [("rule", rule.name.label())];
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}

fn integer<T: TryInto<i64>>(count: T) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
