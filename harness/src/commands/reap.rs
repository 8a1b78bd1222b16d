//! `setpoint reap`: removes what killed runs left behind.

use setpoint_cluster::local;

/// Removes what a killed run left behind
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Removes what a killed run left behind: dead control planes' files, and planes that should have ended \
        and have not. Planes that are in use or whose time is not over stay.",
    after_help = "Example:\n  setpoint reap"
)]
pub struct Args {}

/// Reaps and prints a line for each plane that was removed.
///
/// # Errors
/// When one can't be ended or removed.
pub async fn run(_args: Args) -> anyhow::Result<()> {
    let reaped = local::reap().await?;
    for plane in &reaped {
        anstream::println!("removed {}: {}", plane.name, plane.why);
    }
    if reaped.is_empty() {
        anstream::println!("nothing to remove");
    }
    Ok(())
}
