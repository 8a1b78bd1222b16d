//! The commands of `setpoint`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use setpoint_cluster::ImageTable;

mod against;
pub mod cluster;
pub mod compare;
mod existing;
pub mod explain;
pub mod list;
pub mod provision;
pub mod reap;
pub mod record;
pub mod replay;
pub mod run;
pub mod sample_app;
pub mod scripted;
mod selection;
mod server;
pub mod test;

/// Conformance suite and regression harness for Kubernetes metrics adapters and HorizontalPodAutoscalers
#[derive(Debug, Parser)]
#[command(
    name = "setpoint",
    version,
    after_help = "Examples:\n  setpoint run\n  setpoint compare before/report.json after/report.json\n  setpoint test rules.test.yaml\n  setpoint list\n  export KUBECONFIG=$(setpoint cluster up)\n  setpoint cluster down\n\n\
        Exit codes:\n  0  done; of run and test: all passed\n  1  of run: the adapter failed a scenario; of compare: something is worse; of test: a test failed\n  \
        2  bad arguments, or a file that can't be used\n  3  the environment could not be set up; of run: a scenario is inconclusive, or nothing passed"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::RunArgs>),
    Compare(compare::CompareArgs),
    Test(test::TestArgs),
    List(Box<list::ListArgs>),
    Explain(explain::ExplainArgs),
    Schema(list::SchemaArgs),
    Cluster(cluster::ClusterArgs),
    Reap(reap::ReapArgs),
    Record(record::RecordArgs),
    Replay(replay::ReplayArgs),
    SampleApp(sample_app::SampleAppArgs),
    Scripted(scripted::ScriptedArgs),
}

impl Cli {
    /// Does what was asked, and says how the program ends.
    ///
    /// # Errors
    /// When the command fails; [`exit_code`] says how the program ends then.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(args) => return run::run(*args).await,
            Command::Compare(args) => return compare::run(&args),
            Command::Test(args) => return test::run(&args).await,
            Command::Record(args) => return record::run(args).await,
            Command::List(args) => list::run(&args).await?,
            Command::Explain(args) => explain::run(&args)?,
            Command::Schema(args) => anstream::print!("{}", args.schema()),
            Command::Cluster(args) => cluster::run(args, ImageTable::default()).await?,
            Command::Reap(args) => reap::run(args).await?,
            Command::Replay(args) => replay::run(args).await?,
            Command::SampleApp(args) => sample_app::run(args).await?,
            Command::Scripted(args) => scripted::run(args).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What the user gave can't be used: exit code 2, and nothing was started.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct BadInput(pub anyhow::Error);

/// The exit code of a command that failed: 2 for [`BadInput`], 3 for an environment that could not be set up.
#[must_use]
pub fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<BadInput>() { 2 } else { 3 }
}

/// Makes the folder of a report. One that can't be made is better known before a run than after it.
///
/// # Errors
/// When it can't be made, such as where a file is.
fn make_report_folder(folder: &Path) -> Result<(), BadInput> {
    let made = std::fs::create_dir_all(folder);
    made.with_context(|| format!("make the report's folder {}", folder.display()))
        .map_err(BadInput)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// The lines of examples behind the help of a command and of those below it.
    fn examples(command: &clap::Command) -> Vec<String> {
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        let of_command = help.split("Exit codes:").next().unwrap_or_default();
        let mut lines: Vec<String> = of_command.lines().map(str::to_owned).collect();
        lines.extend(command.get_subcommands().flat_map(examples));
        lines
    }

    #[test]
    fn no_line_of_an_example_is_wrapped_so_that_it_can_be_copied() {
        // Terminals have eighty columns, unless somebody has made them wider.
        for line in examples(&Cli::command()) {
            assert!(line.chars().count() <= 78, "{line}");
        }
    }

    #[test]
    fn a_file_in_the_place_of_a_reports_folder_is_bad_input() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        std::fs::write(&file, "mine").unwrap();
        let told = make_report_folder(&file).unwrap_err().to_string();
        let expected = format!("make the report's folder {}: File exists", file.display());
        assert!(told.starts_with(&expected), "{told}");
        let new = folder.path().join("a/b");
        make_report_folder(&new).unwrap();
        assert!(new.is_dir());
    }

    #[test]
    fn bad_input_is_told_from_a_failed_environment_even_with_context() {
        let bad = anyhow::Error::new(BadInput(anyhow::anyhow!("no such series")));
        assert_eq!(exit_code(&bad.context("reading the script")), 2);
        assert_eq!(exit_code(&anyhow::anyhow!("no namespaces here")), 3);
    }
}
