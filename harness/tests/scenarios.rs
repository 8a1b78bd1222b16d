//! Each file of `scenarios/` is a test, on a control plane of its own.
//!
//! They are ignored, the reason behind their name, where the control plane's programs are missing; under
//! `SETPOINT_REQUIRE=local` they fail then.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use setpoint::judged::Programs;
use setpoint::profile::Profile;
use setpoint::report::{Judged, Outcome, Verdict};
use setpoint::run::{Backend, Progress, RunOptions, run};
use setpoint::scenario::{self, Scenario};
use setpoint_cluster::provision::{self, Binaries};
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let binaries =
        provision::find(&provision::Options::from_env()).map_err(|error| error.to_string());
    let required = std::env::var_os("SETPOINT_REQUIRE").is_some_and(|set| set == "local");
    let ignored = binaries.is_err() && !required;
    if let (true, Err(reason)) = (ignored, &binaries) {
        eprintln!("no scenario is run: {reason}");
    }
    let stage = Arc::new(Stage {
        runtime: tokio::runtime::Runtime::new()?,
        binaries,
        programs: OnceLock::new(),
    });
    let trials = scenario::load(&[folder])?.into_iter().map(|scenario| {
        let stage = stage.clone();
        let trial = Trial::test(scenario.name(), move || stage.play(scenario));
        let kind = if ignored { "no local cluster" } else { "" };
        trial.with_kind(kind).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

/// What the tests share.
struct Stage {
    runtime: Runtime,
    binaries: Result<Binaries, String>,
    /// Found, and built if need be, by the first test: listing tests builds nothing.
    programs: OnceLock<Result<Programs, String>>,
}

impl Stage {
    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        let programs = self.programs.get_or_init(|| {
            let found = self.runtime.block_on(Programs::find(None));
            found.map_err(|error| format!("{:#}", anyhow::Error::new(error)))
        });
        let options = RunOptions {
            profile: Profile::named("binary").expect("a profile"),
            backend: Backend::Local(self.binaries.clone()?),
            programs: programs.clone()?,
            jobs: 1,
            interrupted: tokio_util::sync::CancellationToken::default(),
        };
        let running = run(vec![scenario], options, Arc::new(Quiet));
        let report = self.runtime.block_on(running);
        let judge = |outcome| judge(outcome, &report.adapter);
        report.scenarios.iter().try_for_each(judge)
    }
}

fn judge(outcome: &Outcome, adapter: &Judged) -> Result<(), Failed> {
    let cause = match &outcome.verdict {
        Verdict::Passed => return Ok(()),
        // The product's own adapter does all that scenarios are about.
        Verdict::Skipped { reason } => return Err(format!("it was skipped: {reason}").into()),
        Verdict::Failed { cause } | Verdict::NotSetUp { cause } => cause,
    };
    let evidence = outcome
        .evidence
        .iter()
        .map(|piece| format!("\n== {}\n{}", piece.name, piece.text));
    let timeline = outcome.timeline_text();
    Err(format!(
        "{cause}\n== timeline\n{timeline}{}\n== again\n{}",
        evidence.collect::<String>(),
        outcome.again(adapter)
    )
    .into())
}

/// libtest says what passed.
struct Quiet;

impl Progress for Quiet {
    fn at(&self, _scenario: &str, _doing: &str) {}

    fn ended(&self, _outcome: &Outcome) {}
}
