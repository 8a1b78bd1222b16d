//! The scenarios of a run by area.

use super::{Counts, Outcome};

/// The area of all scenarios that bring an adapter along: they say nothing of the one that is judged.
const BRINGING: &str = "(that bring an adapter along)";

/// The scenarios of an area.
pub(super) struct Area<'a> {
    /// Its name: the scenarios' folder, but for those that bring an adapter along.
    pub name: &'a str,
    /// How many ended in which way.
    pub counts: Counts,
    /// The sum of their times.
    pub seconds: f64,
}

fn area_of(outcome: &Outcome) -> &str {
    if outcome.brings.is_some() {
        return BRINGING;
    }
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

#[cfg(test)]
mod tests {
    use super::super::tests::outcome;
    use super::*;
    use crate::report::Verdict;

    #[test]
    fn scenarios_that_bring_an_adapter_along_have_an_area_of_their_own() {
        let bringing = Outcome {
            brings: Some("scripted:crashes".to_owned()),
            ..outcome("hpa/falls", Verdict::Passed)
        };
        let outcomes = [
            outcome("hpa/scales-up", Verdict::Passed),
            bringing,
            outcome("hpa/scales-down", Verdict::Passed),
        ];
        let areas = areas(&outcomes);
        let counted = areas.iter().map(|area| (area.name, area.counts.passed));
        let counted: Vec<(&str, usize)> = counted.collect();
        assert_eq!(counted, [("hpa", 2), ("(that bring an adapter along)", 1)]);
    }
}
