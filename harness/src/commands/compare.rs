//! `setpoint compare`: what changed between two runs.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;

use super::BadInput;
use crate::report::{Comparison, Report};

/// The file that is compared, in the folder of a report.
const FILE: &str = "report.json";

/// Compares the reports of two runs: verdicts, what failures break, syncs until replicas settle, overshoots
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Compares the reports of two runs, scenario by scenario: verdicts, obligations that fail, syncs of the HPA controller until replicas settle, overshoots.\n\n\
        Exit codes: 0 nothing is worse, 1 a scenario that passed fails now, one that failed breaks more, or replicas settle later or go further beyond, \
        2 a file is no report, or one of another schema version, or has two scenarios of one name, or no scenario is in both. Counts of syncs may differ by 2.",
    after_help = "Examples:\n  setpoint run --report before\n  setpoint run --report after\n  setpoint compare before/report.json after/report.json"
)]
pub struct CompareArgs {
    /// The report.json of the run before, or its folder
    #[arg(value_name = "REPORT_A")]
    before: PathBuf,
    /// The report.json of the run now, or its folder
    #[arg(value_name = "REPORT_B")]
    now: PathBuf,
}

/// Prints what changed.
///
/// # Errors
/// When a file is no report, or they have nothing in common: [`BadInput`].
pub fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (before, now) = (read(&args.before)?, read(&args.now)?);
    let comparison = Comparison::of(&before, &now);
    anstream::println!("{comparison}");
    if comparison.in_both == 0 {
        let why = format!(
            "there is nothing to compare: no scenario is both in {} and in {}",
            args.before.display(),
            args.now.display()
        );
        return Err(BadInput(anyhow::anyhow!(why)).into());
    }
    Ok(ExitCode::from(comparison.exit_code()))
}

fn read(path: &Path) -> Result<Report, BadInput> {
    let in_folder = path.is_dir().then(|| path.join(FILE));
    let path = in_folder.as_deref().unwrap_or(path);
    let text = setpoint_support::read_text(path)
        .with_context(|| format!("read {}", path.display()))
        .map_err(BadInput)?;
    Report::parse(&text).map_err(|error| {
        let place = error.place();
        let place = place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
        let place = format!("{}{place}", path.display());
        BadInput(anyhow::Error::new(error).context(place))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::exit_code;
    use crate::report::tests::report;

    #[test]
    fn a_file_that_is_no_report_is_bad_input_and_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.json");
        assert!(read(&path).unwrap_err().to_string().contains("report.json"));
        std::fs::write(&path, r#"{"apiVersion": "setpoint.dev/report/v9"}"#).unwrap();
        let told = read(&path).unwrap_err().to_string();
        assert!(told.contains("setpoint.dev/report/v9"), "{told}");
        std::fs::write(&path, "null").unwrap();
        let told = read(&path).unwrap_err().to_string();
        assert!(
            told.ends_with(
                "/report.json:1:4: it is no report of setpoint: expected an object, found null"
            ),
            "{told}"
        );
    }

    /// The folder of a report of these scenarios.
    fn folder_of(report: &Report) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let json = serde_json::to_string(report).unwrap();
        std::fs::write(folder.path().join(FILE), json).unwrap();
        folder
    }

    #[test]
    fn the_folder_of_a_report_stands_for_it() {
        let folder = folder_of(&report());
        let read_of = |path: &Path| serde_json::to_string(&read(path).unwrap()).unwrap();
        assert_eq!(read_of(folder.path()), read_of(&folder.path().join(FILE)));
        let empty = tempfile::tempdir().unwrap();
        let told = read(empty.path()).unwrap_err().to_string();
        assert!(told.contains("/report.json: No such file"), "{told}");
    }

    #[test]
    fn reports_that_have_nothing_in_common_are_bad_input_and_are_named() {
        let (mut before, mut now) = (report(), report());
        before.scenarios.truncate(1);
        now.scenarios.remove(0);
        let (before, now) = (folder_of(&before), folder_of(&now));
        let args = |now: &tempfile::TempDir| CompareArgs {
            before: before.path().to_owned(),
            now: now.path().to_owned(),
        };
        let error = run(&args(&now)).unwrap_err();
        assert_eq!(exit_code(&error), 2);
        let told = error.to_string();
        assert!(
            told.starts_with("there is nothing to compare: no scenario is both in /"),
            "{told}"
        );
        run(&args(&before)).unwrap();
    }
}
