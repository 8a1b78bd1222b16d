//! Metrics of a scenario, and series of the fake Prometheus.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_replay::notation::{Values, parse_series};

use super::{Checks, Place, Span, default_namespace};

/// The shortest time between two values of a series.
const SHORTEST: Duration = Duration::from_millis(1);

/// A metric's values over time, for objects.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metric {
    /// The custom metric's name.
    pub custom: String,
    /// The objects.
    pub on: On,
    /// The objects' namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Values in promtool's notation. A pod that is born later gets what is left of them.
    #[schemars(with = "String")]
    pub values: Values,
    /// Time between two values; wall time times the speed.
    #[serde(default = "one_second")]
    pub interval: Span,
    /// Whether the last value goes on for ever.
    #[serde(default = "yes")]
    pub hold: bool,
    /// What stands before the labels `namespace` and `pod`, such as `exported_` where an exporter speaks of pods of others.
    #[serde(default)]
    pub label_prefix: String,
    /// Further labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How many such metrics there are: in each, `{n}` in its name, in that of its object and in the labels of its pods stands for
    /// another number from 1 on.
    pub copies: Option<u16>,
}

impl Metric {
    /// A copy of it with a number in its names.
    pub(super) fn numbered(&self, put: impl Fn(&mut String)) -> Self {
        let mut copy = self.clone();
        copy.copies = None;
        put(&mut copy.custom);
        match &mut copy.on {
            On::Pods(labels) => labels.values_mut().for_each(&put),
            On::Object(object) => put(&mut object.name),
        }
        copy
    }
}

fn one_second() -> Span {
    Span::Time(Duration::from_secs(1))
}

fn yes() -> bool {
    true
}

/// Which objects have a metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum On {
    /// All pods with these labels, each with the values.
    Pods(BTreeMap<String, String>),
    /// One object.
    Object(ObjectOfMetric),
}

/// One object that has a metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ObjectOfMetric {
    /// The label that names it, such as `service`.
    pub label: String,
    /// Its name.
    pub name: String,
}

/// A series of the fake Prometheus.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Sample {
    /// Name and labels, as PromQL writes them.
    pub series: String,
    /// Values in promtool's notation.
    #[schemars(with = "String")]
    pub values: Values,
    /// Time between two values.
    #[serde(default = "one_second")]
    pub interval: Span,
    /// Whether the last value goes on for ever.
    #[serde(default)]
    pub hold: bool,
}

impl Checks<'_> {
    /// Metrics and their labels.
    pub(crate) fn metrics(&mut self, metrics: &[Metric], list: &Place) {
        for (index, metric) in metrics.iter().enumerate() {
            self.metric(metric, list.item(index));
        }
    }

    fn metric(&mut self, metric: &Metric, place: &Place) {
        self.interval(metric.interval, place);
        let name = format!("{}{{}}", metric.custom);
        if metric.custom.is_empty() || parse_series(&name).is_err() {
            let problem = format!("`{}` is no name of a metric", metric.custom);
            return self.at(place.key("custom"), problem);
        }
        let mut labels: Vec<(&String, &Place)> = metric
            .labels
            .keys()
            .map(|label| (label, place.key("labels").key(label)))
            .collect();
        if let On::Object(object) = &metric.on {
            let place = place.key("on").key("object").key("label");
            labels.push((&object.label, place));
        }
        let prefixed = format!("{}pod", metric.label_prefix);
        labels.push((&prefixed, place.key("labelPrefix")));
        for (label, place) in labels {
            if parse_series(&format!("x{{{label}=\"\"}}")).is_err() {
                self.at(place, format!("`{label}` is no name of a label"));
            }
        }
    }

    /// Series of the fake Prometheus.
    pub(crate) fn series(&mut self, series: &[Sample], list: &Place) {
        for (index, sample) in series.iter().enumerate() {
            let place = list.item(index);
            self.interval(sample.interval, place);
            if let Err(error) = parse_series(&sample.series) {
                let problem = format!("series `{}`: {error}", sample.series);
                self.at(place.key("series"), problem);
            }
        }
    }

    fn interval(&mut self, interval: Span, place: &Place) {
        if interval.duration(Duration::from_secs(1)) < SHORTEST {
            self.at(
                place.key("interval"),
                format!("two values are at least {SHORTEST:?} apart"),
            );
        }
    }
}
