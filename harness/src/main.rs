//! The harness' command line.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use setpoint::commands::{BadInput, cluster, reap, replay, scripted};
use setpoint_cluster::ImageTable;

/// Conformance suite and regression harness for Kubernetes metrics adapters and HorizontalPodAutoscalers
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Cluster(cluster::Args),
    Reap(reap::Args),
    Replay(replay::Args),
    Scripted(scripted::Args),
}

/// What was given can't be used.
const BAD_INPUT: u8 = 2;
/// The environment could not be set up.
const ENVIRONMENT: u8 = 3;

#[tokio::main]
async fn main() -> ExitCode {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let outcome = match Cli::parse().command {
        Command::Cluster(args) => cluster::run(args, ImageTable::default()).await,
        Command::Reap(args) => reap::run(args).await,
        Command::Replay(args) => replay::run(args).await,
        Command::Scripted(args) => scripted::run(args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<BadInput>() {
                BAD_INPUT
            } else {
                ENVIRONMENT
            })
        }
    }
}
