//! What a scenario's shape can't say: notations, quantities, numbers out of reach, and things that need each other.

mod expectations;
mod requests;

use std::path::Path;

use serde_json::Value;
use setpoint_replay::notation::{parse_series, parse_values};

use super::objects::{self};
use super::place::Place;
use super::{
    Document, Expectation, FaultStep, Metric, Need, On, PkiStep, PrometheusFault, RefusedStep,
    Sample, Span, Step, TrafficStep, WaitFor, rules,
};
use crate::sample_app::counter::Rate;

/// How fast or slow the fake Prometheus' clock may run.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-3..=1e4;
/// The shortest time between two values of a series.
const SHORTEST: std::time::Duration = std::time::Duration::from_millis(1);

/// Everything that is wrong, each as `line:column: …`. Snapshots are looked for in the folder.
pub(super) fn check(document: &Document, text: &str, folder: &Path) -> Vec<String> {
    let places = Place::of(text);
    let mut problems = Problems {
        folder,
        found: Vec::new(),
    };
    problems.head(document, &places, text);
    let list = places.key("metrics");
    for (index, metric) in document.metrics.iter().enumerate() {
        problems.metric(metric, list.item(index));
    }
    let list = places.key("series");
    for (index, sample) in document.series.iter().enumerate() {
        problems.sample(sample, list.item(index));
    }
    problems.manifests(&document.manifests, places.key("manifests"));
    problems.steps(&document.steps, places.key("steps"));
    problems.prometheus(document, &places);
    problems.found.sort();
    let told = problems.found.into_iter();
    told.map(|(line, column, problem)| format!("{line}:{column}: {problem}"))
        .collect()
}

/// Whether a step needs the fake Prometheus.
fn feeds(step: &Step) -> bool {
    match step {
        Step::Metrics(_) | Step::Fault(_) => true,
        Step::Load(load) => load.during.iter().any(feeds),
        _ => false,
    }
}

/// Whether a step needs a real Prometheus.
fn looks_at_real(step: &Step) -> bool {
    let looks = |expectation: &Expectation| {
        matches!(
            expectation,
            Expectation::Target { .. } | Expectation::Query { .. }
        )
    };
    match step {
        Step::Expect(Expectation::Replicas {
            after: Some(after), ..
        }) => looks(after),
        Step::Expect(expectation) => looks(expectation),
        Step::Wait(WaitFor { for_ }) => looks(for_),
        Step::Load(load) => load.during.iter().any(looks_at_real),
        _ => false,
    }
}

struct Problems<'a> {
    folder: &'a Path,
    found: Vec<(usize, usize, String)>,
}

impl Problems<'_> {
    fn at(&mut self, place: &Place, problem: impl Into<String>) {
        self.found.push((place.line, place.column, problem.into()));
    }

    fn head(&mut self, document: &Document, places: &Place, text: &str) {
        if document.scenario.trim().is_empty() {
            self.at(
                places.key("scenario"),
                "the scenario needs a sentence that says what it proves",
            );
        }
        if document.steps.is_empty() {
            self.at(
                places.key("steps"),
                "a scenario without steps proves nothing",
            );
        }
        if !SPEEDS.contains(&document.speed) {
            self.at(
                places.key("speed"),
                format!("a speed is between {} and {}", SPEEDS.start(), SPEEDS.end()),
            );
        }
        let chosen = &document.cluster;
        let place = places.key("cluster");
        self.longer_than_zero(chosen.hpa_sync_period, place.key("hpaSyncPeriod"));
        if let Some(rules) = &document.rules {
            let place = places.key("rules");
            if !document.needs.contains(&Need::PrometheusAdapterRules) {
                self.at(
                    place,
                    "rules need `needs: [prometheus-adapter-rules]`: not every adapter reads them",
                );
            }
            self.found.extend(rules::problems(rules, place, text));
        }
    }

    fn longer_than_zero(&mut self, span: Option<Span>, place: &Place) {
        if span.is_some_and(Span::is_zero) {
            self.at(place, "expected a time longer than 0s");
        }
    }

    fn manifests(&mut self, objects: &[Value], list: &Place) {
        for (index, object) in objects.iter().enumerate() {
            self.manifest(object, list.item(index));
        }
    }

    fn manifest(&mut self, object: &Value, place: &Place) {
        for (place, problem) in objects::problems(object, place) {
            self.at(place, problem);
        }
    }

    fn steps(&mut self, steps: &[Step], list: &Place) {
        for (index, step) in steps.iter().enumerate() {
            self.step(step, list.item(index));
        }
    }

    fn step(&mut self, step: &Step, place: &Place) {
        match step {
            Step::Apply(objects) => self.manifests(objects, place.key("apply")),
            Step::Refused(refused) => self.refused(refused, place.key("refused")),
            Step::Metrics(metrics) => {
                let list = place.key("metrics");
                for (index, metric) in metrics.iter().enumerate() {
                    self.metric(metric, list.item(index));
                }
            }
            Step::Fault(FaultStep::Prometheus(fault)) => {
                self.fault(fault, place.key("fault").key("prometheus"));
            }
            Step::Expect(expectation) => self.expectation(expectation, place.key("expect")),
            Step::Wait(WaitFor { for_ }) => {
                self.expectation(for_, place.key("wait").key("for"));
            }
            Step::Request(request) => self.request(request, place.key("request")),
            Step::Load(load) => self.load(load, place.key("load")),
            Step::Traffic(traffic) => self.traffic(traffic, place.key("traffic")),
            Step::Pki(PkiStep {
                ca_bundle: None,
                serving: None,
            }) => {
                self.at(
                    place.key("pki"),
                    "change the `caBundle`, the `serving` pair or both",
                );
            }
            Step::Delete(_)
            | Step::Restore(_)
            | Step::Fault(FaultStep::None(_))
            | Step::Pki(_)
            | Step::Restart(_) => {}
        }
    }

    fn refused(&mut self, refused: &RefusedStep, place: &Place) {
        self.manifest(&refused.apply, place.key("apply"));
        if !(400..=599).contains(&refused.status) {
            self.at(
                place.key("status"),
                format!(
                    "{} is no HTTP status of a refusal; expected 400 to 599",
                    refused.status
                ),
            );
        }
    }

    fn traffic(&mut self, traffic: &TrafficStep, place: &Place) {
        if traffic
            .to
            .strip_prefix("deployment/")
            .is_none_or(str::is_empty)
        {
            self.at(
                place.key("to"),
                "traffic goes to a Deployment, such as deployment/web",
            );
        }
        if let Err(error) = Rate::per_second(traffic.total) {
            self.at(place.key("total"), error.to_string());
        }
    }

    /// Whether what is asked of a real and of the fake Prometheus fits to which of them is installed.
    fn prometheus(&mut self, document: &Document, places: &Place) {
        let real = document.install.has_real_prometheus();
        let fed = !document.metrics.is_empty() || !document.series.is_empty();
        if real && (fed || document.steps.iter().any(feeds)) {
            self.at(
                places.key("install"),
                "a real Prometheus scrapes; `metrics`, `series` and `fault` are the fake one's",
            );
        }
        for (index, step) in document.steps.iter().enumerate() {
            if !real && looks_at_real(step) {
                self.at(
                    places.key("steps").item(index),
                    "a `target` and a `query` are a real Prometheus'; install: walkthrough-scrape has one",
                );
            }
        }
    }

    fn fault(&mut self, fault: &PrometheusFault, place: &Place) {
        if let Some(status) = fault.answer
            && !(200..=599).contains(&status)
        {
            self.at(
                place.key("answer"),
                format!("{status} is no HTTP status of an answer; expected 200 to 599"),
            );
        }
        for (index, path) in fault.paths.iter().enumerate() {
            self.path(path, place.key("paths").item(index));
        }
    }

    fn metric(&mut self, metric: &Metric, place: &Place) {
        self.values(&metric.values, metric.interval, place);
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
        for (label, place) in labels {
            if parse_series(&format!("x{{{label}=\"\"}}")).is_err() {
                self.at(place, format!("`{label}` is no name of a label"));
            }
        }
    }

    fn sample(&mut self, sample: &Sample, place: &Place) {
        self.values(&sample.values, sample.interval, place);
        if let Err(error) = parse_series(&sample.series) {
            let problem = format!("series `{}`: {error}", sample.series);
            self.at(place.key("series"), problem);
        }
    }

    fn values(&mut self, values: &str, interval: Span, place: &Place) {
        if let Err(error) = parse_values(values) {
            self.at(place.key("values"), format!("values `{values}`: {error}"));
        }
        if interval.duration(std::time::Duration::from_secs(1)) < SHORTEST {
            self.at(
                place.key("interval"),
                format!("two values are at least {SHORTEST:?} apart"),
            );
        }
    }
}
