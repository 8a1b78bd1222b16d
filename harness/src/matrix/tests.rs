use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

fn at_top(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(path)
}

/// Compares a file with what it is written from; `SETPOINT_UPDATE=1` writes it.
fn assert_current(path: &str, made: &str) {
    let file = at_top(path);
    if std::env::var_os("SETPOINT_UPDATE").is_some() {
        std::fs::write(&file, made).unwrap();
    }
    // Not `assert_eq`: two pages are too long to read.
    assert!(
        std::fs::read_to_string(&file).unwrap_or_default() == made,
        "{path} is old; SETPOINT_UPDATE=1 renews it"
    );
}

#[test]
fn every_entry_names_the_scenarios_that_prove_it_and_every_scenario_the_entries() {
    let scenarios = crate::scenario::load(&[at_top("scenarios")]).unwrap();
    let mut said = BTreeSet::new();
    for scenario in &scenarios {
        for id in &scenario.document.proves {
            assert!(
                said.insert((id.clone(), scenario.name())),
                "{id} stands twice in {}",
                scenario.name()
            );
        }
    }
    let matrix = matrix().unwrap();
    let mut named = BTreeSet::new();
    for (_, entry) in matrix.entries() {
        named.extend(
            entry
                .scenarios
                .iter()
                .map(|scenario| (entry.id.clone(), scenario.clone())),
        );
    }
    let only_said: Vec<_> = said.difference(&named).collect();
    let only_named: Vec<_> = named.difference(&said).collect();
    assert!(
        only_said.is_empty() && only_named.is_empty(),
        "scenarios say that they prove {only_said:?}, and the matrix doesn't; it says {only_named:?}, and the scenarios don't"
    );
}

/// A scenario that proves no entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exempt {
    scenario: String,
    reason: String,
}

#[test]
fn every_scenario_proves_an_entry_or_is_listed_with_the_reason_why_not() {
    let text = std::fs::read_to_string(at_top("fixtures/matrix/exempt/scenarios.yaml")).unwrap();
    let exempt: Vec<Exempt> = serde_saphyr::from_str(&text).unwrap();
    assert!(exempt.iter().all(|exempt| !exempt.reason.trim().is_empty()));
    let exempt: BTreeSet<String> = exempt.into_iter().map(|exempt| exempt.scenario).collect();
    let scenarios = crate::scenario::load(&[at_top("scenarios")]).unwrap();
    let idle = scenarios
        .iter()
        .filter(|scenario| scenario.document.proves.is_empty());
    let idle: BTreeSet<String> = idle.map(crate::scenario::Scenario::name).collect();
    let unlisted: Vec<_> = idle.difference(&exempt).collect();
    assert!(unlisted.is_empty(), "{unlisted:?} prove nothing");
    let needless: Vec<_> = exempt.difference(&idle).collect();
    assert!(
        needless.is_empty(),
        "{needless:?} are listed and prove something, or aren't there"
    );
}

#[test]
fn an_id_stands_for_one_entry() {
    let matrix = matrix().unwrap();
    let mut areas = BTreeMap::new();
    for (area, entry) in matrix.entries() {
        if let Some(other) = areas.insert(&entry.id, &area.name) {
            panic!("{} is an entry of {other} and of {}", entry.id, area.name);
        }
    }
}

#[test]
fn every_file_of_the_folder_is_an_area_and_every_source_is_used() {
    let mut files = BTreeSet::new();
    for file in std::fs::read_dir(at_top("fixtures/matrix")).unwrap() {
        let path = file.unwrap().path();
        let is_area = path
            .extension()
            .is_some_and(|extension| extension == "yaml");
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if is_area && stem != "sources" {
            files.insert(stem);
        }
    }
    let areas: BTreeSet<String> = AREAS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(files, areas);
    let matrix = matrix().unwrap();
    let used: BTreeSet<&String> = matrix
        .entries()
        .flat_map(|(_, entry)| &entry.sources)
        .collect();
    let unused: Vec<_> = matrix
        .sources
        .keys()
        .filter(|key| !used.contains(key))
        .collect();
    assert!(unused.is_empty(), "no entry has {unused:?}");
}

#[test]
fn the_schema_of_areas_is_current() {
    assert_current("fixtures/matrix/schema.json", &area::schema());
}

#[test]
fn the_page_of_obligations_is_current() {
    assert_current("docs/SPEC.md", &matrix().unwrap().markdown());
}

#[test]
fn a_broken_area_says_what_is_wrong_and_where() {
    let folder = at_top("fixtures/matrix/fail");
    let sources = source::sources().unwrap();
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let error = Area::parse(&name, &text, &sources).expect_err(&name);
        insta::with_settings!({snapshot_path => "../../../fixtures/matrix/fail", prepend_module_to_snapshot => false}, {
            insta::assert_snapshot!(name, error.to_string());
        });
    }
}

#[test]
fn no_more_than_five_ids_are_near_to_anything() {
    let matrix = matrix().unwrap();
    for text in ["", "B", "B1", "é99", "b٣", "Z99999999999", "T-5"] {
        assert!(near(matrix, text).len() <= 5, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(about: x\nkubernetes: v1\nentries:\n)?(- (id|level|sentence|sources|open): [{}A-Za-z'0-9: ,\\[\\]-]{0,20}\n){0,4}") {
        let _ = Area::parse("any", &text, &BTreeMap::new());
    }
}
