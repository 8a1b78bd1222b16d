//! Prometheus' targets: judged, and told in a few words. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use crate::scenario::TargetHealth;

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
pub struct Targets {
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
pub struct Active {
    discovered_labels: Labels,
    scrape_pool: String,
    scrape_url: String,
    last_error: String,
    health: String,
}

/// A target that was dropped.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dropped {
    discovered_labels: Labels,
}

impl Active {
    fn in_words(&self) -> String {
        let error = if self.last_error.is_empty() {
            String::new()
        } else {
            format!(": {}", self.last_error)
        };
        format!(
            "{} {} {} is {}{error}",
            self.scrape_pool,
            whose(&self.discovered_labels),
            self.scrape_url,
            self.health
        )
    }
}

impl Targets {
    /// Whether all targets with those discovered labels are as expected.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn judge(
        &self,
        labels: &Labels,
        health: TargetHealth,
        last_error: Option<&str>,
        scrape_url: Option<&str>,
    ) -> Result<(), String> {
        let has = |found: &Labels| {
            labels
                .iter()
                .all(|(key, value)| found.get(key) == Some(value))
        };
        let active: Vec<&Active> = self
            .active
            .iter()
            .filter(|target| has(&target.discovered_labels))
            .collect();
        let dropped = self
            .dropped
            .iter()
            .filter(|target| has(&target.discovered_labels))
            .count();
        let all = |health: &str| {
            !active.is_empty()
                && active.iter().all(|target| {
                    target.health == health
                        && last_error.is_none_or(|words| target.last_error.contains(words))
                        && scrape_url.is_none_or(|words| target.scrape_url.contains(words))
                })
        };
        let fits = match health {
            TargetHealth::Up => all("up"),
            TargetHealth::Down => all("down"),
            TargetHealth::Dropped => active.is_empty() && dropped > 0,
            TargetHealth::Absent => active.is_empty() && dropped == 0,
        };
        if fits {
            return Ok(());
        }
        let active: Vec<String> = active.iter().map(|target| target.in_words()).collect();
        Err(match (active.is_empty(), dropped) {
            (true, 0) => format!("it is absent; {self}"),
            (true, _) => "it is dropped by relabelling".to_owned(),
            (false, _) => active.join("; "),
        })
    }

    /// A line for each target that somebody asked for by annotations, and one for the rest.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let annotated = |target: &&Dropped| !annotations(&target.discovered_labels).is_empty();
        let dropped = self.dropped.iter().filter(annotated);
        let dropped: BTreeSet<String> = dropped
            .map(|target| {
                let labels = &target.discovered_labels;
                let (whose, why) = (whose(labels), annotations(labels));
                format!("{whose} ({why}) is dropped by relabelling")
            })
            .collect();
        let active = self.active.iter().map(Active::in_words);
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
mod tests {
    use super::*;

    fn allowed() -> Targets {
        let text = include_str!("../../../fixtures/prometheus/targets.json");
        serde_json::from_str(text).unwrap()
    }

    fn forbidden() -> Targets {
        let text = include_str!("../../../fixtures/prometheus/targets-without-rbac.json");
        serde_json::from_str(text).unwrap()
    }

    fn judged(
        targets: &Targets,
        service: &str,
        health: TargetHealth,
        error: Option<&str>,
    ) -> Result<(), String> {
        let labels = format!("{META}service_name");
        targets.judge(
            &Labels::from([(labels, service.to_owned())]),
            health,
            error,
            None,
        )
    }

    #[test]
    fn a_timeline_tells_what_is_wrong_with_a_scrape() {
        insta::assert_snapshot!(allowed().in_words().join("\n"));
        insta::assert_snapshot!("without_rbac", forbidden().in_words().join("\n"));
        assert_eq!(
            Targets::default().in_words(),
            ["nothing at all is discovered"]
        );
    }

    #[test]
    fn every_state_is_told_from_every_other() {
        let states = [
            TargetHealth::Up,
            TargetHealth::Down,
            TargetHealth::Dropped,
            TargetHealth::Absent,
        ];
        for (service, only) in [
            ("sample-metrics-app", TargetHealth::Up),
            ("wrong-port", TargetHealth::Down),
            ("wrong-path", TargetHealth::Down),
            ("not-asked-for", TargetHealth::Dropped),
            ("nobody", TargetHealth::Absent),
        ] {
            for state in states {
                let verdict = judged(&allowed(), service, state, None);
                assert_eq!(verdict.is_ok(), state == only, "{service} {state:?}");
            }
        }
        let absent = judged(&forbidden(), "wrong-port", TargetHealth::Absent, None);
        assert_eq!(absent, Ok(()));
    }

    #[test]
    fn another_error_than_the_expected_one_is_told() {
        let refused = Some("connect: connection refused");
        let down = TargetHealth::Down;
        assert_eq!(judged(&allowed(), "wrong-port", down, refused), Ok(()));
        let problem = judged(&allowed(), "wrong-path", down, refused).unwrap_err();
        assert!(
            problem.ends_with("is down: server returned HTTP status 404 Not Found"),
            "{problem}"
        );
    }
}
