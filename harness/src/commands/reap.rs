//! `setpoint reap`: removes what killed runs left behind.

use clap::ValueEnum as _;

use crate::run::ClusterKind;

/// Removes what a killed run left behind
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Removes what a killed run left behind: dead control planes' files, and planes that should have ended \
        and have not; and kind clusters whose process is gone or whose time is over. What is in use stays.",
    after_help = "Example:\n  setpoint reap"
)]
pub struct ReapArgs {}

/// Reaps and prints a line for each cluster that was removed.
///
/// # Errors
/// When one can't be ended or removed.
pub async fn run(_args: ReapArgs) -> anyhow::Result<()> {
    let mut reaped = Vec::new();
    let mut failed = None;
    for backend in ClusterKind::value_variants() {
        match backend.provider().reap().await {
            Ok(removed) => reaped.extend(removed),
            // What can't be removed of one kind doesn't keep the others.
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    for cluster in &reaped {
        anstream::println!("removed {}: {}", cluster.name, cluster.why);
    }
    if let Some(error) = failed {
        return Err(error.into());
    }
    if reaped.is_empty() {
        anstream::println!("nothing to remove");
    }
    Ok(())
}
