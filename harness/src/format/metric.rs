//! Metrics of a scenario, and series of the fake Prometheus.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use setpoint_replay::notation::{Values, parse_series};

use super::copies::{Count, NUMBER};
use super::{Checks, Place, Span, default_namespace, keyed};

/// The shortest time between two values of a series.
const SHORTEST: Duration = Duration::from_millis(1);

/// A metric's values over time, for objects.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Metric {
    /// The custom metric's name.
    pub custom: String,
    /// The objects.
    #[serde(deserialize_with = "keyed")]
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
    #[schemars(with = "Option<u16>")]
    pub copies: Option<Count>,
}

/// What two metrics may not have in common: the names and labels of their series.
type Series<'a> = (
    &'a str,
    &'a On,
    &'a str,
    &'a str,
    &'a BTreeMap<String, String>,
);

impl Metric {
    /// A copy of it with a number in its names. It still says how many there are, so that a check knows where each stands.
    pub(super) fn numbered(&self, put: impl Fn(&mut String)) -> Self {
        let mut copy = self.clone();
        put(&mut copy.custom);
        match &mut copy.on {
            On::Pods(labels) => labels.values_mut().for_each(&put),
            On::Object(object) => put(&mut object.name),
        }
        copy
    }

    fn series(&self) -> Series<'_> {
        (
            &self.custom,
            &self.on,
            &self.namespace,
            &self.label_prefix,
            &self.labels,
        )
    }
}

fn one_second() -> Span {
    Span::Time(Duration::from_secs(1))
}

fn yes() -> bool {
    true
}

/// Which objects have a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum On {
    /// All pods with these labels, each with the values.
    Pods(BTreeMap<String, String>),
    /// One object.
    Object(ObjectOfMetric),
}

/// One object that has a metric.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
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
        let mut seen = BTreeSet::new();
        let (mut rest, mut index) = (metrics, 0);
        while let Some(first) = rest.first() {
            let place = list.item(index);
            let count = first.copies.map_or(1, Count::get).min(rest.len());
            let (copies, others) = rest.split_at(count);
            self.metric(first, place);
            self.once(copies, place, &mut seen);
            (rest, index) = (others, index + 1);
        }
    }

    /// Whether a metric, or each of its copies, has series of its own.
    fn once<'m>(&mut self, copies: &'m [Metric], place: &Place, seen: &mut BTreeSet<Series<'m>>) {
        // One is enough: all others are wrong in the same way.
        let Some(twice) = copies.iter().find(|copy| !seen.insert(copy.series())) else {
            return;
        };
        let first = copies.first().map(Metric::series);
        let among_copies = copies.len() > 1 && first == copies.get(1).map(Metric::series);
        if among_copies {
            let problem = format!(
                "the copies are one metric of one object; `{NUMBER}` stands for the number of the copy, in the metric's name, its object's, or the labels of its pods"
            );
            self.at(place.key("copies"), problem);
        } else {
            let problem = format!(
                "`{}` of this object and with these labels stands here twice",
                twice.custom
            );
            self.at(place.key("custom"), problem);
        }
    }

    fn metric(&mut self, metric: &Metric, place: &Place) {
        self.interval(metric.interval, place);
        self.namespace(&metric.namespace, place.key("namespace"));
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::copies;
    use super::*;

    #[derive(Deserialize)]
    #[serde(transparent)]
    struct List(#[serde(deserialize_with = "copies::metrics")] Vec<Metric>);

    fn problems(list: &str) -> String {
        let List(metrics) = serde_saphyr::from_str(list).unwrap();
        let mut checks = Checks::new(Path::new("."));
        checks.metrics(&metrics, &Place::of(list));
        checks.problems().join("\n")
    }

    const LOAD: &str = "- {custom: load, on: {pods: {app: web}}, values: '1'}\n";

    #[test]
    fn a_metric_of_an_object_stands_once_with_the_same_labels() {
        let others = [
            LOAD.replace("load", "queue"),
            LOAD.replace("web", "api"),
            LOAD.replace("values", "namespace: shop, values"),
            LOAD.replace("values", "labels: {queue: orders}, values"),
            LOAD.replace("values", "labelPrefix: exported_, values"),
        ];
        assert_eq!(problems(&format!("{LOAD}{}", others.concat())), "");
        let again = LOAD.replace("'1'", "'2'");
        let copies = "- {custom: 'c{n}', on: {object: {label: service, name: web}}, values: '1', copies: 3}\n";
        assert_eq!(
            problems(&[LOAD, copies, &again].concat()),
            "3:12: `load` of this object and with these labels stands here twice"
        );
    }

    #[test]
    fn copies_of_a_metric_are_told_apart_by_their_number() {
        let copies = |name: &str, object: &str| {
            format!(
                "{LOAD}- {{custom: '{name}', on: {{object: {{label: service, name: '{object}'}}}}, values: '1', copies: 3}}\n"
            )
        };
        assert_eq!(problems(&copies("queue", "web-{n}")), "");
        assert_eq!(problems(&copies("queue_{n}", "web")), "");
        let told = problems(&copies("queue", "web"));
        let expected = "2:87: the copies are one metric of one object; `{n}` stands for";
        assert!(told.starts_with(expected), "{told}");
        let queue = LOAD.replace("load", "1+1");
        assert_eq!(
            problems(&format!("{}{queue}", copies("queue_{n}", "web"))),
            "3:12: `1+1` is no name of a metric",
            "what follows copies has its own place"
        );
    }
}
