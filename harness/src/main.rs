//! The harness' command line.

use std::process::ExitCode;

use clap::Parser as _;
use setpoint::commands::{Cli, exit_code};

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match Cli::parse().run().await {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(exit_code(&error))
        }
    }
}
