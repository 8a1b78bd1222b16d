//! `setpoint reap`: removes what killed runs left behind.

use clap::ValueEnum as _;
use setpoint_cluster::Provider;

use super::existing::{ExistingArgs, unusable};
use crate::run::ClusterKind;

/// Removes what a killed run left behind
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Removes what a killed run left behind: dead control planes' files, and planes that should have ended \
        and have not; and kind clusters whose process is gone or whose time is over. With --kubeconfig and --context also the \
        objects in that cluster which bear Setpoint's labels and whose process is gone or whose time is over. What is in use stays.",
    after_help = "Examples:\n  setpoint reap\n  setpoint reap --kubeconfig ~/.kube/config --context staging"
)]
pub struct ReapArgs {
    #[command(flatten)]
    existing: ExistingArgs,
}

/// Reaps and prints a line for each cluster that was removed.
///
/// # Errors
/// When one can't be ended or removed.
pub async fn run(args: ReapArgs) -> anyhow::Result<()> {
    let mut reaped = Vec::new();
    let mut failed = None;
    let kinds = ClusterKind::value_variants().iter();
    let mut providers: Vec<Box<dyn Provider>> = kinds.map(|kind| kind.provider()).collect();
    providers.extend(
        args.existing
            .provider()?
            .map(|named| Box::new(named) as Box<dyn Provider>),
    );
    for provider in providers {
        match provider.reap().await {
            Ok(removed) => reaped.extend(removed),
            // What can't be removed of one kind doesn't keep the others.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    for cluster in &reaped {
        anstream::println!("removed {}: {}", cluster.name, cluster.why);
    }
    if let Some(error) = failed {
        return Err(unusable(error));
    }
    if reaped.is_empty() {
        anstream::println!("nothing to remove");
    }
    Ok(())
}
