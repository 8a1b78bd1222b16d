//! Each file of `scenarios/` is a test, on a control plane of its own.
//!
//! They are ignored, the reason behind their name, where the control plane's programs or Prometheus' are missing; under
//! `SETPOINT_REQUIRE=local` they fail then.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use setpoint::profile::Profile;
use setpoint::programs::{NoPrometheus, Programs, find_prometheus};
use setpoint::report::{Outcome, Verdict};
use setpoint::run::{Backend, Progress, RunOptions, run};
use setpoint::scenario::{self, Scenario};
use setpoint::timeouts::Timeouts;
use setpoint_cluster::provision::{self, Binaries};
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let binaries =
        provision::find(&provision::Options::from_env()).map_err(|error| error.to_string());
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "local");
    let binaries_missing = binaries.is_err();
    if let (false, Err(reason)) = (required, &binaries) {
        eprintln!("no scenario is run: {reason}");
    }
    let runtime = Runtime::new()?;
    let timeouts = Timeouts::from_env()?;
    // One that is named and can't be used is no reason to ignore a test.
    let prometheus = runtime.block_on(find_prometheus(&timeouts));
    let prometheus = prometheus
        .err()
        .filter(|error| !matches!(error, NoPrometheus::Named { .. }));
    if let (false, Some(reason)) = (required, &prometheus) {
        eprintln!("no scenario that has a real Prometheus is run: {reason}");
    }
    let stage = Arc::new(Stage {
        runtime,
        binaries,
        timeouts,
        programs: OnceLock::new(),
    });
    let trials = scenario::load(&[folder])?.into_iter().map(|scenario| {
        let scrapes = scenario.has_real_prometheus();
        let kind = match (binaries_missing, scrapes && prometheus.is_some()) {
            (true, _) => "no local cluster",
            (false, true) => "no real Prometheus",
            (false, false) => "",
        };
        let kind = if required { "" } else { kind };
        let stage = stage.clone();
        let trial = Trial::test(scenario.name(), move || stage.play(scenario));
        trial.with_kind(kind).with_ignored_flag(!kind.is_empty())
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// What the tests share.
struct Stage {
    runtime: Runtime,
    binaries: Result<Binaries, String>,
    timeouts: Timeouts,
    /// Found, and built if need be, by the first test: listing tests builds nothing.
    programs: OnceLock<Result<Programs, String>>,
}

impl Stage {
    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        let programs = self.programs.get_or_init(|| {
            let found = self.runtime.block_on(Programs::find(None, &self.timeouts));
            found.map_err(|error| format!("{:#}", anyhow::Error::new(error)))
        });
        let programs = programs.clone()?;
        let backend = Backend::local(self.binaries.clone()?, &programs);
        let backend = backend.map_err(|error| format!("{:#}", anyhow::Error::new(error)))?;
        let profile = Profile::named("binary").expect("a profile");
        let options = RunOptions::new(backend, programs, profile).timeouts(self.timeouts);
        let running = run(vec![scenario], options, Arc::new(Quiet));
        let report = self.runtime.block_on(running);
        report.scenarios.iter().try_for_each(judge)
    }
}

fn judge(outcome: &Outcome) -> Result<(), Failed> {
    let problem = match &outcome.verdict {
        Verdict::Passed => return Ok(()),
        // The product's own adapter does all that scenarios are about.
        Verdict::Skipped { reason } => return Err(format!("it was skipped: {reason}").into()),
        Verdict::Failed(problem) | Verdict::Inconclusive(problem) => problem,
    };
    let (owner, kind, cause) = (problem.owner, problem.kind, &problem.cause);
    let evidence = outcome
        .evidence
        .iter()
        .map(|piece| format!("\n== {}\n{}", piece.name, piece.text));
    let timeline = outcome.timeline_text();
    Err(format!(
        "{owner} ({kind}): {cause}\n== timeline\n{timeline}{}\n== again\n{}",
        evidence.collect::<String>(),
        outcome.again
    )
    .into())
}

/// libtest says what passed.
struct Quiet;

impl Progress for Quiet {
    fn at(&self, _scenario: &str, _doing: &str) {}

    fn ended(&self, _outcome: &Outcome) {}
}
