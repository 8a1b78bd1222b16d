//! What minor releases changed, as the table of queries shows it: which of its questions are answered otherwise from a
//! release on. That each release answers so is what `ci/prometheus/minors` asks the programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::rc::Rc;

use setpoint_replay::promql::{Settings, Version};
use setpoint_replay::{World, api};

use crate::cases::parts;
use crate::server::Question;

pub(crate) fn what_changes_is_listed() {
    let releases = [(2, 42..56), (3, 0..17)];
    let releases = releases
        .into_iter()
        .flat_map(|(major, minors)| minors.map(move |minor| Version::new(major, minor)));
    let questions = questions();
    let mut told = String::new();
    let mut before: Option<Vec<String>> = None;
    for release in releases {
        let settings = Settings {
            version: release,
            ..Settings::default()
        };
        let after: Vec<String> = questions
            .iter()
            .map(|(world, question)| ask(world, &settings, question))
            .collect();
        if let Some(before) = before {
            let answers = before.iter().zip(&after);
            let changed: BTreeSet<&str> = questions
                .iter()
                .zip(answers)
                .filter(|(_, (before, after))| before != after)
                .map(|((_, question), _)| question.query())
                .collect();
            if !changed.is_empty() {
                writeln!(told, "{release}").unwrap();
            }
            for query in changed {
                writeln!(told, "  {query}").unwrap();
            }
        }
        before = Some(after);
    }
    insta::assert_snapshot!("what_changes_with_each_release", told);
}

/// Each query of the table once at its last time, and over all of them.
fn questions() -> Vec<(Rc<World>, Question)> {
    let mut all = Vec::new();
    for part in parts() {
        let world = Rc::new(part.world());
        let mut last = BTreeMap::new();
        for question in part.questions {
            let is_range = matches!(question, Question::Over { .. });
            last.insert((question.query().to_owned(), is_range), question);
        }
        all.extend(last.into_values().map(|question| (world.clone(), question)));
    }
    all
}

fn ask(world: &World, settings: &Settings, question: &Question) -> String {
    let (path, parameters) = question.request(0);
    api::answer(world, settings, i64::MAX, path, &parameters).body
}
