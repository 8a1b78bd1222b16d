//! The command line of `setpoint-adapter check`.

use std::path::PathBuf;

use clap::ValueEnum;

const EXAMPLES: &str = "\
Examples:
  setpoint-adapter check config.yaml
  setpoint-adapter check values.yaml deployment.yaml --format sarif > check.sarif

Exit codes: 0 nothing worse than a note, 1 something is found, 2 bad usage, or a file that can't be read.";

/// Looks for mistakes in rules, before an adapter runs with them
///
/// Files are prometheus-adapter's configuration, a ConfigMap that holds it, values of its chart, and manifests with the
/// adapter's arguments. The adapter logs the same findings when it reads its configuration.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CheckArgs {
    /// Files to look at
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// What is printed on standard output
    #[arg(long, value_enum, default_value = "pretty")]
    pub(crate) format: CheckFormat,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Pretty,
    /// For programs
    Json,
    /// For those who show findings beside the code
    Sarif,
}
