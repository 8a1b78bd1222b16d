//! The scenarios of a run by area.

use super::{Counts, Outcome};

/// The scenarios of an area.
pub(super) struct Area<'a> {
    /// Its name: the scenarios' folder.
    pub name: &'a str,
    /// How many ended in which way.
    pub counts: Counts,
    /// The sum of their times.
    pub seconds: f64,
}

/// The area of a scenario.
pub(super) fn area_of(outcome: &Outcome) -> &str {
    outcome.name.split('/').next().unwrap_or_default()
}

/// All areas, in the order of the scenarios.
pub(super) fn areas(outcomes: &[Outcome]) -> Vec<Area<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for outcome in outcomes {
        if !names.contains(&area_of(outcome)) {
            names.push(area_of(outcome));
        }
    }
    let area = |name| {
        let of_area = || {
            outcomes
                .iter()
                .filter(move |outcome| area_of(outcome) == name)
        };
        Area {
            name,
            counts: Counts::of(of_area().map(|outcome| &outcome.verdict)),
            seconds: of_area().map(|outcome| outcome.seconds).sum(),
        }
    };
    names.into_iter().map(area).collect()
}
