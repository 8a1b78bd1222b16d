//! Prometheus' targets in a few words. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

type Labels = BTreeMap<String, String>;

const META: &str = "__meta_kubernetes_";
/// What the annotations of Services and pods are called among discovered labels.
const ANNOTATIONS: [&str; 2] = [
    "__meta_kubernetes_service_annotation_prometheus_io_",
    "__meta_kubernetes_pod_annotation_prometheus_io_",
];

/// What `/api/v1/targets?state=any` says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Targets {
    /// What is scraped.
    #[serde(rename = "activeTargets")]
    pub active: Vec<Active>,
    /// What was discovered, and dropped by relabelling.
    #[serde(rename = "droppedTargets")]
    pub dropped: Vec<Dropped>,
}

/// A target that is scraped.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Active {
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
    scrape_pool: String,
    /// What is scraped.
    pub scrape_url: String,
    /// Why the last scrape failed; empty where it did not.
    pub last_error: String,
    /// `up`, `down` or `unknown`.
    pub health: String,
}

/// A target that was dropped.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dropped {
    /// Its labels before relabelling.
    pub discovered_labels: Labels,
}

impl fmt::Display for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = if self.last_error.is_empty() {
            String::new()
        } else {
            format!(": {}", self.last_error)
        };
        write!(
            f,
            "{} {} {} is {}{error}",
            self.scrape_pool,
            whose(&self.discovered_labels),
            self.scrape_url,
            self.health
        )
    }
}

impl Targets {
    /// A line for each target that has annotations for Prometheus, and one for the rest.
    #[must_use]
    pub(crate) fn describe(&self) -> Vec<String> {
        let annotated = |target: &&Dropped| !annotations(&target.discovered_labels).is_empty();
        let dropped = self.dropped.iter().filter(annotated);
        let dropped: BTreeSet<String> = dropped
            .map(|target| {
                let labels = &target.discovered_labels;
                let (whose, why) = (whose(labels), annotations(labels));
                format!("{whose} ({why}) is dropped by relabelling")
            })
            .collect();
        let active = self.active.iter().map(ToString::to_string);
        active.chain(dropped).chain([self.to_string()]).collect()
    }
}

/// How much there is.
impl fmt::Display for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.active.len(), self.dropped.len()) {
            (0, 0) => f.write_str("nothing at all is discovered"),
            (active, dropped) => write!(
                f,
                "of {} discovered targets {active} are scraped",
                active + dropped
            ),
        }
    }
}

/// The object that a target was found by.
fn whose(labels: &Labels) -> String {
    let label = |name: &str| labels.get(&format!("{META}{name}"));
    let namespace = label("namespace").map_or("", String::as_str);
    let named = ["service", "pod"]
        .into_iter()
        .find_map(|kind| Some((kind, label(&format!("{kind}_name"))?)));
    named.map_or_else(
        || "a target without a name".to_owned(),
        |(kind, name)| format!("{kind} {namespace}/{name}"),
    )
}

/// The annotations that Prometheus is told what to do by.
fn annotations(labels: &Labels) -> String {
    let annotation = |(key, value): (&String, &String)| {
        let name = ANNOTATIONS
            .iter()
            .find_map(|prefix| key.strip_prefix(prefix))?;
        Some(format!("prometheus.io/{name}: {value:?}"))
    };
    let found: Vec<String> = labels.iter().filter_map(annotation).collect();
    found.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// What a Prometheus discovers that may list Services and pods.
    pub(crate) fn allowed() -> Targets {
        let text = include_str!("../../../fixtures/prometheus/targets.json");
        serde_json::from_str(text).unwrap()
    }

    /// What one discovers that may not.
    pub(crate) fn forbidden() -> Targets {
        let text = include_str!("../../../fixtures/prometheus/targets-without-rbac.json");
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_timeline_tells_what_is_wrong_with_a_scrape() {
        insta::assert_snapshot!(allowed().describe().join("\n"));
        insta::assert_snapshot!("without_rbac", forbidden().describe().join("\n"));
        assert_eq!(
            Targets::default().describe(),
            ["nothing at all is discovered"]
        );
    }
}
