//! `setpoint compare`: what changed between two runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::BadInput;
use crate::report::{Comparison, Report};

/// Compares the reports of two runs: verdicts, syncs until replicas settle, overshoots
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Compares the reports of two runs, scenario by scenario: verdicts, syncs of the HPA controller until replicas settle, overshoots.\n\n\
        Exit codes: 0 nothing is worse, 1 a scenario that passed fails now, or replicas settle later or go further beyond, \
        2 a file is no report, or one of another schema version, or no scenario is in both. Counts of syncs may differ by 2.",
    after_help = "Examples:\n  setpoint run --report before\n  setpoint run --report after\n  setpoint compare before/report.json after/report.json"
)]
pub struct CompareArgs {
    /// The report.json of the run before
    #[arg(value_name = "REPORT_A")]
    before: PathBuf,
    /// The report.json of the run now
    #[arg(value_name = "REPORT_B")]
    now: PathBuf,
}

/// Prints what changed.
///
/// # Errors
/// When a file is no report: [`BadInput`].
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (before, now) = (read(&args.before)?, read(&args.now)?);
    let comparison = Comparison::of(&before, &now);
    anstream::println!("{comparison}");
    Ok(ExitCode::from(comparison.exit_code()))
}

fn read(path: &Path) -> Result<Report, BadInput> {
    let text = setpoint_support::read_text(path)
        .with_context(|| format!("read {}", path.display()))
        .map_err(BadInput)?;
    let report = Report::parse(&text).with_context(|| path.display().to_string());
    report.map_err(BadInput)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_report_is_bad_input_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        assert!(read(&path).unwrap_err().to_string().contains("report.json"));
        std::fs::write(&path, r#"{"apiVersion": "setpoint.dev/report/v9"}"#).unwrap();
        let told = read(&path).unwrap_err().to_string();
        assert!(told.contains("setpoint.dev/report/v9"), "{told}");
    }
}
