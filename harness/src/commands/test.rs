//! `setpoint test`: tests of adapter rules.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::Timestamp;

use super::BadInput;
use super::record::duration;
use super::server::{Access, AskError, Server};
use crate::rule_tests::{
    FileReport, LiveError, TestFile, first_path, first_tests, first_tests_from, to_json, to_junit,
};

/// Tests the rules of an adapter: which values the API has for which series; no cluster, no network
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Tests the rules of an adapter, as `promtool test rules` tests those of Prometheus: given these series and these objects, \
        what does the metrics API answer at minute five? No cluster, no network, and time is virtual.\n\n\
        Exit codes: 0 all tests passed, 1 a test failed, 2 bad usage, or a file that can't be used, 3 the Prometheus of --from-prometheus can't be asked.",
    after_help = "Examples:\n  setpoint test rules.test.yaml\n  setpoint test tests/*.yaml --format junit > junit.xml\n  \
        setpoint test --init rules.yaml\n  setpoint test --init rules.yaml --from-prometheus http://127.0.0.1:9090\n  setpoint test --update rules.test.yaml"
)]
pub struct TestArgs {
    /// Files of tests
    #[arg(value_name = "FILE", required_unless_present = "init")]
    files: Vec<PathBuf>,
    /// Writes a first file of tests for rules beside each of these files (rules.test.yaml for rules.yaml)
    #[arg(long, value_name = "RULES", num_args = 1.., conflicts_with_all = ["files", "update", "format"])]
    init: Vec<PathBuf>,
    /// With --init: takes the series of these files from a live Prometheus, a few of each rule
    #[arg(long, value_name = "URL", requires = "init")]
    from_prometheus: Option<String>,
    /// With --from-prometheus: how long a time is recorded, until now, such as 10m or 1h
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10m", requires = "from_prometheus")]
    range: i64,
    #[command(flatten)]
    access: Access,
    /// Writes what is answered in place of what is expected, where that differs
    #[arg(long)]
    update: bool,
    /// What is printed on standard output
    #[arg(long, value_enum, default_value = "pretty")]
    format: TestFormat,
}

/// What is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    /// For people
    Pretty,
    /// For programs
    Json,
    /// For those who show test results
    Junit,
}

/// Runs the tests, and tells by the exit code.
///
/// # Errors
/// When a file can't be used ([`BadInput`]); then no test has run.
pub async fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    init(args).await?;
    if args.files.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let began = Instant::now();
    let mut files = loaded(&args.files)?;
    if args.update {
        update(&mut files)?;
    }
    let reports: Vec<FileReport> = files.iter().map(TestFile::run).collect();
    match args.format {
        TestFormat::Json => anstream::println!("{}", to_json(&reports)?),
        TestFormat::Junit => {
            let junit = to_junit(&reports).context("write the report as JUnit XML")?;
            anstream::println!("{}", junit.trim_end());
        }
        TestFormat::Pretty => print(&reports, began),
    }
    let failed = reports.iter().any(|report| report.failed() > 0);
    Ok(ExitCode::from(u8::from(failed)))
}

/// Writes first files of tests, which aren't there yet.
async fn init(args: &TestArgs) -> anyhow::Result<()> {
    let Some(url) = &args.from_prometheus else {
        if args.access.is_given() {
            let problem = anyhow::anyhow!(
                "credentials and certificates are for the Prometheus of --from-prometheus, which isn't there"
            );
            return Err(BadInput(problem).into());
        }
        for rules in &args.init {
            let text = first_tests(rules).map_err(|error| BadInput(error.into()))?;
            write_first(rules, &text)?;
        }
        return Ok(());
    };
    // clap doesn't ask for --init beside files, which exclude it.
    if !args.files.is_empty() {
        let why = "--from-prometheus is for --init, which writes a first file; the tests of a file ask no Prometheus";
        return Err(BadInput(anyhow::anyhow!(why)).into());
    }
    let server = Server::new(url, &args.access).map_err(|error| BadInput(error.into()))?;
    let now = Timestamp::now().as_millisecond();
    for rules in &args.init {
        let ask = async |request| server.ask(&request).await;
        let text = first_tests_from(rules, (now.saturating_sub(args.range), now), ask).await;
        write_first(rules, &text.map_err(told)?)?;
    }
    Ok(())
}

/// Whose mistake it is that there is no first file: that of the arguments and files, unless Prometheus can't be asked.
fn told(error: LiveError<AskError>) -> anyhow::Error {
    match error {
        LiveError::Ask {
            source: AskError::Refused { .. },
            ..
        }
        | LiveError::Init(_)
        | LiveError::Window(_)
        | LiveError::Record { .. }
        | LiveError::Selector { .. } => BadInput(error.into()).into(),
        LiveError::Ask { .. } => error.into(),
    }
}

fn write_first(rules: &Path, text: &str) -> anyhow::Result<()> {
    let path = first_path(rules);
    let write = || {
        let mut file = std::fs::File::create_new(&path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| {
        let doing = format!("write {}, which must not be there yet", path.display());
        BadInput(anyhow::Error::new(error).context(doing))
    })?;
    anstream::println!("{}", path.display());
    Ok(())
}

/// Writes what is answered in place of what is expected. A file that can't be rewritten stays as it is.
fn update(files: &mut [TestFile]) -> anyhow::Result<()> {
    for file in files {
        let updated = file.updated().map_err(|error| BadInput(error.into()))?;
        if let Some(text) = updated {
            let doing = || format!("write {}", file.path.display());
            std::fs::write(&file.path, text).with_context(doing)?;
            *file = TestFile::load(&file.path)?;
            anstream::eprintln!(
                "{} has new expectations: read what has changed",
                file.path.display()
            );
        }
    }
    Ok(())
}

/// All files, or everything that is wrong with any of them.
fn loaded(paths: &[PathBuf]) -> anyhow::Result<Vec<TestFile>> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        match TestFile::load(path) {
            Ok(file) => files.push(file),
            Err(error) => problems.push(setpoint_support::error_chain(&error)),
        }
    }
    if problems.is_empty() {
        Ok(files)
    } else {
        Err(BadInput(anyhow::anyhow!("{}", problems.join("\n"))).into())
    }
}

fn print(reports: &[FileReport], began: Instant) {
    for report in reports {
        anstream::print!("{}", report.to_text());
    }
    let failed: usize = reports.iter().map(FileReport::failed).sum();
    let all: usize = reports.iter().map(|report| report.tests.len()).sum();
    let millis = began.elapsed().as_millis();
    anstream::println!("{} passed, {failed} failed in {millis}ms", all - failed);
}
