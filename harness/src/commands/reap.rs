//! `setpoint reap`: removes what killed runs left behind.

use setpoint_cluster::{kind, local};

/// Removes what a killed run left behind
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Removes what a killed run left behind: dead control planes' files, and planes that should have ended \
        and have not; and kind clusters whose process is gone or whose time is over. What is in use stays.",
    after_help = "Example:\n  setpoint reap"
)]
pub struct Args {}

/// Reaps and prints a line for each plane that was removed.
///
/// # Errors
/// When one can't be ended or removed.
pub async fn run(_args: Args) -> anyhow::Result<()> {
    // What can't be removed of one kind doesn't keep the other.
    let (planes, clusters) = (local::reap().await, kind::reap().await);
    let mut reaped = planes?;
    reaped.extend(clusters?);
    for plane in &reaped {
        anstream::println!("removed {}: {}", plane.name, plane.why);
    }
    if reaped.is_empty() {
        anstream::println!("nothing to remove");
    }
    Ok(())
}
