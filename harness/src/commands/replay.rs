//! `setpoint replay`: the fake Prometheus alone.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use setpoint_replay::promql::{Settings, Version};
use setpoint_replay::{Replay, ReplayOptions, Script, World};
use setpoint_support::Termination;

use super::BadInput;

/// Serves scripted series as a Prometheus would
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves scripted series as a Prometheus would: instant queries are evaluated, not looked up.\n\n\
        Scenario time 0 is the start, or when a script is loaded through the control port. SIGTERM and SIGINT end it.",
    after_help = "Example:\n  setpoint replay --script series.yaml --listen 127.0.0.1:9090\n\n\
        series.yaml:\n  clock: {speed: 1}\n  series:\n    - {series: 'up{pod=\"a\"}', values: '0+1x60 stale', interval: 1}"
)]
pub struct ReplayArgs {
    /// The series and their clock, YAML or JSON; without it there is nothing until the control port is told
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
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
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the script can't be read or played, or an address can't be listened on.
pub async fn run(args: ReplayArgs) -> anyhow::Result<()> {
    // Registered before anything listens: whoever sees the ports may end the process cleanly.
    let mut termination = Termination::watch().context("watch SIGTERM and SIGINT")?;
    let script = match &args.script {
        Some(path) => read(path).map_err(BadInput)?,
        None => Script::default(),
    };
    let replay = Replay::start(ReplayOptions {
        listen: args.listen,
        control: args.control,
        script,
        journal_capacity: args.journal,
        settings: Settings {
            version: args.prometheus_version,
            ..Settings::default()
        },
    })
    .await?;
    anstream::println!(
        "serving on {}, controlled on {}",
        replay.address(),
        replay.control_address()
    );
    termination.received().await;
    replay.stop().await;
    Ok(())
}

/// Reads a script; errors have its line and column.
///
/// # Errors
/// When the file can't be read, isn't a script, or holds what can't be played.
pub fn read(path: &std::path::Path) -> anyhow::Result<Script> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the script {}", path.display()))?;
    let script: Script = serde_saphyr::from_str(&text)
        .with_context(|| format!("reading the script {}", path.display()))?;
    World::new(&script, 0).with_context(|| format!("checking the script {}", path.display()))?;
    Ok(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(text: &str) -> anyhow::Result<Script> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("script.yaml");
        std::fs::write(&path, text)?;
        read(&path)
    }

    #[test]
    fn a_script_is_read_from_yaml() {
        let text = "clock: {speed: 2}\nseries:\n- {series: 'up', values: '1x3', interval: 5, hold: true}\n";
        let script = script(text).unwrap();
        assert_eq!(script.clock.speed, 2.0);
        assert_eq!(script.series[0].values.to_string(), "1x3");
        assert!(script.series[0].hold);
    }

    #[test]
    fn values_that_cannot_be_read_are_located() {
        let error = script("series:\n- {series: up, values: '1 2+3', interval: 1}\n").unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("line 2 column 24: values `1 2+3`: column 6"),
            "{text}"
        );
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        let error = script("series:\n- series: up\n  value: '1'\n").unwrap_err();
        let text = format!("{error:#}");
        assert!(text.contains("unknown field `value`"), "{text}");
        assert!(text.contains("line 3"), "{text}");
    }
}
