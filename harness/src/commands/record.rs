//! `setpoint record`: series of a live Prometheus as a file that `setpoint replay` plays.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use jiff::Timestamp;
use setpoint_replay::sources::{Recorder, Recording, write_query_range};

use super::BadInput;
use super::server::{Access, AskError, Server};

/// Records series of a live Prometheus into a file that `setpoint replay --source` plays
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Records series of a live Prometheus into a file that `setpoint replay --source` plays.\n\n\
        Of a selector, such as up{job=\"a\"}, the samples are recorded as they were scraped; of any other query, its values at each step. \
        The file is an answer of query_range, with \"stale\" where a series is gone.\n\n\
        Exit codes: 0 recorded, 2 bad arguments, or a query that Prometheus refuses, 3 Prometheus can't be asked.",
    after_help = "Examples:\n  setpoint record --prometheus-url http://127.0.0.1:9090 \\\n    \
        --query 'http_requests_total{namespace=\"shop\"}' \\\n    --range 1h --output shop.json\n  \
        setpoint replay --source shop.json"
)]
pub struct RecordArgs {
    /// Where Prometheus is
    #[arg(long, value_name = "URL")]
    prometheus_url: String,
    /// What is recorded, PromQL; may be repeated
    #[arg(long = "query", value_name = "QUERY", required = true)]
    queries: Vec<String>,
    /// How long a time is recorded, such as 1h or 30m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    range: i64,
    /// When that ends, such as 2026-01-02T15:04:05Z; now without it
    #[arg(long, value_name = "TIME")]
    end: Option<Timestamp>,
    /// How often it is looked whether a series is there, and how often another query than a selector is evaluated
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "15s")]
    step: i64,
    /// The metric name that the series get
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where the recording is written; standard output without it
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    access: Access,
}

/// Milliseconds of a duration.
pub(super) fn duration(text: &str) -> Result<i64, DurationError> {
    let millis = setpoint_rules::duration_millis(text);
    let millis = millis.and_then(|millis| i64::try_from(millis).ok());
    millis.filter(|millis| *millis > 0).ok_or(DurationError)
}

#[derive(Debug, thiserror::Error)]
#[error("expected whole numbers with units, the larger ones first, such as 30s, 5m or 1h30m")]
pub(super) struct DurationError;

/// Records, and says on standard error what.
///
/// # Errors
/// When the arguments can't be used, or Prometheus can't be asked or refuses.
pub async fn run(args: RecordArgs) -> anyhow::Result<ExitCode> {
    let end = args.end.unwrap_or_else(Timestamp::now).as_millisecond();
    let window = (end.saturating_sub(args.range), end);
    let recorders = args.queries.iter().map(|query| {
        let recorder = Recorder::new(query, window, args.step, args.name.clone());
        recorder.map_err(|error| BadInput(error.into()))
    });
    let recorders: Vec<Recorder> = recorders.collect::<Result<_, _>>()?;
    let server = Server::new(&args.prometheus_url, &args.access);
    let server = server.map_err(|error| BadInput(error.into()))?;
    let mut all = Recording::default();
    for (query, recorder) in args.queries.iter().zip(recorders) {
        let recording = record(&server, query, &recorder).await?;
        for series in recording.series {
            if all.series.iter().any(|other| other.labels == series.labels) {
                let problem = anyhow::anyhow!(
                    "two queries give the series {}: record it once",
                    series.labels
                );
                return Err(BadInput(problem).into());
            }
            all.series.push(series);
        }
    }
    all.series.sort_by(|a, b| a.labels.cmp(&b.labels));
    write(&write_query_range(&all), args.output.as_deref())?;
    let samples: usize = all.series.iter().map(|one| one.samples.len()).sum();
    let time = |millis| Timestamp::from_millisecond(millis).map(|time| time.to_string());
    anstream::eprintln!(
        "recorded {} series with {samples} samples from {} to {}",
        all.series.len(),
        time(window.0).unwrap_or_default(),
        time(window.1).unwrap_or_default()
    );
    Ok(ExitCode::SUCCESS)
}

async fn record(server: &Server, query: &str, recorder: &Recorder) -> anyhow::Result<Recording> {
    let doing = || format!("record {query}");
    let mut answers = Vec::new();
    for request in recorder.requests() {
        let answer = server.ask(&request).await;
        answers.push(answer.map_err(|error| match error {
            AskError::Refused { .. } => {
                anyhow::Error::new(BadInput(anyhow::Error::new(error).context(doing())))
            }
            error => anyhow::Error::new(error).context(doing()),
        })?);
    }
    let recorded = recorder.recording(&answers);
    let (recording, warnings) = recorded.map_err(|error| {
        let error = anyhow::Error::new(error).context(doing());
        BadInput(error)
    })?;
    for warning in warnings {
        anstream::eprintln!("warning of Prometheus: {warning}");
    }
    if recording.series.is_empty() {
        anstream::eprintln!("warning: {query} gives no series in that time");
    }
    Ok(recording)
}

fn write(text: &str, output: Option<&std::path::Path>) -> anyhow::Result<()> {
    match output {
        Some(path) => std::fs::write(path, text)
            .with_context(|| format!("write the recording to {}", path.display())),
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .context("write the recording to standard output"),
    }
}
