//! What else of its area a lie makes fail: `dependents.yaml` says of each lie which scenarios of the folders of those that catch it fail too,
//! since they can't but meet it. All others must pass: a lie that breaks what nobody declared shows a scenario that judges more than it says.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use setpoint::outcome::Owner;

use crate::lies::{name_of, predictions};
use crate::prediction::{checkout, run};

/// The variable with the number of the night, by which a few lies are chosen.
const NIGHT: &str = "SETPOINT_NIGHT";
/// How many lies a night at least.
const A_NIGHT: usize = 5;

/// A lie whose areas were played.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    lie: String,
    /// The scenarios, by area and name, that fail besides those that catch it.
    dependents: BTreeSet<String>,
    /// Those that fail where the lie comes into play early or late.
    #[serde(default, rename = "atTimes")]
    at_times: BTreeSet<String>,
}

/// The scenarios that catch each lie, by its name.
fn caught() -> BTreeMap<String, BTreeSet<String>> {
    let mut caught: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (lie, prediction) in predictions() {
        let scenarios = caught.entry(name_of(lie)).or_default();
        scenarios.insert(prediction.scenario);
    }
    caught
}

fn declared() -> Result<Vec<Declared>, Failed> {
    let text = include_str!("dependents.yaml");
    serde_saphyr::from_str(text).map_err(|error| format!("dependents.yaml: {error}").into())
}

/// The areas of scenarios.
fn areas(scenarios: &BTreeSet<String>) -> BTreeSet<&str> {
    let areas = scenarios.iter().filter_map(|name| name.split_once('/'));
    areas.map(|(area, _)| area).collect()
}

/// Whether each lie is declared once, with scenarios that there are.
pub(crate) fn are_of_lies_and_scenarios() -> Result<(), Failed> {
    let caught = caught();
    let mut lies = BTreeSet::new();
    for Declared {
        lie,
        dependents,
        at_times,
    } in declared()?
    {
        let Some(scenarios) = caught.get(&lie) else {
            return Err(format!("there is no lie `{lie}`").into());
        };
        if !lies.insert(lie.clone()) {
            return Err(format!("`{lie}` stands twice").into());
        }
        for dependent in dependents.iter().chain(&at_times) {
            let is_file = crate::prediction::scenario(dependent).is_file();
            let area = dependent.split('/').next().unwrap_or_default();
            if !is_file || scenarios.contains(dependent) || !areas(scenarios).contains(area) {
                return Err(format!(
                    "{dependent} is no further scenario of an area of those that catch `{lie}`"
                )
                .into());
            }
        }
    }
    match caught.keys().find(|lie| !lies.contains(*lie)) {
        Some(lie) => Err(format!(
            "dependents.yaml says nothing of `{lie}`: play its areas, and declare what else fails there and has to"
        )
        .into()),
        None => Ok(()),
    }
}

/// Whether each lie that is declared has its night, and each night has enough.
pub(crate) fn have_their_night() -> Result<(), Failed> {
    for count in [1, 4, 5, 9, 10, 11, 23, 60] {
        let nights = nights(count);
        let mut all = BTreeSet::new();
        for night in 0..nights {
            let chosen: Vec<usize> = chosen(night, count).collect();
            if chosen.len() < A_NIGHT.min(count) {
                return Err(format!("of {count} lies, night {night} has {chosen:?}").into());
            }
            all.extend(chosen);
        }
        if all.len() < count {
            return Err(format!("of {count} lies only {all:?} have a night").into());
        }
    }
    Ok(())
}

/// After how many nights all of them had their turn.
fn nights(count: usize) -> usize {
    (count / A_NIGHT).max(1)
}

/// Which of so many lies have their turn in a night.
fn chosen(night: usize, count: usize) -> impl Iterator<Item = usize> {
    let nights = nights(count);
    (night % nights..count).step_by(nights)
}

/// A trial of each lie that is declared; in a night, of those whose turn it is.
pub(crate) fn trials() -> Result<Vec<Trial>, Failed> {
    let night: Option<usize> = match std::env::var(NIGHT) {
        Ok(night) => Some(night.parse()?),
        Err(_) => None,
    };
    let all = declared()?;
    let turn: BTreeSet<usize> = match night {
        Some(night) => chosen(night, all.len()).collect(),
        None => (0..all.len()).collect(),
    };
    let caught = caught();
    let trial = |declared: Declared| {
        let name = format!("lies::in_its_area::{}", declared.lie);
        let caught = caught.get(&declared.lie).cloned().unwrap_or_default();
        Trial::test(name, move || declared.judge(&caught)).with_ignored_flag(true)
    };
    let chosen = all.into_iter().enumerate();
    let chosen = chosen.filter(|(index, _)| turn.contains(index));
    Ok(chosen.map(|(_, declared)| trial(declared)).collect())
}

impl Declared {
    /// Plays the areas of the scenarios that catch it.
    fn judge(&self, caught: &BTreeSet<String>) -> Result<(), Failed> {
        let folder = |area| checkout().join("scenarios").join(area);
        let folders: Vec<_> = areas(caught).into_iter().map(folder).collect();
        let report = run(&format!("scripted:{}", self.lie), &folders)?.report;
        let mut failing = BTreeSet::new();
        for outcome in report["scenarios"].as_array().into_iter().flatten() {
            let (name, verdict) = (&outcome["name"], &outcome["verdict"]);
            match verdict["verdict"].as_str() {
                Some("passed" | "skipped") => {}
                Some("failed") if verdict["owner"] == Owner::Adapter.to_string() => {
                    failing.extend(name.as_str().map(str::to_owned));
                }
                _ => return Err(format!("nothing is known of {name}: {verdict}").into()),
            }
        }
        let expected: BTreeSet<String> = caught.union(&self.dependents).cloned().collect();
        let possible: BTreeSet<String> = expected.union(&self.at_times).cloned().collect();
        let more: Vec<_> = failing.difference(&possible).collect();
        let fewer: Vec<_> = expected.difference(&failing).collect();
        if more.is_empty() && fewer.is_empty() {
            return Ok(());
        }
        Err(format!("besides what is declared {more:?} fail, and {fewer:?} don't").into())
    }
}
