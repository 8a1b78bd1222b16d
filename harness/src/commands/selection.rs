//! Which scenarios run: those of some areas, or a part of all. An area is one of the matrix, whose entries scenarios prove, or a folder of scenarios.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::BadInput;
use crate::matrix::{Matrix, matrix};
use crate::scenario::Scenario;

/// Which scenarios of those in the paths run.
#[derive(Debug, Default, clap::Args)]
pub(super) struct SelectionArgs {
    /// Only scenarios whose folder, file name or sentence contains this text
    #[arg(long, value_name = "TEXT")]
    pub(super) filter: Option<String>,
    /// Only scenarios of these areas: those that prove entries of this area of `setpoint explain`, and those in the folder of this name
    #[arg(long = "suite", value_name = "AREA,…", value_delimiter = ',')]
    pub(super) suites: Vec<String>,
    /// Only part K of N of them: every Nth, so that N machines run all
    #[arg(long, value_name = "K/N")]
    pub(super) shard: Option<Shard>,
}

/// A part of the scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shard {
    /// Which part, from 1.
    part: usize,
    /// Of how many.
    of: usize,
}

/// It is no part of anything.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a part and the number of parts, such as 1/3")]
pub(super) struct NoShard;

impl FromStr for Shard {
    type Err = NoShard;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (part, of) = text.split_once('/').ok_or(NoShard)?;
        let number = |text: &str| text.parse().map_err(|_| NoShard);
        let shard = Self {
            part: number(part)?,
            of: number(of)?,
        };
        let is_part = (1..=shard.of).contains(&shard.part);
        is_part.then_some(shard).ok_or(NoShard)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl SelectionArgs {
    /// Those of the scenarios that are selected.
    ///
    /// # Errors
    /// When there is no such area, or nothing is selected: [`BadInput`].
    pub(super) fn of(&self, scenarios: Vec<Scenario>) -> Result<Vec<Scenario>, BadInput> {
        let named = |scenario: &Scenario| {
            let filter = self.filter.as_deref().unwrap_or_default();
            scenario.name().contains(filter) || scenario.document.scenario.contains(filter)
        };
        let scenarios = match self.suites.is_empty() {
            true => scenarios,
            false => self.in_suites(scenarios)?,
        };
        let shard = self.shard.unwrap_or(Shard { part: 1, of: 1 });
        let all = scenarios.into_iter();
        let selected = all.filter(named);
        let selected = selected.skip(shard.part - 1).step_by(shard.of);
        let selected: Vec<Scenario> = selected.collect();
        if selected.is_empty() {
            return Err(BadInput(anyhow::anyhow!(
                "no scenario is selected by {self}"
            )));
        }
        Ok(selected)
    }

    /// Whether what is selected can only be scenarios.
    pub(super) fn is_of_scenarios(&self) -> bool {
        !self.suites.is_empty() || self.shard.is_some()
    }

    fn in_suites(&self, mut scenarios: Vec<Scenario>) -> Result<Vec<Scenario>, BadInput> {
        let matrix = matrix().map_err(|error| BadInput(error.into()))?;
        self.check_suites(&scenarios, matrix)?;
        scenarios.retain(|scenario| {
            let areas = areas_of(scenario, matrix);
            self.suites.iter().any(|suite| areas.contains(suite))
        });
        Ok(scenarios)
    }

    fn check_suites(&self, scenarios: &[Scenario], matrix: &Matrix) -> Result<(), BadInput> {
        let areas = scenarios
            .iter()
            .flat_map(|scenario| areas_of(scenario, matrix));
        let areas: BTreeSet<String> = areas.collect();
        let unknown = self
            .suites
            .iter()
            .find(|suite| !areas.contains(suite.as_str()));
        unknown.map_or(Ok(()), |unknown| {
            let areas = Vec::from_iter(areas).join(", ");
            Err(BadInput(anyhow::anyhow!(
                "there is no area `{unknown}` among the scenarios; there are {areas}"
            )))
        })
    }
}

/// A scenario's folder, and the areas of the entries that it proves.
fn areas_of(scenario: &Scenario, matrix: &Matrix) -> BTreeSet<String> {
    let name = scenario.name();
    let folder = name.split('/').next().unwrap_or_default().to_owned();
    let proven = scenario.document.proves.iter();
    let proven = proven.filter_map(|id| matrix.find(id).map(|(area, _)| area.name.clone()));
    proven.chain([folder]).collect()
}

impl fmt::Display for SelectionArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = self
            .filter
            .iter()
            .map(|filter| format!("--filter {filter}"));
        let suites =
            (!self.suites.is_empty()).then(|| format!("--suite {}", self.suites.join(",")));
        let shard = self.shard.map(|shard| format!("--shard {shard}"));
        let parts: Vec<String> = filter.chain(suites).chain(shard).collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios() -> Vec<Scenario> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios");
        crate::scenario::load(&[folder.into()]).unwrap()
    }

    fn names(selected: &SelectionArgs) -> Vec<String> {
        let selected = selected.of(scenarios()).unwrap();
        selected.iter().map(Scenario::name).collect()
    }

    #[test]
    fn a_shard_is_a_part_of_a_number_of_parts() {
        assert_eq!("2/3".parse(), Ok(Shard { part: 2, of: 3 }));
        for text in ["", "2", "0/3", "4/3", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert_eq!(text.parse::<Shard>(), Err(NoShard), "{text}");
        }
    }

    #[test]
    fn shards_are_disjoint_and_together_all() {
        let of = |part| {
            names(&SelectionArgs {
                shard: Some(Shard { part, of: 3 }),
                ..SelectionArgs::default()
            })
        };
        let mut all = [of(1), of(2), of(3)].concat();
        all.sort();
        let mut whole = names(&SelectionArgs::default());
        whole.sort();
        assert_eq!(all, whole);
        assert!(of(1).len().abs_diff(of(3).len()) <= 1);
    }

    #[test]
    fn a_suite_is_a_folder_and_what_proves_entries_of_an_area_and_one_that_is_not_there_is_told() {
        let suite = |suites: &[&str]| SelectionArgs {
            suites: suites.iter().map(|suite| (*suite).to_owned()).collect(),
            ..SelectionArgs::default()
        };
        let is_of =
            |suites: &[&str], name: &str| names(&suite(suites)).iter().any(|one| one == name);
        // `authentication` is both; no entry is of an area `walkthrough`, and no folder is called `installation`.
        for (area, name) in [
            ("authentication", "authentication/unknown-authority"),
            ("authentication", "walkthrough/without-auth-delegator"),
            ("walkthrough", "walkthrough/without-auth-delegator"),
            ("installation", "walkthrough/without-serving-secret"),
        ] {
            assert!(is_of(&[area], name), "{name} in {area}");
        }
        assert!(!is_of(&["tls", "hpa"], "authentication/unknown-authority"));
        assert!(is_of(
            &["tls", "authentication"],
            "authentication/unknown-authority"
        ));
        let told = suite(&["hpas"]).of(scenarios()).unwrap_err().to_string();
        assert!(
            told.contains("no area `hpas`") && told.contains("tls"),
            "{told}"
        );
    }

    #[test]
    fn nothing_that_is_selected_is_told() {
        let nothing = SelectionArgs {
            filter: Some("no such text".to_owned()),
            ..SelectionArgs::default()
        };
        let told = nothing.of(scenarios()).unwrap_err().to_string();
        assert_eq!(told, "no scenario is selected by --filter no such text");
    }
}
