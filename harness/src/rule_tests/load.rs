//! From files to tests that can run. Nothing runs before every file is sound.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use setpoint_replay::notation::{Values, parse_series};
use setpoint_replay::promql::Settings;
use setpoint_replay::{Script, ScriptedSeries, World, labels::Labels};
use setpoint_rules::{Rules, error_place, error_without_place};

use super::api_group::ApiGroup;
use super::cluster::Cluster;
use super::document::{self, DiscoveryTest, Document, InputSeries, MetricTest};
use super::duration::PromDuration;
use super::expected::Expected;
use super::judge::{Question, Tolerance};
use super::request::target;
use super::rule_file::{self, RuleFile};
use crate::format::{Checks, Place, in_file};
use crate::quantity::is_quantity;

/// The most bytes of a file: more than anybody writes by hand.
const MAX_BYTES: u64 = 16 << 20;
/// How long the adapter waits for an answer of Prometheus.
const QUERY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);

/// A file of tests that can run.
#[derive(Debug)]
pub struct TestFile {
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub(super) text: String,
    pub(super) rules: Rules,
    /// What of the rules isn't tested.
    pub(super) notes: Vec<String>,
    pub(super) settings: Settings,
    pub(super) max_age: PromDuration,
    pub(super) tolerance: Tolerance,
    pub(super) groups: Vec<LoadedGroup>,
}

/// A group of tests.
#[derive(Debug)]
pub(super) struct LoadedGroup {
    pub(super) name: String,
    pub(super) world: World,
    pub(super) cluster: Cluster,
    pub(super) tests: Vec<Test>,
}

/// One question and what is expected of it.
#[derive(Debug)]
pub(super) struct Test {
    /// Where it stands: a line and a column, from 1.
    pub(super) place: (usize, usize),
    /// Where the expectation stands.
    pub(super) expected_at: (usize, usize),
    pub(super) at: PromDuration,
    pub(super) question: Question,
}

/// Why files can't be tested.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file can't be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A file is too long.
    #[error("{path} has more than {MAX_BYTES} bytes: split it")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// A file is no file of tests, or its rules can't be used.
    #[error("{}", .problems.join("\n"))]
    Broken {
        /// Everything that is wrong, each as `path:line:column: …`.
        problems: Vec<String>,
    },
}

impl TestFile {
    /// Reads a file and its rules.
    ///
    /// # Errors
    /// If one of them can't be read, and everything that is wrong with them.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        Self::of(path, read(path)?)
    }

    /// A file with this text.
    ///
    /// # Errors
    /// If its rules can't be read, and everything that is wrong with them and with the text.
    pub(super) fn of(path: &Path, text: String) -> Result<Self, LoadError> {
        let broken = |problems| LoadError::Broken {
            problems: in_file(path, problems),
        };
        let document: Document = serde_saphyr::from_str(&text).map_err(|error| {
            let (line, column) = error_place(&error);
            broken(vec![format!(
                "{line}:{column}: {}",
                error_without_place(&error)
            )])
        })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let place = Place::of(&text);
        let mut checks = Checks::new(folder);
        let settings = settings(&document, &place, &mut checks);
        if document.tests.is_empty() {
            checks.at(place.key("tests"), "there is no test");
        }
        let groups = document.tests.iter().enumerate();
        let groups: Vec<Option<LoadedGroup>> = groups
            .map(|(index, group)| {
                let place = place.key("tests").item(index);
                loaded(index, group, &document, place, &mut checks)
            })
            .collect();
        let [rules] = document.rule_files.as_slice() else {
            checks.at(
                place.key("rule_files"),
                "expected one file: an adapter has one configuration",
            );
            return Err(broken(checks.problems()));
        };
        let rules = match rules_of(&folder.join(rules)) {
            Ok(rules) => Some(rules),
            Err(error @ LoadError::Broken { .. }) => return Err(error),
            Err(error) => {
                let problem = setpoint_support::error_chain(&error);
                checks.at(place.key("rule_files").item(0), problem);
                None
            }
        };
        let problems = checks.problems();
        match (rules, groups.into_iter().collect::<Option<Vec<_>>>()) {
            (Some(rules), Some(groups)) if problems.is_empty() => Ok(Self {
                path: path.to_owned(),
                text,
                rules: rules.rules,
                notes: rules.notes,
                settings,
                max_age: document.metrics_max_age,
                tolerance: Tolerance::new(document.fuzzy_compare),
                groups,
            }),
            _ => Err(broken(problems)),
        }
    }

    /// How many tests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.tests.len()).sum()
    }

    /// Whether there is no test; never so for a file that was loaded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The text of a file.
pub(super) fn read(path: &Path) -> Result<String, LoadError> {
    let failed = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(LoadError::TooLong {
            path: path.to_owned(),
        });
    }
    setpoint_support::read_text(path).map_err(failed)
}

/// The rules of a file.
pub(super) fn rules_of(path: &Path) -> Result<RuleFile, LoadError> {
    rule_file::parse(&read(path)?).map_err(|found| LoadError::Broken {
        problems: found
            .into_iter()
            .map(|(line, column, problem)| format!("{}:{line}:{column}: {problem}", path.display()))
            .collect(),
    })
}

fn settings(document: &Document, place: &Place, checks: &mut Checks<'_>) -> Settings {
    let mut settings = Settings {
        timeout: QUERY_TIMEOUT,
        ..Settings::default()
    };
    if let Some(version) = &document.prometheus_version {
        match version.parse() {
            Ok(version) => settings.version = version,
            Err(error) => {
                let error: setpoint_replay::promql::VersionError = error;
                checks.at(place.key("prometheus_version"), error.to_string());
            }
        }
    }
    settings
}

/// A group that can run, or notes of what is wrong with it.
fn loaded(
    index: usize,
    group: &document::Group,
    document: &Document,
    place: &Place,
    checks: &mut Checks<'_>,
) -> Option<LoadedGroup> {
    let interval = group.interval.unwrap_or(document.evaluation_interval);
    if interval.millis() == 0 {
        checks.at(place.key("interval"), "expected an interval longer than 0s");
    }
    if group.metric_test.is_empty() && group.discovery_test.is_empty() {
        checks.at(
            place,
            "nothing is expected of these series: expected `metric_test` or `discovery_test`",
        );
    }
    let series = series_of(
        &group.input_series,
        interval,
        place.key("input_series"),
        checks,
    );
    let cluster = Cluster::new(&group.objects, place.key("objects"), checks);
    let mut tests = Vec::new();
    for (index, test) in group.metric_test.iter().enumerate() {
        let place = place.key("metric_test").item(index);
        if let Some(question) = question(test, place, checks) {
            let expected = place.key(question.expected_key());
            tests.push(Test {
                place: (place.line, place.column),
                expected_at: (expected.line, expected.column),
                at: test.eval_time,
                question,
            });
        }
    }
    for (index, test) in group.discovery_test.iter().enumerate() {
        let place = place.key("discovery_test").item(index);
        tests.extend(lists(test, place, checks));
    }
    let script = Script {
        series: series?,
        ..Script::default()
    };
    let world = World::new(&script, 0).map_err(|error| {
        let problem = setpoint_support::error_chain(&error);
        checks.at(place.key("input_series"), problem);
    });
    Some(LoadedGroup {
        name: group
            .name
            .clone()
            .unwrap_or_else(|| format!("group {}", index + 1)),
        world: world.ok()?,
        cluster,
        tests,
    })
}

/// The series of a group; none if one of them can't be read.
fn series_of(
    series: &[InputSeries],
    interval: PromDuration,
    place: &Place,
    checks: &mut Checks<'_>,
) -> Option<Vec<ScriptedSeries>> {
    let mut known: HashMap<Labels, usize> = HashMap::new();
    let mut read = Vec::new();
    for (index, input) in series.iter().enumerate() {
        let place = place.item(index);
        let labels = parse_series(&input.series);
        let values: Result<Values, _> = input.values.parse();
        match labels {
            Err(error) => {
                let problem = format!("series `{}`: {error}", input.series);
                checks.at(place.key("series"), problem);
            }
            Ok(labels) => {
                let line = place.key("series").line;
                if let Some(first) = known.insert(labels, line) {
                    let problem = format!(
                        "the series `{}` stands in line {first} already: a series has its samples in one place",
                        input.series
                    );
                    checks.at(place.key("series"), problem);
                }
            }
        }
        match values {
            Err(error) => checks.at(place.key("values"), error.to_string()),
            Ok(values) => read.push(ScriptedSeries {
                series: input.series.clone(),
                values,
                interval: interval.millis().max(1) as f64 / 1000.0,
                from: 0.0,
                hold: false,
            }),
        }
    }
    (read.len() == series.len() && known.len() == series.len()).then_some(read)
}

/// What is expected of the lists of metrics: a question for each of the two.
fn lists(test: &DiscoveryTest, place: &Place, checks: &mut Checks<'_>) -> Vec<Test> {
    let both = [
        (ApiGroup::Custom, "exp_resources", &test.exp_resources),
        (ApiGroup::External, "exp_external", &test.exp_external),
    ];
    let mut tests = Vec::new();
    for (of, key, names) in both {
        let Some(names) = names else { continue };
        let listed = place.key(key);
        for (index, name) in names.iter().enumerate() {
            if of == ApiGroup::Custom && !name.contains('/') {
                let problem = format!("`{name}` is no RESOURCE/METRIC, such as pods/http_requests");
                checks.at(listed.item(index), problem);
            }
        }
        let mut expected = names.clone();
        expected.sort();
        if let Some(twice) = expected.windows(2).find(|pair| pair[0] == pair[1]) {
            checks.at(listed, format!("`{}` stands twice", twice[0]));
        }
        let expected = match of {
            ApiGroup::External => Expected::External(expected),
            ApiGroup::Custom | ApiGroup::Resource => Expected::Resources(expected),
        };
        tests.push(Test {
            place: (place.line, place.column),
            expected_at: (listed.line, listed.column),
            at: test.eval_time,
            question: Question::Discovery { of, expected },
        });
    }
    if tests.is_empty() {
        checks.at(
            place,
            "nothing is expected: expected `exp_resources` or `exp_external`",
        );
    }
    tests
}

fn question(test: &MetricTest, place: &Place, checks: &mut Checks<'_>) -> Option<Question> {
    let target = target(test).map_err(|error| checks.at(place, error.to_string()));
    let expected = [
        test.exp_items.clone().map(Expected::Items),
        test.exp_values.clone().map(Expected::Values),
        test.exp_usage.clone().map(Expected::Usage),
        test.exp_error.clone().map(Expected::Error),
    ];
    let mut expected = expected.into_iter().flatten();
    let Some(first) = expected.next() else {
        checks.at(
            place,
            "nothing is expected: expected `exp_items`, `exp_values`, `exp_usage` or `exp_error`",
        );
        return None;
    };
    if let Some(second) = expected.next() {
        checks.at(
            place.key(second.key()),
            format!(
                "an answer has one form: expected one of `{}` and `{}`",
                first.key(),
                second.key()
            ),
        );
        return None;
    }
    quantities(&first, place, checks);
    let (target, group) = target.ok()?;
    if let Some(form) = first.group().filter(|form| *form != group) {
        checks.at(
            place.key(first.key()),
            format!(
                "`{}` is what {} answers, and the request is one of {}",
                first.key(),
                form.name(),
                group.name()
            ),
        );
        return None;
    }
    Some(Question::Values {
        target,
        group,
        expected: first,
    })
}

/// Notes values that are no quantities, and codes that no error has.
fn quantities(expected: &Expected, place: &Place, checks: &mut Checks<'_>) {
    let place = place.key(expected.key());
    let mut quantity = |index: usize, key: &str, value: &str| {
        if !is_quantity(value) {
            let problem = format!("`{value}` is no quantity: expected one such as 5, 500m or 1Ki");
            checks.at(place.item(index).key(key), problem);
        }
    };
    match expected {
        Expected::Items(items) => {
            for (index, item) in items.iter().enumerate() {
                quantity(index, "value", &item.value);
            }
        }
        Expected::Values(values) => {
            for (index, value) in values.iter().enumerate() {
                quantity(index, "value", &value.value);
            }
        }
        Expected::Usage(taken) => {
            for (index, taken) in taken.iter().enumerate() {
                quantity(index, "cpu", &taken.cpu);
                quantity(index, "memory", &taken.memory);
            }
        }
        Expected::Error(error) => {
            if !(400..=599).contains(&error.code) {
                let problem = format!("{} is no status of an error", error.code);
                checks.at(place.key("code"), problem);
            }
        }
        Expected::Resources(_) | Expected::External(_) => {}
    }
}
