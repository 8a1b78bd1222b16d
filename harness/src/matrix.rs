//! The failure matrix: what breaks, and what a run has shown of it.

use serde::Deserialize;

/// A row that was run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Row {
    /// A letter for the area and a number, such as `N04`.
    pub id: String,
    /// What the run said of the prediction.
    pub verdict: RowVerdict,
    /// What is wrong.
    pub injected: String,
    /// What is seen then.
    pub observed: String,
    /// The scenario that shows it: area and name.
    pub scenario: String,
    /// The Kubernetes version that it was seen on.
    pub kubernetes: String,
}

/// What a run said of a prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RowVerdict {
    /// It is as predicted.
    Proven,
    /// It is otherwise.
    Contradicted,
}

/// The rows, sorted as in their file.
///
/// # Errors
/// When the file is broken: a mistake of this program.
pub(crate) fn rows() -> Result<Vec<Row>, Box<serde_saphyr::Error>> {
    serde_saphyr::from_str(include_str!("../../fixtures/matrix/rows.yaml")).map_err(Box::new)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn every_row_has_a_scenario_that_says_so_and_every_scenario_has_its_rows() {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios"));
        let scenarios = crate::scenario::load(&[folder]).unwrap();
        let rows = rows().unwrap();
        for row in &rows {
            let scenario = scenarios
                .iter()
                .find(|scenario| scenario.name() == row.scenario);
            let proves = scenario.map(|scenario| &scenario.document.proves);
            assert!(
                proves.is_some_and(|proves| proves.contains(&row.id)),
                "{} names {}, which doesn't prove it",
                row.id,
                row.scenario
            );
        }
        let known: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(known.len(), rows.len(), "an id stands twice");
        for scenario in &scenarios {
            for id in &scenario.document.proves {
                assert!(
                    known.contains(id.as_str()),
                    "{} proves {id}, which has no row",
                    scenario.name()
                );
            }
        }
    }
}
