//! What the matrix says of adapters that are wrong: the lies and the breaks of each entry.

use std::collections::BTreeSet;

use libtest_mimic::{Failed, Trial};
use setpoint::matrix::{Entry, Level, matrix};

use crate::breaks::Break;
use crate::lies;

/// The name of something wrong, and a scenario that catches it.
type Caught = BTreeSet<(String, String)>;

/// The tests of the matrix.
pub(crate) fn tests(breaks: &[Break]) -> Vec<Trial> {
    let lies: Caught = lies::predictions()
        .map(|(lie, prediction)| (lies::name_of(lie), prediction.scenario))
        .collect();
    let breaks: Caught = breaks.iter().filter_map(Break::caught).collect();
    let test =
        |name: &str, test: Box<dyn FnOnce() -> Result<(), Failed> + Send>| Trial::test(name, test);
    vec![
        test(
            "every_lie_is_in_the_matrix_with_a_scenario_that_catches_it",
            Box::new(move || {
                are_caught(&lies, |entry| &entry.lies)?;
                are_told(&lies)
            }),
        ),
        test(
            "every_break_of_the_matrix_has_a_scenario_that_catches_it",
            Box::new(move || are_caught(&breaks, |entry| &entry.breaks)),
        ),
        test(
            "every_obligation_that_is_proven_has_an_adapter_that_breaks_it",
            Box::new(obligations_are_broken),
        ),
    ]
}

/// Whether one of the scenarios of each entry is predicted to catch what the entry names.
fn are_caught(caught: &Caught, named: impl Fn(&Entry) -> &[String]) -> Result<(), Failed> {
    for (_, entry) in matrix()?.entries() {
        let Entry { id, scenarios, .. } = entry;
        for name in named(entry) {
            let is_caught = |scenario: &String| caught.contains(&(name.clone(), scenario.clone()));
            if !scenarios.iter().any(is_caught) {
                return Err(format!(
                    "{id} names {name}, and nothing says that one of {scenarios:?} catches it"
                )
                .into());
            }
        }
    }
    Ok(())
}

/// Whether an entry names each lie.
fn are_told(lies: &Caught) -> Result<(), Failed> {
    let matrix = matrix()?;
    let told: BTreeSet<&String> = matrix
        .entries()
        .flat_map(|(_, entry)| &entry.lies)
        .collect();
    let untold: BTreeSet<&String> = lies.iter().map(|(lie, _)| lie).collect();
    let untold: Vec<_> = untold.difference(&told).collect();
    if untold.is_empty() {
        return Ok(());
    }
    Err(format!("no entry of the matrix names {untold:?}").into())
}

/// Whether something is known to break each obligation of an adapter that scenarios show, so that they would notice.
fn obligations_are_broken() -> Result<(), Failed> {
    let matrix = matrix()?;
    let is_obligation = |level| matches!(level, Level::Must | Level::Should | Level::May);
    let unbroken = |entry: &Entry| {
        let has_none = entry.lies.is_empty() && entry.breaks.is_empty();
        is_obligation(entry.level) && entry.is_proven() && has_none
    };
    let unbroken: Vec<&str> = matrix
        .entries()
        .filter(|(_, entry)| unbroken(entry))
        .map(|(_, entry)| entry.id.as_str())
        .collect();
    if unbroken.is_empty() {
        return Ok(());
    }
    Err(format!("neither a lie nor a break of `ci/breaks` breaks {unbroken:?}: who knows that their scenarios would notice?").into())
}
