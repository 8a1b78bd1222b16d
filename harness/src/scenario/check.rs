//! What a scenario's shape can't say: notations, quantities, and things that need each other.

use serde_json::Value;
use setpoint_replay::engine::parse_selector;
use setpoint_replay::notation::{parse_series, parse_values};

use super::{Document, Expectation, Metric, Need, PkiStep, RequestStep, Step, WaitFor};
use crate::quantity::milli;

/// Everything that is wrong, each as `line:column: …`.
pub(super) fn check(document: &Document, text: &str) -> Vec<String> {
    let mut problems = Problems {
        text,
        found: Vec::new(),
    };
    if document.scenario.trim().is_empty() {
        problems.at(
            "scenario:",
            "the scenario needs a sentence that says what it proves",
        );
    }
    if document.steps.is_empty() {
        problems.at("steps:", "a scenario without steps proves nothing");
    }
    if !(document.speed.is_finite() && document.speed > 0.0) {
        problems.at("speed:", "speed must be above zero");
    }
    if document.rules.is_some() && !document.needs.contains(&Need::PrometheusAdapterRules) {
        problems.at(
            "rules:",
            "rules need `needs: [prometheus-adapter-rules]`: not every adapter reads them",
        );
    }
    if let Some(rules) = &document.rules {
        problems.rules(rules);
    }
    for metric in &document.metrics {
        problems.metric(metric);
    }
    for sample in &document.series {
        problems.values(&sample.values);
        if let Err(error) = parse_series(&sample.series) {
            problems.at(
                &sample.series,
                &format!("series `{}`: {error}", sample.series),
            );
        }
    }
    for manifest in document
        .manifests
        .iter()
        .chain(document.steps.iter().flat_map(applied))
    {
        problems.manifest(manifest);
    }
    for step in &document.steps {
        problems.step(step);
    }
    problems.found
}

fn applied(step: &Step) -> Box<dyn Iterator<Item = &Value> + '_> {
    match step {
        Step::Apply(objects) => Box::new(objects.iter()),
        Step::Load(load) => Box::new(load.during.iter().flat_map(applied)),
        _ => Box::new(std::iter::empty()),
    }
}

fn first_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

struct Problems<'a> {
    text: &'a str,
    found: Vec<String>,
}

impl Problems<'_> {
    /// A problem where `words` first stand in the file.
    fn at(&mut self, words: &str, problem: &str) {
        let offset = self.text.find(words).unwrap_or(0);
        let before = &self.text[..offset];
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        self.found.push(format!("{line}:{column}: {problem}"));
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Metrics(metrics) => metrics.iter().for_each(|metric| self.metric(metric)),
            Step::Expect(expectation) => self.expectation(expectation),
            Step::Wait(WaitFor { for_ }) => self.expectation(for_),
            Step::Request(RequestStep { path, .. }) => self.path(path),
            Step::Load(load) => {
                self.path(&load.path);
                if load.rate == 0 {
                    self.at("rate:", "a load makes at least one request a second");
                }
                load.during.iter().for_each(|step| self.step(step));
            }
            Step::Pki(PkiStep {
                ca_bundle: None,
                serving: None,
            }) => {
                self.at("pki:", "change the `caBundle`, the `serving` pair or both");
            }
            Step::Apply(_) | Step::Delete(_) | Step::Fault(_) | Step::Pki(_) | Step::Restart(_) => {
            }
        }
    }

    fn path(&mut self, path: &str) {
        if !path.starts_with('/') {
            self.at(path, "a path begins with `/`");
        }
    }

    fn metric(&mut self, metric: &Metric) {
        self.values(&metric.values);
        let name = format!("{}{{}}", metric.custom);
        if metric.custom.is_empty() || parse_series(&name).is_err() {
            self.at(
                &metric.custom,
                &format!("`{}` is no name of a metric", metric.custom),
            );
        }
    }

    fn values(&mut self, values: &str) {
        if let Err(error) = parse_values(values) {
            self.at(values, &format!("values `{values}`: {error}"));
        }
    }

    /// Whether the adapter's configuration is YAML, and its selectors are PromQL. The rest is the adapter's to judge.
    fn rules(&mut self, rules: &str) {
        let document: Value = match serde_saphyr::from_str(rules) {
            Ok(document) => document,
            Err(error) => {
                let line = error
                    .location()
                    .and_then(|location| usize::try_from(location.line()).ok())
                    .and_then(|line| rules.lines().nth(line.saturating_sub(1)))
                    .unwrap_or("rules:");
                return self.at(
                    line.trim(),
                    &format!("rules are no YAML: {}", first_line(&error)),
                );
            }
        };
        let rules = ["rules", "externalRules"]
            .into_iter()
            .filter_map(|key| document[key].as_array())
            .flatten();
        for query in rules.filter_map(|rule| rule["seriesQuery"].as_str()) {
            if let Err(error) = parse_selector(query) {
                self.at(query, &format!("seriesQuery `{query}`: {error}"));
            }
        }
    }

    fn manifest(&mut self, manifest: &Value) {
        for key in ["apiVersion", "kind"] {
            if !manifest[key].is_string() {
                self.at(
                    "manifests:",
                    &format!("a manifest has no `{key}`: {manifest}"),
                );
            }
        }
        if !manifest["metadata"]["name"].is_string() {
            self.at(
                "manifests:",
                &format!("a manifest has no `metadata.name`: {manifest}"),
            );
        }
    }

    fn expectation(&mut self, expectation: &Expectation) {
        match expectation {
            Expectation::Replicas { after: None, for_: Some(_), of, .. } => self.at(
                of,
                "replicas that stay need `after:`, which proves that the new input was judged; without it nothing may have happened yet",
            ),
            Expectation::Replicas { after: Some(_), for_: None, of, .. } => {
                self.at(of, "replicas that stay need `for:`, such as 3 syncs");
            }
            Expectation::Replicas { after: Some(after), .. } => self.expectation(after),
            Expectation::Hpa { current: Some(quantity), .. } if milli(quantity).is_none() => {
                self.at(quantity, &format!("`{quantity}` is no quantity; expected one such as 500m or 2k"));
            }
            Expectation::Hpa { condition: None, current: None, name, .. } => {
                self.at(name, "expect a `condition` or a `current` value of the HPA");
            }
            _ => {}
        }
    }
}
