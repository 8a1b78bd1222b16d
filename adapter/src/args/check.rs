//! The command line of `setpoint-adapter check`.

use std::path::PathBuf;

use clap::ValueEnum;
use setpoint_rules::parse_prometheus_url;
use url::Url;

use super::UpstreamArgs;

const EXAMPLES: &str = "\
Examples:
  setpoint-adapter check config.yaml
  setpoint-adapter check values.yaml deployment.yaml \\
      --format sarif > check.sarif
  setpoint-adapter check config.yaml --emit-rbac | kubectl diff -f -
  setpoint-adapter check config.yaml --prometheus-url http://127.0.0.1:9090
  kubectl proxy --port 8001 &
  setpoint-adapter check config.yaml --prometheus-url http://127.0.0.1:9090 \\
      --compare-with http://127.0.0.1:8001

Exit codes: 0 nothing worse than a note, 1 something is found,
2 bad usage, or a file or a server that can't be used.";

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
    /// Print the roles that these metrics take, for those who read them and for the adapter
    #[arg(long, conflicts_with = "format")]
    pub(crate) emit_rbac: bool,
    /// Also ask Prometheus at this URL for series, and whether it takes the queries
    #[arg(long, value_name = "URL", value_parser = parse_prometheus_url)]
    pub(crate) prometheus_url: Option<Url>,
    #[command(flatten)]
    pub(crate) upstream: UpstreamArgs,
    /// Also say how the metrics differ from those that are listed at this URL, of an adapter or of an API server
    #[arg(long, value_name = "URL", value_parser = parse_prometheus_url, requires = "prometheus_url")]
    pub(crate) compare_with: Option<Url>,
    /// CA certificates to verify that server's certificate with [default: those of the system]
    #[arg(long, value_name = "FILE", requires = "compare_with")]
    pub(crate) compare_ca_file: Option<PathBuf>,
    /// File with the bearer token for that server
    #[arg(long, value_name = "FILE", requires = "compare_with")]
    pub(crate) compare_token_file: Option<PathBuf>,
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
