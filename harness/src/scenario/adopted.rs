//! A scenario with an adapter that is there already: its pods run the sample application and show its values themselves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Document, Scenario};
use crate::format::{Install, Metric, On};
use crate::installed::{CONTAINER, Feed, Installed, PORT, PORT_NAME, TOLERANCE, constant};
use crate::outcome::HarnessProblem;
use crate::programs::{setpoint_image, stand_in_arguments};
use crate::sample_app::COUNTER;

/// Why a scenario can't be played with an adapter that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    /// It is about the adapter's own installation.
    #[error("its installation is its owner's")]
    OwnAdapter,
    /// It has series, or Prometheus' clock is another one.
    #[error("its Prometheus is its owner's")]
    Prometheus,
    /// It gives no metric to pods.
    #[error("a sample application shows the load of its own pods, and there is none in it")]
    NoLoad,
    /// A metric is of an object.
    #[error("which series are one value of an object is said by rules of its owner's")]
    Object,
    /// There are several metrics, with labels, or with values that change or end by themselves.
    #[error("a sample application shows one metric with one value at a time, and no labels")]
    Values,
    /// No Deployment of its own makes the pods.
    #[error("the pods that have the metric are of no Deployment of the scenario")]
    NoDeployment,
}

impl Misfit {
    /// What the scenario asks for.
    #[must_use]
    pub(crate) fn need(self) -> &'static str {
        match self {
            Self::OwnAdapter => "an installation of its own",
            Self::Prometheus => "series of its own",
            Self::NoLoad => "no load",
            Self::Object => "metrics of objects",
            Self::Values => "such values",
            Self::NoDeployment => "other pods",
        }
    }
}

impl Scenario {
    /// Why it can't be played with an adapter that is there already, if so.
    #[must_use]
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        misfit(&self.document).err()
    }

    /// The same scenario for an adapter that is there already.
    ///
    /// # Errors
    /// When it can't be read again: a mistake of this program.
    pub fn adopted(&self, installed: &Installed) -> Result<Self, HarnessProblem> {
        let metrics = &self.document.metrics;
        let mut source = Value::Null;
        let document = self.document_by(|document| {
            if let Some(metric) = metrics.first() {
                adopt(document, metric, installed);
            }
            source = document.clone();
        });
        let mut document = document.map_err(|source| HarnessProblem::NotMade {
            doing: format!("play `{}` with an adapter that is there", self.name()),
            source,
        })?;
        document.install = Install::Already;
        Ok(Self {
            path: self.path.clone(),
            // JSON is YAML.
            source: source.to_string(),
            document,
        })
    }
}

fn misfit(document: &Document) -> Result<(), Misfit> {
    let is_fast = (document.speed - 1.0).abs() > f64::EPSILON;
    if !document.series.is_empty() || is_fast {
        return Err(Misfit::Prometheus);
    }
    let is_own = document.adapter.is_some();
    if is_own || document.steps.iter().any(|step| step.needs().own_adapter) {
        return Err(Misfit::OwnAdapter);
    }
    let first = document.metrics.first().ok_or(Misfit::NoLoad)?;
    let given = document.steps.iter().flat_map(|step| step.metrics());
    for metric in document.metrics.iter().chain(given) {
        let On::Pods(selector) = &metric.on else {
            return Err(Misfit::Object);
        };
        let is_plain = metric.labels.is_empty() && metric.label_prefix.is_empty();
        if metric.custom != first.custom || !is_plain || constant(metric).is_none() {
            return Err(Misfit::Values);
        }
        if !document
            .manifests
            .iter()
            .any(|object| makes(object, selector))
        {
            return Err(Misfit::NoDeployment);
        }
    }
    Ok(())
}

/// Whether it makes pods with these labels.
fn makes(object: &Value, selector: &BTreeMap<String, String>) -> bool {
    let labels = &object["spec"]["template"]["metadata"]["labels"];
    let has = |(key, value): (&String, &String)| labels[key] == json!(value);
    object["kind"] == "Deployment" && selector.iter().all(has)
}

fn adopt(document: &mut Value, metric: &Metric, installed: &Installed) {
    let name = installed.metric.as_deref().unwrap_or(&metric.custom);
    rename(document, &metric.custom, name);
    let gauge = installed.gauge.as_deref().unwrap_or(name);
    let On::Pods(selector) = &metric.on else {
        return;
    };
    let mut monitors = Vec::new();
    for object in document["manifests"].as_array_mut().into_iter().flatten() {
        if !makes(object, selector) {
            continue;
        }
        run_sample_app(&mut object["spec"]["template"], gauge);
        match &installed.feed {
            Feed::Annotations => {
                let annotations = &mut object["spec"]["template"]["metadata"]["annotations"];
                annotations["prometheus.io/scrape"] = json!("true");
                annotations["prometheus.io/port"] = json!(PORT.to_string());
                annotations["prometheus.io/path"] = json!("/metrics");
            }
            Feed::PodMonitor(labels) => monitors.push(json!({
                "apiVersion": "monitoring.coreos.com/v1", "kind": "PodMonitor",
                "metadata": {"name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"], "labels": labels},
                "spec": {"selector": {"matchLabels": selector}, "podMetricsEndpoints": [{"port": PORT_NAME, "path": "/metrics"}]},
            })),
            Feed::None => {}
        }
    }
    if let Some(manifests) = document["manifests"].as_array_mut() {
        manifests.extend(monitors);
    }
    tolerate(&mut document["steps"]);
}

/// Lets the first container of pods be the sample application.
fn run_sample_app(template: &mut Value, gauge: &str) {
    let mut args = stand_in_arguments();
    // The counter has that name already.
    if gauge != COUNTER {
        args.push(format!("--gauge={gauge}"));
    }
    let container = &mut template["spec"]["containers"][0];
    container["name"] = json!(CONTAINER);
    container["image"] = json!(setpoint_image());
    container["args"] = json!(args);
    container["ports"] = json!([{"name": PORT_NAME, "containerPort": PORT}]);
    container["readinessProbe"] =
        json!({"httpGet": {"path": "/", "port": PORT_NAME}, "periodSeconds": 1});
}

/// Names a metric as the adapter does, wherever it is named.
fn rename(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) if text == from => to.clone_into(text),
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, from, to)),
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| rename(field, from, to)),
        _ => {}
    }
}

/// Lets the values that HPAs are expected to measure differ a little, where nothing else is said.
fn tolerate(steps: &mut Value) {
    let allow = |expected: &mut Value| {
        if !expected["current"].is_null() && expected["tolerance"].is_null() {
            expected["tolerance"] = json!(TOLERANCE);
        }
    };
    match steps {
        Value::Array(items) => items.iter_mut().for_each(tolerate),
        Value::Object(fields) => {
            for (key, field) in fields {
                if key == "hpa" && field.is_object() {
                    allow(field);
                    let metrics = field.get_mut("metrics").and_then(Value::as_array_mut);
                    metrics.into_iter().flatten().for_each(allow);
                }
                tolerate(field);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::Profile;
    use crate::scenario::load;

    fn scenarios(area: &str) -> Vec<Scenario> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
        load(&[folder.join(area)]).unwrap()
    }

    fn scenario(name: &str) -> Scenario {
        let found = scenarios("pod-autoscaling").into_iter();
        let mut found = found.filter(|scenario| scenario.name() == name);
        found.next().unwrap()
    }

    fn adopted(installed: &Installed) -> Document {
        let scenario = scenario("pod-autoscaling/pods-metric");
        scenario.adopted(installed).unwrap().document
    }

    #[test]
    fn scenarios_fit_whose_pods_can_show_their_own_load() {
        let misfits: Vec<_> = scenarios("pod-autoscaling")
            .iter()
            .map(|scenario| (scenario.name(), scenario.misfit()))
            .collect();
        let named = |name: &str, misfit| (format!("pod-autoscaling/{name}"), misfit);
        let expected = [
            named("dcgm-shaped-series", Some(Misfit::Values)),
            named("holds-while-the-metric-is-absent", Some(Misfit::Object)),
            named("object-metric", Some(Misfit::Object)),
            named("pods-metric", None),
            named("to-the-maximum-and-back", None),
        ];
        assert_eq!(misfits, expected);
    }

    /// Finds steps that touch the adapter and don't say so.
    #[test]
    fn no_scenario_fits_that_is_not_about_the_scaling_of_pods() {
        let profile = Profile::named(Profile::INSTALLED).unwrap();
        for scenario in scenarios(".") {
            let needs = &scenario.document.needs;
            if scenario.misfit().is_none() && profile.lacks_one_of(needs).is_none() {
                let text = &scenario.source;
                for word in [
                    "fault:",
                    "restart:",
                    "pki:",
                    "request:",
                    "rules:",
                    "discovery:",
                ] {
                    assert!(!text.contains(word), "{}: {word}", scenario.name());
                }
            }
        }
    }

    #[test]
    fn the_pods_show_the_metric_by_its_name_and_prometheus_is_told_where() {
        let mut installed = Installed::new(Feed::Annotations);
        installed.metric = Some("tokens".to_owned());
        let document = adopted(&installed);
        assert_eq!(document.install, Install::Already);
        assert_eq!(document.metrics[0].custom, "tokens");
        let deployment = document
            .manifests
            .iter()
            .find(|o| o["kind"] == "Deployment");
        let template = &deployment.unwrap()["spec"]["template"];
        assert_eq!(
            template["metadata"]["annotations"],
            json!({"prometheus.io/scrape": "true", "prometheus.io/port": "8080", "prometheus.io/path": "/metrics"})
        );
        let args = template["spec"]["containers"][0]["args"].to_string();
        assert!(args.contains("--gauge=tokens"), "{args}");
        let hpa = document
            .manifests
            .iter()
            .find(|o| o["kind"] == "HorizontalPodAutoscaler");
        assert_eq!(
            hpa.unwrap()["spec"]["metrics"][0]["pods"]["metric"]["name"],
            "tokens"
        );
        let left = format!("{document:?}");
        assert!(!left.contains("queue_length"), "{left}");
        assert!(left.contains("Tolerance(0.1)"), "{left}");
    }

    #[test]
    fn a_pod_monitor_selects_the_pods_and_has_the_labels_that_its_prometheus_wants() {
        let feed = "podmonitor:release=stack".parse().unwrap();
        let document = adopted(&Installed::new(feed));
        let monitor = document.manifests.last().unwrap();
        assert_eq!(monitor["kind"], "PodMonitor");
        assert_eq!(monitor["metadata"]["labels"], json!({"release": "stack"}));
        assert_eq!(
            monitor["spec"]["selector"]["matchLabels"],
            json!({"app": "web"})
        );
        let deployment = document
            .manifests
            .iter()
            .find(|o| o["kind"] == "Deployment");
        let template = &deployment.unwrap()["spec"]["template"];
        assert!(template["metadata"]["annotations"].is_null(), "{template}");
        let port = &template["spec"]["containers"][0]["ports"][0]["name"];
        assert_eq!(*port, monitor["spec"]["podMetricsEndpoints"][0]["port"]);
    }

    #[test]
    fn the_counter_is_no_gauge_besides() {
        let mut installed = Installed::new(Feed::None);
        installed.metric = Some(COUNTER.to_owned());
        let manifests = json!(adopted(&installed).manifests).to_string();
        assert!(!manifests.contains("--gauge"), "{manifests}");
        installed.gauge = Some("series_name".to_owned());
        let manifests = json!(adopted(&installed).manifests).to_string();
        assert!(manifests.contains("--gauge=series_name"), "{manifests}");
    }
}
