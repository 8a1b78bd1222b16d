//! The judge, judged: an adapter that lies, and our own one broken on purpose, each fail a scenario by a finding of the
//! predicted kind, and the honest adapter passes the same scenarios.
//!
//! They take minutes and are ignored by default: `ci/lies` and `ci/breaks/run` run them.

mod breaks;
mod lies;
mod prediction;
mod report;

use libtest_mimic::{Arguments, Failed, Trial};

use prediction::Prediction;
use report::Reports;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let reports = Reports::default();
    let breaks = breaks::all()?;
    let predictions: Vec<Prediction> = lies::predictions()
        .map(|(_, prediction)| prediction)
        .chain(breaks.iter().map(|broken| broken.prediction.clone()))
        .collect();
    let mut trials = vec![Trial::test(
        "every_prediction_is_of_a_scenario",
        move || every_prediction_is_of_a_scenario(&predictions),
    )];
    trials.push(Trial::test(
        "every_lie_is_in_the_matrix_with_a_scenario_that_catches_it",
        lies::are_in_the_matrix,
    ));
    trials.extend(lies::trials(&reports));
    trials.extend(breaks::trials(breaks, &reports));
    let conclusion = libtest_mimic::run(&arguments, trials);
    reports.write()?;
    conclusion.exit()
}

fn every_prediction_is_of_a_scenario(predictions: &[Prediction]) -> Result<(), Failed> {
    for prediction in predictions {
        let file = prediction.file();
        if !file.is_file() {
            return Err(format!("there is no {}", file.display()).into());
        }
    }
    Ok(())
}
