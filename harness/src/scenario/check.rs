//! What a scenario's shape can't say: notations, quantities, numbers out of reach, and things that need each other.

use std::path::Path;

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use setpoint_replay::notation::{parse_series, parse_values};

use super::objects::{self, no_quantity};
use super::place::Place;
use super::{
    As, Document, Expectation, FaultStep, LoadStep, Metric, Need, On, PkiStep, PodExpectation,
    PrometheusFault, RefusedStep, RequestStep, Sample, Span, Step, TargetHealth, TrafficStep,
    WaitFor, rules,
};
use crate::obsolete;
use crate::sample_app::counter::Rate;
use setpoint_cluster::quantity::{is_quantity, milli};

/// How many requests a second a load may make; more than a plane on a small machine answers.
const FASTEST: u32 = 10_000;
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

    fn load(&mut self, load: &LoadStep, place: &Place) {
        self.path(&load.path, place.key("path"));
        self.obsolete_path(&load.path, place.key("path"));
        if !(1..=FASTEST).contains(&load.rate) {
            self.at(
                place.key("rate"),
                format!("a load makes between 1 and {FASTEST} requests a second"),
            );
        }
        self.longer_than_zero(load.every, place.key("every"));
        self.steps(&load.during, place.key("during"));
    }

    fn request(&mut self, request: &RequestStep, place: &Place) {
        self.path(&request.path, place.key("path"));
        // Asking whether it's really gone is a fair question.
        if request.expect.status < 400 && request.expect.failure.is_none() {
            self.obsolete_path(&request.path, place.key("path"));
        }
        self.headers(request.headers.iter(), place.key("headers"));
        if let Some(as_) = &request.as_ {
            self.identity(as_, place.key("as"));
        }
        let (expected, place) = (&request.expect, place.key("expect"));
        self.headers(expected.headers.iter(), place.key("headers"));
        if !(100..=599).contains(&expected.status) {
            self.at(
                place.key("status"),
                format!("{} is no HTTP status", expected.status),
            );
        }
        if let Some(failure) = &expected.failure
            && (failure.is_empty() || failure.to_lowercase() != *failure)
        {
            self.at(
                place.key("failure"),
                "a failure is looked for in small letters",
            );
        }
        if let Some(file) = &expected.snapshot
            && !crate::answer::updates_snapshots()
            && !self.folder.join(file).is_file()
        {
            self.at(
                place.key("snapshot"),
                format!("there is no `{file}` beside the scenario; `SETPOINT_UPDATE=1 setpoint run` writes it"),
            );
        }
    }

    fn headers<'h>(
        &mut self,
        headers: impl Iterator<Item = (&'h String, &'h String)>,
        map: &Place,
    ) {
        for (name, value) in headers {
            let place = map.key(name);
            if HeaderName::from_bytes(name.as_bytes()).is_err() {
                self.at(place, format!("`{name}` is no name of a header"));
            }
            self.header_value(value, place);
        }
    }

    fn header_value(&mut self, value: &str, place: &Place) {
        if HeaderValue::from_str(value).is_err() {
            self.at(place, format!("{value:?} can't be the value of a header"));
        }
    }

    /// Names and tokens that are sent in headers.
    fn identity(&mut self, as_: &As, place: &Place) {
        let (key, user, groups) = match as_ {
            As::FrontProxy { user, groups, .. } => ("frontProxy", user, groups),
            As::Stranger { user, groups } => ("stranger", user, groups),
            As::Thief { user, groups } => ("thief", user, groups),
            As::Bearer(token) => return self.header_value(token, place.key("bearer")),
            As::None(_) | As::Certificate { .. } | As::Token { .. } => return,
        };
        let place = place.key(key);
        self.header_value(user, place.key("user"));
        for (index, group) in groups.iter().enumerate() {
            self.header_value(group, place.key("groups").item(index));
        }
    }

    fn obsolete_path(&mut self, path: &str, place: &Place) {
        if let Some(obsolete) = obsolete::of_path(path) {
            self.at(place, obsolete.to_string());
        }
    }

    fn path(&mut self, path: &str, place: &Place) {
        if !path.starts_with('/') {
            self.at(place, "a path begins with `/`");
        } else if let Err(error) = PathAndQuery::try_from(path) {
            self.at(place, format!("`{path}` is no path: {error}"));
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

    fn expectation(&mut self, expectation: &Expectation, place: &Place) {
        match expectation {
            Expectation::Replicas {
                of,
                within,
                for_,
                after,
                ..
            } => {
                let place = place.key("replicas");
                if of.strip_prefix("deployment/").is_none_or(str::is_empty) {
                    self.at(
                        place.key("of"),
                        format!("`{of}` is no Deployment; expected deployment/NAME"),
                    );
                }
                self.longer_than_zero(*for_, place.key("for"));
                match (after, for_, within) {
                    (None, Some(_), _) => self.at(
                        place.key("for"),
                        "replicas that stay need `after:`, which proves that the new input was judged; without it nothing may have happened yet",
                    ),
                    (Some(_), None, _) => {
                        self.at(place.key("after"), "replicas that stay need `for:`, such as 3 syncs");
                    }
                    (Some(_), _, Some(_)) => self.at(
                        place.key("within"),
                        "replicas that stay are so from the beginning; `within` belongs to what is waited for in `after`",
                    ),
                    _ => {}
                }
                if let Some(after) = after {
                    self.expectation(after, place.key("after"));
                }
            }
            Expectation::Hpa {
                condition, current, ..
            } => {
                let place = place.key("hpa");
                match current {
                    Some(quantity) if !is_quantity(quantity) => {
                        self.at(place.key("current"), no_quantity(quantity));
                    }
                    Some(quantity) if milli(quantity).is_none() => {
                        let problem = format!("`{quantity}` is too large to be compared");
                        self.at(place.key("current"), problem);
                    }
                    None if condition.is_none() => {
                        self.at(
                            place,
                            "expect a `condition` or a `current` value of the HPA",
                        );
                    }
                    _ => {}
                }
            }
            Expectation::Apiservice { for_, .. } => {
                self.longer_than_zero(*for_, place.key("apiservice").key("for"));
            }
            Expectation::Pod(pod) => self.pod(pod, place.key("pod")),
            Expectation::Discovery { .. } => {}
            Expectation::Target {
                discovered_labels,
                health,
                last_error,
                scrape_url,
                ..
            } => {
                let place = place.key("target");
                if discovered_labels.is_empty() {
                    self.at(place, "a target is known by its `discoveredLabels`");
                }
                let is_scraped = !matches!(health, TargetHealth::Dropped | TargetHealth::Absent);
                if !is_scraped && (last_error.is_some() || scrape_url.is_some()) {
                    self.at(
                        place.key("health"),
                        "what isn't scraped has neither `scrapeUrl` nor `lastError`",
                    );
                }
            }
            Expectation::Query {
                count: 0,
                value: Some(_),
                ..
            } => self.at(
                place.key("query").key("value"),
                "an answer without elements has no `value`",
            ),
            Expectation::Query { .. } => {}
        }
    }

    fn pod(&mut self, pod: &PodExpectation, place: &Place) {
        if pod.labels.is_empty() {
            self.at(place.key("labels"), "say by `labels` which pod is meant");
        }
        match &pod.container {
            Some(container) => {
                let nothing = container.ready.is_none()
                    && container.waiting.is_none()
                    && container.restarts.is_none()
                    && container.log.is_none();
                if nothing {
                    self.at(
                        place.key("container"),
                        "expect `ready`, `waiting`, `restarts` or `log` of the container",
                    );
                }
            }
            None => {
                let nothing = pod.phase.is_none() && pod.ready.is_none() && pod.event.is_none();
                if nothing {
                    self.at(
                        place,
                        "expect a `phase`, `ready`, a `container` or an `event` of the pod",
                    );
                }
            }
        }
    }
}
