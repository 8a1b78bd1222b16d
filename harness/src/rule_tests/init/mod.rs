//! A first file of tests for rules: a series for each rule, and what is answered for it.

mod example;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use setpoint_replay::labels::{Labels, METRIC_NAME};
use setpoint_replay::promql::Settings;
use setpoint_replay::{Script, ScriptedSeries, World};
use setpoint_rules::config::DiscoveryRule;
use setpoint_rules::{GroupResource, RestMapper, Rules};

use super::answer::Adapter;
use super::api_group::ApiGroup;
use super::cluster::Cluster;
use super::load::{LoadError, TestFile, rules_of};
use super::resources::built_in;
use super::update::UpdateError;

/// Why there is no first file of tests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The rules can't be read, or the file that came about can't.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The answers can't be written into it.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// There is nothing to test.
    #[error(
        "{path} has no rule for custom or external metrics whose series can be guessed: write the tests by hand"
    )]
    Nothing {
        /// The file of rules.
        path: PathBuf,
    },
    /// The file of rules has no name.
    #[error("{path} is no file of rules")]
    NoName {
        /// What was given.
        path: PathBuf,
    },
}

/// The path of the first file of tests for a file of rules: `rules.test.yaml` beside `rules.yaml`.
#[must_use]
pub fn first_path(rules: &Path) -> PathBuf {
    rules.with_extension("test.yaml")
}

/// The text of a first file of tests for rules, to stand beside them. What it expects is what is answered: it has to be
/// read, and shows from then on what changes.
///
/// # Errors
/// If the rules can't be used, or no series is found for any of them.
pub fn first_tests(rules: &Path) -> Result<String, InitError> {
    let name = rules.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| InitError::NoName {
        path: rules.to_owned(),
    })?;
    let file = rules_of(rules)?;
    let mut written = format!(
        "# Written by `setpoint test --init`: read what is expected, and change it to what you mean.\nrule_files: [{}]\nevaluation_interval: 30s\n\ntests:\n",
        text(name)
    );
    let guess = Guess::new(&file.rules);
    let mut tests = 0;
    for (of, rules) in [
        (ApiGroup::Custom, &file.custom),
        (ApiGroup::External, &file.external),
    ] {
        for (index, rule) in rules.iter().enumerate() {
            if let Some(group) = guess.group(of, rule) {
                tests += 1;
                written.push_str(&group);
            } else {
                let (key, query) = (of.key(), text(&rule.series_query));
                written.push_str(&format!("# No metric was found for {key}[{index}], whose seriesQuery is {query}: write a series for it.\n"));
            }
        }
    }
    if tests == 0 {
        return Err(InitError::Nothing {
            path: rules.to_owned(),
        });
    }
    let first = TestFile::of(&first_path(rules), written.clone())?;
    Ok(first.updated()?.unwrap_or(written))
}

/// What groups of tests are guessed with.
struct Guess<'a> {
    rules: &'a Rules,
    mapper: RestMapper,
}

impl<'a> Guess<'a> {
    fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            mapper: RestMapper::new(built_in()),
        }
    }

    /// A group for a rule; none where no series is found that makes a metric.
    fn group(&self, of: ApiGroup, rule: &DiscoveryRule) -> Option<String> {
        let labels = example::series(rule, &self.mapper)?;
        let values =
            if rule.metrics_query.contains("rate(") || rule.metrics_query.contains("increase(") {
                "0+3000x20"
            } else {
                "5x20"
            };
        let objects = self.objects(rule, &labels);
        let listed = self.listed(of, &labels, values)?;
        let asked = match of {
            ApiGroup::External => of_external(&listed, &objects),
            ApiGroup::Custom | ApiGroup::Resource => self.of_objects(&listed, &objects)?,
        };
        Some(format!(
            "- name: {}\n  input_series:\n  - series: {}\n    values: {values}\n{asked}",
            text(&format!("series {}", labels.value(METRIC_NAME))),
            text(&promtool(&labels))
        ))
    }

    /// Objects, and requests for the metrics of all of them.
    fn of_objects(
        &self,
        listed: &[String],
        objects: &BTreeMap<GroupResource, String>,
    ) -> Option<String> {
        // A metric of a namespace has the same query as that of the objects in it.
        let mut tested: Vec<&String> = listed
            .iter()
            .filter(|name| !name.starts_with("namespaces/"))
            .collect();
        if tested.is_empty() {
            tested = listed.iter().collect();
        }
        let mut requests = String::new();
        let mut of_cluster = String::new();
        for name in tested {
            let (short, request) = self.request(name, objects)?;
            if !of_cluster.contains(&short) {
                of_cluster.push_str(&short);
            }
            requests.push_str(&request);
        }
        Some(format!(
            "  objects:\n{of_cluster}  metric_test:\n{requests}  discovery_test:\n  - eval_time: 5m\n    exp_resources:\n    - a/b\n"
        ))
    }

    /// An object in short form, and a request for a metric of all objects of its kind, with anything in place of the answer.
    fn request(
        &self,
        name: &str,
        objects: &BTreeMap<GroupResource, String>,
    ) -> Option<(String, String)> {
        let (resource, metric) = name.split_once('/')?;
        let object = objects.get(&GroupResource::parse(resource))?;
        let known = self.mapper.resource(&GroupResource::parse(resource))?;
        let namespace = objects.get(&GroupResource::new("", "namespaces"));
        let place = namespace.filter(|_| known.namespaced);
        let place = place.map(|namespace| format!("namespace: {}", text(namespace)));
        let within = place.as_ref().map(|place| format!(", {place}"));
        let short = format!(
            "  - {{{}: [{}]{}}}\n",
            text(resource),
            text(object),
            within.unwrap_or_default()
        );
        let place = place.map(|place| format!("    {place}\n"));
        let request = format!(
            "  - eval_time: 5m\n    metric: {}\n{}    object: {}\n    exp_items: []\n",
            text(metric),
            place.unwrap_or_default(),
            text(&format!("{resource}/*")),
        );
        Some((short, request))
    }

    /// The objects that the labels name.
    fn objects(&self, rule: &DiscoveryRule, labels: &Labels) -> BTreeMap<GroupResource, String> {
        let named = example::object_labels(rule, &self.mapper).into_iter();
        named
            .map(|(label, resource)| (resource, labels.value(&label).to_owned()))
            .filter(|(_, name)| !name.is_empty())
            .collect()
    }

    /// The metrics that all rules make of the series; none where it is none.
    fn listed(&self, of: ApiGroup, labels: &Labels, values: &str) -> Option<Vec<String>> {
        let series = ScriptedSeries {
            series: promtool(labels),
            values: values.parse().ok()?,
            interval: 30.0,
            from: 0.0,
            hold: false,
        };
        let script = Script {
            series: vec![series],
            ..Script::default()
        };
        let world = World::new(&script, 0).ok()?;
        let settings = Settings::default();
        let cluster = Cluster::of(self.mapper.clone());
        let adapter = Adapter::new(self.rules, &world, &settings, &cluster, 300_000, 600_000);
        let listed = adapter.discovery(of);
        (!listed.is_empty()).then_some(listed)
    }
}

/// Requests for external metrics, by the namespace of the series.
fn of_external(listed: &[String], objects: &BTreeMap<GroupResource, String>) -> String {
    let namespace = objects.get(&GroupResource::new("", "namespaces"));
    let namespace = text(namespace.map_or("default", String::as_str));
    let requests = listed.iter().map(|metric| {
        let metric = text(metric);
        format!(
            "  - eval_time: 5m\n    external: {metric}\n    namespace: {namespace}\n    exp_values: []\n"
        )
    });
    let requests: String = requests.collect();
    format!(
        "  metric_test:\n{requests}  discovery_test:\n  - eval_time: 5m\n    exp_external:\n    - a\n"
    )
}

/// A text in quotes, as JSON and YAML have it.
fn text(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// A series in promtool's notation.
fn promtool(labels: &Labels) -> String {
    format!("{}{}", labels.value(METRIC_NAME), labels.without_name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../fixtures")
            .join(name)
    }

    #[test]
    fn a_first_file_has_a_series_and_a_test_for_each_rule_and_passes() {
        for rules in [
            "rule-tests/kube-prometheus/rules.yaml",
            "rule-tests/openshift/config.yaml",
            "rule-tests/external/rules.yaml",
        ] {
            let rules = fixture(rules);
            let text = first_tests(&rules).unwrap();
            let file = TestFile::of(&first_path(&rules), text.clone()).unwrap();
            let report = file.run();
            assert_eq!(report.failed(), 0, "{}", report.to_text());
            assert!(!text.contains("# No"), "{text}");
        }
    }

    #[test]
    fn a_first_file_is_one_that_people_can_read() {
        let text = first_tests(&fixture("rule-tests/openshift/config.yaml")).unwrap();
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_gives_no_metric_is_left_to_the_author() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        let none = "{seriesQuery: 'up', seriesFilters: [{isNot: up}], resources: {template: <<.Resource>>}, metricsQuery: x}";
        let one = "{seriesQuery: 'load', resources: {template: <<.Resource>>}, metricsQuery: 'sum by (<<.GroupBy>>) (<<.Series>>)'}";
        std::fs::write(&path, format!("rules: [{none}]")).unwrap();
        assert!(matches!(first_tests(&path), Err(InitError::Nothing { .. })));
        std::fs::write(&path, format!("rules: [{none}, {one}]")).unwrap();
        let text = first_tests(&path).unwrap();
        assert!(
            text.contains("# No metric was found for rules[0], whose seriesQuery is \"up\""),
            "{text}"
        );
    }
}
