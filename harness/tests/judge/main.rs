//! The judge, judged: an adapter that lies, and our own one broken on purpose, each fail a scenario by a finding of the
//! predicted kind, and the honest adapter passes the same scenarios.
//!
//! They take minutes and are ignored by default: `ci/lies` and `ci/breaks/run` run them.

mod break_rows;
mod breaks;
mod dependents;
mod entries;
mod lies;
mod prediction;
mod report;

use std::path::PathBuf;

use libtest_mimic::{Arguments, Failed, Trial};

use breaks::Break;
use report::Reports;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let breaks = breaks::all()?;
    let reports = Reports::new(breaks.iter().map(Break::claim).collect());
    let scenarios: Vec<PathBuf> = lies::predictions()
        .map(|(_, prediction)| prediction.file())
        .chain(breaks.iter().flat_map(Break::scenarios))
        .collect();
    let mut trials = vec![Trial::test(
        "every_prediction_is_of_a_scenario",
        move || every_prediction_is_of_a_scenario(&scenarios),
    )];
    trials.extend(entries::tests(&breaks));
    trials.push(Trial::test(
        "every_lie_has_its_dependents_which_are_further_scenarios_of_its_areas",
        dependents::are_of_lies_and_scenarios,
    ));
    trials.push(Trial::test(
        "every_lie_has_its_night_and_every_night_five",
        dependents::have_their_night,
    ));
    trials.extend(break_rows::tests());
    trials.extend(report::tests());
    let in_their_areas = dependents::trials();
    trials.extend(in_their_areas.map_err(|failed| anyhow::anyhow!("{failed:?}"))?);
    trials.extend(lies::trials(&reports));
    trials.extend(breaks::trials(breaks, &reports.breaks));
    let conclusion = libtest_mimic::run(&arguments, trials);
    reports.write()?;
    conclusion.exit()
}

fn every_prediction_is_of_a_scenario(scenarios: &[PathBuf]) -> Result<(), Failed> {
    match scenarios.iter().find(|file| !file.is_file()) {
        Some(missing) => Err(format!("there is no {}", missing.display()).into()),
        None => Ok(()),
    }
}
