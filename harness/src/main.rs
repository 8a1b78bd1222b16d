//! The harness' command line.

use std::process::ExitCode;

use clap::Parser as _;
use setpoint::commands::{Cli, exit_code};
use tracing_subscriber::EnvFilter;

/// kube logs every request that fails as an error; who made it says so where that matters.
const LOG_FILTER: &str = "warn,kube_client::client::builder=off";

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = Cli::parse();
    // What goes wrong beside the main road; RUST_LOG shows more.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_FILTER)),
        )
        .init();
    match cli.run().await {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}
