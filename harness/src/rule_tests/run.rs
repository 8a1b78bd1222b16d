//! Tests that run, and why one has failed.

use std::collections::BTreeMap;

use setpoint_replay::labels::{Labels, METRIC_NAME};
use setpoint_rules::Sample;

use super::answer::{Adapter, Answer, Answered, Asked};
use super::api_group::ApiGroup;
use super::duration::of_millis;
use super::expected::Expected;
use super::judge::{Compared, Question, Tolerance};
use super::load::{LoadedGroup, Test};
use super::{FileReport, TestFile, TestReport};

/// How many of a kind of thing an explanation shows.
const SHOWN: usize = 8;

impl TestFile {
    /// Runs all tests.
    #[must_use]
    pub fn run(&self) -> FileReport {
        FileReport {
            path: self.path.clone(),
            notes: self.notes.clone(),
            tests: self.run_groups().into_iter().flatten().collect(),
        }
    }

    /// Runs all tests, group by group.
    pub(super) fn run_groups(&self) -> Vec<Vec<TestReport>> {
        let groups = self.groups.iter();
        groups.map(|group| self.run_group(group)).collect()
    }

    fn run_group<'a>(&'a self, group: &'a LoadedGroup) -> Vec<TestReport> {
        let mut adapters = BTreeMap::new();
        let run = |test: &Test| {
            let adapter = adapters
                .entry(test.at)
                .or_insert_with(|| self.adapter(group, test));
            report(group, test, adapter, self.tolerance)
        };
        group.tests.iter().map(run).collect()
    }

    /// The queries that Prometheus is asked for the last group of tests.
    pub(super) fn last_queries(&self) -> Vec<String> {
        let Some(group) = self.groups.last() else {
            return Vec::new();
        };
        let queries = group.tests.iter().flat_map(|test| match &test.question {
            Question::Discovery { .. } => Vec::new(),
            Question::Values { target, .. } => self.adapter(group, test).answer(target).asked,
        });
        queries.map(|asked| asked.promql).collect()
    }

    /// The requests that are answered without any value, in words, with what their queries don't find.
    pub(super) fn unanswered(&self) -> Vec<String> {
        let tests = self.groups.iter().flat_map(|group| {
            let tests = group.tests.iter();
            tests.map(move |test| (group, test))
        });
        let unanswered = tests.filter_map(|(group, test)| {
            let Question::Values { target, .. } = &test.question else {
                return None;
            };
            let adapter = self.adapter(group, test);
            let answer = adapter.answer(target);
            let has_values = answer.outcome.as_ref().is_ok_and(|found| !found.is_empty());
            if has_values {
                return None;
            }
            let asked = answer.asked.iter();
            let unseen: Vec<String> = asked
                .flat_map(|asked| adapter.unseen(&asked.promql))
                .collect();
            let why = match unseen.as_slice() {
                [] => String::new(),
                unseen => format!(": {}", unseen.join("; ")),
            };
            Some(format!(
                "Nothing is answered to GET {target} at {}{why}. Write what is missing.",
                test.at
            ))
        });
        unanswered.collect()
    }

    /// What the adapter sees when a test asks it.
    pub(super) fn adapter<'a>(&'a self, group: &'a LoadedGroup, test: &Test) -> Adapter<'a> {
        Adapter::new(
            &self.rules,
            &group.world,
            &self.settings,
            &group.cluster,
            test.at.millis(),
            self.max_age.millis(),
        )
    }
}

fn report(
    group: &LoadedGroup,
    test: &Test,
    adapter: &Adapter<'_>,
    tolerance: Tolerance,
) -> TestReport {
    let (question, compared, answer) = match &test.question {
        Question::Discovery { of, expected } => {
            let compared = Compared::discovery(expected, &discovered(adapter, *of));
            (format!("discovery of {}", of.name()), compared, None)
        }
        Question::Values {
            target, expected, ..
        } => {
            let answer = adapter.answer(target);
            let compared = Compared::values(expected, &answer.outcome, tolerance);
            (format!("GET {target}"), compared, Some(answer))
        }
    };
    let passed = compared.are_equal();
    TestReport {
        group: group.name.clone(),
        question: format!("{question} at {}", test.at),
        line: test.place.0,
        column: test.place.1,
        passed,
        diff: compared.diff(),
        explanation: if passed {
            Vec::new()
        } else {
            explanation(group, test, adapter, answer.as_ref())
        },
        answer: answer.map(|answer| answer.document),
    }
}

/// The metrics of a group, as a file expects them.
pub(super) fn discovered(adapter: &Adapter<'_>, of: ApiGroup) -> Expected {
    let names = adapter.discovery(of);
    match of {
        ApiGroup::External => Expected::External(names),
        ApiGroup::Custom | ApiGroup::Resource => Expected::Resources(names),
    }
}

/// What helps to understand an answer that nobody expected: what Prometheus was asked and said, and what there is.
fn explanation(
    group: &LoadedGroup,
    test: &Test,
    adapter: &Adapter<'_>,
    answer: Option<&Answer>,
) -> Vec<String> {
    let asked = answer.map_or(&[][..], |answer| &answer.asked);
    let said = asked.iter().flat_map(|asked| of_query(asked, adapter));
    let mut said: Vec<String> = said.collect();
    let refusal = answer.and_then(|answer| answer.outcome.as_ref().err());
    if let Some(logged) = refusal.and_then(|refusal| refusal.logged.as_ref()) {
        said.push(format!("the adapter's log says: {logged}"));
    }
    let (absent, lacking) = match &test.question {
        Question::Values { target, .. } => (
            adapter.absent_objects(target),
            adapter.lacks_namespace(target),
        ),
        Question::Discovery { .. } => (None, None),
    };
    let is_discovery = matches!(test.question, Question::Discovery { .. });
    if let Some(absent) = absent {
        said.push(absent);
    } else if is_discovery || (refusal.is_some() && asked.is_empty()) {
        let of = test.question.group();
        said.extend(lacking);
        said.extend((!is_discovery).then(|| served(adapter, of)));
        let causes = adapter.causes(of);
        said.extend(causes.iter().take(SHOWN).cloned());
        if causes.len() > SHOWN {
            said.push(format!("and {} more of that kind", causes.len() - SHOWN));
        }
    }
    said.extend(adapter.remarks());
    said.extend(adapter.failed.iter().cloned());
    let newest = group.world.series().filter_map(|series| {
        let (at, _) = series.newest(i64::MIN, i64::MAX)?;
        Some(at)
    });
    if let Some(newest) = newest.max().filter(|newest| *newest < test.at.millis()) {
        said.push(format!(
            "the last sample of all series is of {}, {} before the request",
            of_millis(newest),
            of_millis(test.at.millis() - newest)
        ));
    }
    said
}

/// A query, and what Prometheus answered to it.
fn of_query(asked: &Asked, adapter: &Adapter<'_>) -> Vec<String> {
    let mut said = vec![format!("Prometheus is asked {}", asked.promql)];
    match &asked.answered {
        Answered::Refused(reason) => said.push(format!("  and refuses it: {reason}")),
        Answered::Samples(samples) if samples.is_empty() => {
            said.push("  and answers no sample".to_owned());
            let unseen = adapter.unseen(&asked.promql);
            said.extend(
                unseen
                    .iter()
                    .take(SHOWN)
                    .map(|unseen| format!("  {unseen}")),
            );
        }
        Answered::Samples(samples) => {
            said.extend(samples.iter().take(SHOWN).map(shown));
            if samples.len() > SHOWN {
                said.push(format!("  and {} more samples", samples.len() - SHOWN));
            }
            said.extend(misattributed(samples, asked));
        }
    }
    said
}

/// What is wrong with the labels of samples, given the names of the objects that are asked for: the first thing that people
/// get wrong in a query.
fn misattributed(samples: &[Sample], asked: &Asked) -> Option<String> {
    let key = match asked.group {
        // They are values of no object.
        ApiGroup::External => return None,
        ApiGroup::Custom => "metricsQuery",
        ApiGroup::Resource => "the query",
    };
    let names = asked.names.iter();
    let mut counts: BTreeMap<&str, usize> = names.map(|name| (&**name, 0)).collect();
    for value in samples.iter().flat_map(|sample| sample.labels.values()) {
        if let Some(count) = counts.get_mut(&**value) {
            *count += 1;
        }
    }
    if counts.values().all(|count| *count == 0) {
        return Some(format!(
            "  no sample has the name of an object in a label: {key} needs `by (<<.GroupBy>>)`"
        ));
    }
    let mut counts = counts.into_iter();
    // A pod has a sample for each container.
    let (name, count) = counts.find(|(_, count)| *count > 1 && asked.group == ApiGroup::Custom)?;
    Some(format!(
        "  {count} samples are of {name}, and the last counts: {key} needs `by (<<.GroupBy>>)` and no other label there"
    ))
}

/// What there is in a group of which a request finds nothing.
fn served(adapter: &Adapter<'_>, group: ApiGroup) -> String {
    let names = adapter.discovery(group);
    match group {
        _ if !adapter.serves(group) => {
            let (name, key) = (group.name(), group.key());
            format!("the adapter doesn't serve {name}: the configuration has no `{key}`")
        }
        ApiGroup::Resource => {
            "CPU and memory are those of the group's `objects`: of pods, where a manifest says no other phase than Running, and of nodes".to_owned()
        }
        ApiGroup::Custom if names.is_empty() => {
            "the adapter lists no metric".to_owned()
        }
        ApiGroup::External if names.is_empty() => {
            "the adapter lists no external metric".to_owned()
        }
        ApiGroup::Custom | ApiGroup::External => listed(&names),
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("the adapter lists {}{more}", shown.join(", "))
}

/// A sample, as Prometheus' own tools print it.
fn shown(sample: &Sample) -> String {
    let name = sample.labels.get(METRIC_NAME).map_or("", String::as_str);
    let labels = sample.labels.iter().filter(|(key, _)| *key != METRIC_NAME);
    let labels: Labels = labels
        .map(|(key, value)| (key.as_str().into(), value.as_str().into()))
        .collect();
    format!("  {name}{labels} {}", sample.value)
}
