//! A first file of tests for rules: a series for each rule, and what is answered for it.

mod buckets;
mod example;
mod grid;
mod group;
mod live;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use setpoint_replay::labels::METRIC_NAME;
use setpoint_rules::config::DiscoveryRule;
use setpoint_rules::{RestMapper, Rule, Rules};

use super::api_group::ApiGroup;
use super::duration::PromDuration;
use super::load::{LoadError, TestFile, rules_of};
use super::resources::built_in;
use super::rule_file::RuleFile;
use super::update::UpdateError;
use group::{Group, objects_of, text};

pub use live::{LiveError, first_tests_from};

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
    /// A live Prometheus has nothing to test.
    #[error(
        "no rule of {path} for custom or external metrics finds a series there: ask another Prometheus, or write a first file without it"
    )]
    NothingFound {
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
    let file = rules_of(rules)?;
    let mut first = FirstFile::new(
        rules,
        "Written by `setpoint test --init`: read what is expected, and change it to what you mean.",
    )?;
    let context = Context::new(&file.rules);
    for written in written_rules(&file) {
        match context.guessed(&written) {
            Some(group) => first.add(&group),
            None => first.remark(&format!(
                "No metric was found for {written}: write a series for it."
            )),
        }
    }
    let nothing = || InitError::Nothing {
        path: rules.to_owned(),
    };
    first.finish(nothing)
}

/// A rule for custom or external metrics, as it is compiled and as it is written.
struct WrittenRule<'a> {
    of: ApiGroup,
    rule: &'a Arc<Rule>,
    written: &'a DiscoveryRule,
}

impl std::fmt::Display for WrittenRule<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (key, index) = (self.of.key(), self.rule.position());
        let query = text(self.rule.series_query());
        write!(f, "{key}[{index}], whose seriesQuery is {query}")
    }
}

/// The rules of a file in its order.
fn written_rules(file: &RuleFile) -> impl Iterator<Item = WrittenRule<'_>> {
    let lists = [
        (ApiGroup::Custom, file.rules.custom(), &file.custom),
        (ApiGroup::External, file.rules.external(), &file.external),
    ];
    lists.into_iter().flat_map(|(of, rules, written)| {
        rules.iter().filter_map(move |rule| {
            let written = written.get(rule.position())?;
            Some(WrittenRule { of, rule, written })
        })
    })
}

/// The file while it is written.
struct FirstFile {
    path: PathBuf,
    text: String,
    groups: usize,
}

impl FirstFile {
    /// One without groups, which begins with a comment.
    fn new(rules: &Path, comment: &str) -> Result<Self, InitError> {
        let name = rules.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| InitError::NoName {
            path: rules.to_owned(),
        })?;
        let name = text(name);
        Ok(Self {
            path: first_path(rules),
            text: format!(
                "# {comment}\nrule_files: [{name}]\nevaluation_interval: 30s\n\ntests:\n"
            ),
            groups: 0,
        })
    }

    fn add(&mut self, group: &str) {
        self.groups += 1;
        self.text.push_str(group);
    }

    fn remark(&mut self, remark: &str) {
        let remark = remark.replace(['\n', '\r'], " ");
        self.text.push_str(&format!("# {remark}\n"));
    }

    /// The file of this text and one more group, as it is before anything is expected.
    fn with(&self, group: &str) -> Result<TestFile, LoadError> {
        TestFile::of(&self.path, format!("{}{group}", self.text))
    }

    /// The text with what is answered, or why there is none.
    fn finish(self, nothing: impl FnOnce() -> InitError) -> Result<String, InitError> {
        if self.groups == 0 {
            return Err(nothing());
        }
        let first = TestFile::of(&self.path, self.text.clone())?;
        let text = first.updated()?.unwrap_or(self.text);
        let mut whole = Self { text, ..self };
        for unanswered in TestFile::of(&whole.path, whole.text.clone())?.unanswered() {
            whole.remark(&unanswered);
        }
        Ok(whole.text)
    }
}

/// What groups of tests are written with.
struct Context<'a> {
    rules: &'a Rules,
    mapper: RestMapper,
}

impl<'a> Context<'a> {
    fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            mapper: RestMapper::new(built_in()),
        }
    }

    /// A group for a rule, with a series that may be one of its own; none where no series is found that makes a metric.
    fn guessed(&self, rule: &WrittenRule<'_>) -> Option<String> {
        let labels = example::series(rule.written, &self.mapper)?;
        let query = &rule.written.metrics_query;
        let rises = query.contains("rate(") || query.contains("increase(");
        let group = Group {
            name: format!("series {}", labels.value(METRIC_NAME)),
            interval: None,
            objects: objects_of(rule.rule, &self.mapper, [&labels]),
            series: buckets::series(rule.written, labels, rises),
            at: PromDuration::minutes(5),
        };
        group.text(rule.of, self)
    }
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

    fn first(rule: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.yaml");
        std::fs::write(&path, format!("rules: [{rule}]")).unwrap();
        first_tests(&path).unwrap()
    }

    #[test]
    fn a_histogram_has_buckets_and_its_quantile_a_value() {
        let query = "histogram_quantile(0.9, sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m])) by (le, <<.GroupBy>>))";
        let rule = |series_query: &str| {
            format!(
                "{{seriesQuery: '{series_query}', resources: {{template: <<.Resource>>}}, metricsQuery: '{query}'}}"
            )
        };
        for series_query in [
            "latency_bucket{pod!=\"\"}",
            "latency_bucket{pod!=\"\",le!=\"\"}",
            "latency_bucket{le=~\".+\"}",
        ] {
            let text = first(&rule(series_query));
            for le in ["0.1", "0.5", "1", "+Inf"] {
                assert!(text.contains(&format!("le=\\\"{le}\\\"")), "{text}");
            }
            assert!(text.contains("value: 794m"), "{text}");
            assert!(!text.contains("exp_items: []"), "{text}");
        }
        let one = "{seriesQuery: 'latency_bucket{le=\"0.5\"}', resources: {template: <<.Resource>>}, metricsQuery: 'sum(rate(<<.Series>>[5m])) by (<<.GroupBy>>)'}";
        let text = first(one);
        assert_eq!(text.matches("series: ").count(), 1, "{text}");
        assert!(text.contains("value: 80"), "{text}");
    }

    #[test]
    fn a_request_that_is_answered_without_values_has_a_comment_that_says_why() {
        let text = first(
            "{seriesQuery: 'load', resources: {template: <<.Resource>>}, metricsQuery: 'sum by (<<.GroupBy>>) (<<.Series>> / on (pod) load_limit)'}",
        );
        assert!(
            text.contains("\n# Nothing is answered to GET /apis/custom.metrics.k8s.io/v1beta2/namespaces/default/pods/*/load at 5m: no series is one of `load_limit`: none has the name. Write what is missing.\n"),
            "{text}"
        );
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
