//! `setpoint replay`: the fake Prometheus alone.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use setpoint_replay::promql::{Settings, Version};
use setpoint_replay::{Replay, ReplayOptions, StartError};
use setpoint_support::Termination;

mod access;
mod script_file;

use super::BadInput;
use access::AccessArgs;
use script_file::{SourceEntry, load};

/// Serves scripted series as a Prometheus would
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves scripted series as a Prometheus would: queries are evaluated, not looked up.\n\n\
        Scenario time 0 is the start, or when a script is loaded through the control port. SIGTERM and SIGINT end it.",
    after_help = "Examples:\n  setpoint replay --script series.yaml --listen 127.0.0.1:9090\n  \
        setpoint replay --source recording.json --recorded-times\n\n\
        series.yaml:\n  clock: {speed: 1}\n  series:\n    - {series: 'up{pod=\"a\"}', values: '0+1x60 stale', interval: 1}\n  \
        sources:\n    - {file: metrics.om, from: 60}"
)]
pub struct ReplayArgs {
    /// The series and their clock, YAML or JSON; without it there is nothing until the control port is told
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    /// A file of series: OpenMetrics (.om), Prometheus' text format (.prom), CSV (.csv) or an answer of query_range (.json); may be repeated
    #[arg(long = "source", value_name = "FILE")]
    pub sources: Vec<PathBuf>,
    /// Plays the samples of --source at the times that the files tell, not from now on
    #[arg(long, requires = "sources")]
    pub recorded_times: bool,
    /// Where Prometheus' API is served
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9090")]
    pub listen: SocketAddr,
    /// Where series, faults and the journal are, as JSON over HTTP
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9091")]
    pub control: SocketAddr,
    /// How many requests the journal remembers
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub journal: usize,
    /// Which Prometheus it plays; before v3 the windows of selectors are closed
    #[arg(long, value_name = "VERSION", default_value_t)]
    pub prometheus_version: Version,
    /// Who may ask.
    #[command(flatten)]
    access: AccessArgs,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the script can't be read or played, or an address can't be listened on.
pub async fn run(args: ReplayArgs) -> anyhow::Result<()> {
    // Registered before anything listens: whoever sees the ports may end the process cleanly.
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    let sources = args.sources.into_iter();
    let sources = sources.map(|file| SourceEntry::new(file, args.recorded_times));
    let script = load(args.script.as_deref(), sources.collect());
    let script = script.map_err(|error| BadInput(error.into()))?;
    let access = args.access.access();
    let access = access.map_err(|error| BadInput(error.into()))?;
    let replay = Replay::start(ReplayOptions {
        access,
        listen: args.listen,
        control: args.control,
        script,
        journal_capacity: args.journal,
        settings: Settings {
            version: args.prometheus_version,
            ..Settings::default()
        },
    })
    .await
    .map_err(|error| match error {
        StartError::Listen { .. } => anyhow::Error::new(error),
        // The files were read, and can't be used.
        error => BadInput(error.into()).into(),
    })?;
    anstream::println!(
        "serving on {}, controlled on {}",
        replay.address(),
        replay.control_address()
    );
    termination.received().await;
    replay.stop().await;
    Ok(())
}
