//! `setpoint list` and `setpoint schema`.

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;
use setpoint_cluster::Provider as _;
use setpoint_cluster::existing::ExistingProvider;

use super::existing::{ExistingArgs, unusable};
use super::run::{Adapter, Format, adapter, load};
use super::selection::SelectionArgs;
use crate::format::schema_of;
use crate::profile::{Profile, ProfileFile};
use crate::programs::{NoPrometheus, find_prometheus};
use crate::report::{Report, SkipReason};
use crate::run::{ClusterKind, lacks_prometheus, not_implemented};
use crate::scenario::{Document, Scenario};
use crate::timeouts::Timeouts;
use crate::{matrix, rule_tests};

/// Lists scenarios, after checking them
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  setpoint list\n  setpoint list --suite hpa,tls\n  setpoint list --cluster kind\n  setpoint list --adapter installed\n  setpoint list scenarios/hpa --format json"
)]
pub struct ListArgs {
    /// Scenario files, or folders of them [default: scenarios, else the product's own]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    selection: SelectionArgs,
    /// Says of each scenario why it can't run on such a cluster and this machine, if it can't
    #[arg(long, value_enum, default_value = "local")]
    cluster: ClusterKind,
    #[command(flatten)]
    existing: ExistingArgs,
    /// Says of each scenario why this adapter can't be judged by it, if it can't; as for `setpoint run`
    #[arg(long, value_name = "ADAPTER", value_parser = adapter)]
    adapter: Option<Adapter>,
    /// What is printed
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// Prints the scenarios.
///
/// # Errors
/// When they are no scenarios.
pub async fn run(args: &ListArgs) -> anyhow::Result<()> {
    let scenarios = args.selection.of(load(&args.paths)?)?;
    let profile = args.adapter.as_ref().map(|adapter| &adapter.profile);
    if let Some(mut options) = args.existing.options(args.cluster)? {
        options.observes = profile.is_some_and(Profile::is_installed);
        let provider = ExistingProvider::new(options);
        provider.check().await.map_err(unusable)?;
    }
    let prometheus = find_prometheus(&Timeouts::default()).await;
    let skipped = |scenario: &Scenario| skipped(scenario, args.cluster, profile, &prometheus);
    if args.format == Format::Json {
        let listed: Vec<_> = scenarios
            .iter()
            .map(|scenario| {
                let document = &scenario.document;
                json!({"name": scenario.name(), "scenario": document.scenario, "needs": document.needs, "proves": document.proves,
                    "install": document.install, "path": scenario.path, "skipped": skipped(scenario)})
            })
            .collect();
        anstream::println!("{}", serde_json::to_string_pretty(&listed)?);
        return Ok(());
    }
    for scenario in &scenarios {
        let reason = skipped(scenario);
        let skipped = reason.map_or_else(String::new, |reason| format!(" (skipped: {reason})"));
        let sentence = &scenario.document.scenario;
        anstream::println!("{:<40} {sentence}{skipped}", scenario.name());
    }
    Ok(())
}

/// Why a scenario isn't run, if so.
fn skipped(
    scenario: &Scenario,
    cluster: ClusterKind,
    profile: Option<&Profile>,
    prometheus: &Result<PathBuf, NoPrometheus>,
) -> Option<SkipReason> {
    let lacks = profile.and_then(|profile| not_implemented(scenario, profile));
    let lacks = lacks.or_else(|| cluster.lacks(&scenario.document));
    lacks.or_else(|| lacks_prometheus(scenario, prometheus))
}

/// Prints the JSON schema of scenario files, of reports, of files for `setpoint test`, of the matrix, or of adapters' profiles
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  setpoint schema > scenarios/schema.json\n  setpoint schema report > report.schema.json\n  setpoint schema test > rule-tests.schema.json\n  setpoint schema profile > profile.schema.json"
)]
pub struct SchemaArgs {
    /// Which files
    #[arg(value_enum, default_value = "scenario")]
    files: Files,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Files {
    /// Those of `setpoint run`
    Scenario,
    /// The `report.json` that `setpoint run` writes
    Report,
    /// Those of `setpoint test`
    Test,
    /// Those of `fixtures/matrix`, which `setpoint explain` shows
    Matrix,
    /// Those of `--adapter profile:FILE`
    Profile,
}

impl SchemaArgs {
    /// The JSON schema that is asked for.
    #[must_use]
    pub fn schema(&self) -> String {
        match self.files {
            Files::Scenario => schema(),
            Files::Report => Report::schema(),
            Files::Test => rule_tests::schema(),
            Files::Matrix => matrix::schema(),
            Files::Profile => schema_of::<ProfileFile>(),
        }
    }
}

/// The JSON schema of scenario files.
#[must_use]
pub fn schema() -> String {
    schema_of::<Document>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schemas_that_are_kept_are_current() {
        let files = [
            (Files::Scenario, "scenarios/schema.json", "setpoint schema"),
            (
                Files::Profile,
                "docs/profile.schema.json",
                "setpoint schema profile",
            ),
        ];
        for (files, kept, command) in files {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("..")
                .join(kept);
            let text = std::fs::read_to_string(path).unwrap_or_default();
            // Not `assert_eq`: two schemas are too long to read.
            assert!(
                text == SchemaArgs { files }.schema(),
                "it is old; `{command} > {kept}` renews it"
            );
        }
    }
}
