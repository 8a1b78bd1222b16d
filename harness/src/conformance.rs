//! The scenarios as tests of `cargo test`, of any adapter.
//!
//! ```no_run
//! // tests/conformance.rs, a `[[test]]` with `harness = false`
//! fn main() -> std::process::ExitCode {
//!     let program = std::env::var_os("CARGO_BIN_EXE_my-adapter").unwrap_or_default();
//!     setpoint::conformance::Suite::of(program).profile("tests/profile.yaml").run()
//! }
//! ```
//!
//! Each scenario is a test on a real control plane, which it has for itself while it runs. One that the adapter doesn't claim to pass, by its profile, or that this
//! machine can't run is ignored, with the reason behind its name. `SETPOINT_REQUIRE=local` makes what the machine lacks a failure.
//! Two more are played at once than the machine has processors, or as many as `--test-threads` says.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Failed, Trial};
use setpoint_cluster::provision::{self, Binaries, ProvisionError};
use setpoint_support::error_chain;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

use crate::outcome::HarnessProblem;
use crate::profile::{Profile, ProfileError};
use crate::programs::{NoPrometheus, ProgramError, Programs, find_prometheus};
use crate::report::{Outcome, Verdict};
use crate::run::{
    Backend, ClusterKind, Progress, RunOptions, not_implemented, run_leaving_clusters,
};
use crate::scenario::{self, LoadError, Scenario};
use crate::timeouts::{NoTimeoutFactor, Timeouts};

/// The variable that makes a failure of what the machine lacks.
const REQUIRE: &str = "SETPOINT_REQUIRE";

/// Scenarios and the adapter that they judge.
#[derive(Debug, Clone, Default)]
pub struct Suite {
    program: Option<PathBuf>,
    profile: Option<PathBuf>,
    paths: Vec<PathBuf>,
}

/// Why there are no tests.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SuiteError {
    /// The adapter's profile can't be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A scenario can't be played with the adapter's external metrics.
    #[error(transparent)]
    External(#[from] HarnessProblem),
    /// Scenarios can't be used.
    #[error(transparent)]
    Scenarios(#[from] LoadError),
    /// The variable for slow machines can't be used.
    #[error(transparent)]
    Timeouts(#[from] NoTimeoutFactor),
    /// The runtime doesn't start.
    #[error("start the runtime of the tests")]
    Runtime(#[source] std::io::Error),
    /// The adapter has no program.
    #[error("{} names no `program`; name one there or by Suite::of", .0.display())]
    NoProgram(PathBuf),
}

impl Suite {
    /// All scenarios of this crate, for the adapter that this program is.
    #[must_use]
    pub fn of(program: impl Into<PathBuf>) -> Self {
        Self {
            program: Some(program.into()),
            ..Self::default()
        }
    }

    /// The same for the product's own adapter, or the one that `SETPOINT_ADAPTER_BIN` names.
    #[must_use]
    pub fn of_setpoint_adapter() -> Self {
        Self::default()
    }

    /// What the adapter's authors say of it: its arguments, and what it doesn't claim to do. Without a profile it gets
    /// prometheus-adapter's flags and is judged by everything.
    #[must_use]
    pub fn profile(mut self, file: impl Into<PathBuf>) -> Self {
        self.profile = Some(file.into());
        self
    }

    /// Only these scenario files, or those in these folders; may be said repeatedly.
    #[must_use]
    pub fn scenarios(mut self, path: impl Into<PathBuf>) -> Self {
        self.paths.push(path.into());
        self
    }

    /// Runs the tests that the command line of `cargo test` asks for, and tells how that ended: as other tests do, and with 2 where
    /// scenarios or the profile can't be used.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let mut arguments = Arguments::from_args();
        let played = arguments
            .test_threads
            .unwrap_or_else(|| ClusterKind::Local.jobs());
        // While these are played, the next one's control plane starts, as `setpoint run` does it.
        let ahead = usize::from(ClusterKind::Local.provider().starts_ahead());
        arguments.test_threads.get_or_insert(played + ahead);
        match self.trials(played) {
            Ok((stage, trials)) => {
                let conclusion = libtest_mimic::run(&arguments, trials);
                stage.end();
                conclusion.exit_code()
            }
            Err(error) => {
                anstream::eprintln!("error: {:#}", anyhow::Error::new(error));
                ExitCode::from(2)
            }
        }
    }

    fn trials(self, played: usize) -> Result<(Arc<Stage>, Vec<Trial>), SuiteError> {
        let profile = match &self.profile {
            Some(file) => Profile::from_file(file)?,
            None => Profile::named("binary")?,
        };
        let program = self.program.or_else(|| profile.program.clone());
        if let (None, Some(file)) = (&program, self.profile) {
            return Err(SuiteError::NoProgram(file));
        }
        let paths = match self.paths.is_empty() {
            true => vec![scenario::shipped()],
            false => self.paths,
        };
        let scenarios = scenario::load(&paths)?;
        let fitted = scenarios.iter().map(|one| one.for_profile(&profile));
        let scenarios = fitted.collect::<Result<Vec<_>, _>>()?;
        let stage = Arc::new(Stage::new(program, profile, played)?);
        let trials = scenarios.into_iter().map(|one| trial(&stage, one));
        let trials = trials.collect();
        Ok((stage, trials))
    }
}

fn trial(stage: &Arc<Stage>, scenario: Scenario) -> Trial {
    let reason = stage.why_not(&scenario).unwrap_or_default();
    let stage = stage.clone();
    let trial = Trial::test(scenario.name(), move || stage.play(scenario));
    let ignored = !reason.is_empty();
    trial.with_kind(reason).with_ignored_flag(ignored)
}

/// What the tests share.
struct Stage {
    runtime: Runtime,
    /// Of the scenarios that are played at once.
    turns: Semaphore,
    timeouts: Timeouts,
    program: Option<PathBuf>,
    profile: Profile,
    binaries: Result<Binaries, NoTools>,
    /// Why no real Prometheus scrapes here.
    no_prometheus: Option<NoPrometheus>,
    /// Whether what the machine lacks is a failure.
    required: bool,
    /// Found, and built if need be, by the first test: listing tests builds nothing.
    tools: OnceLock<Result<(Programs, Backend), NoTools>>,
}

impl Stage {
    fn new(program: Option<PathBuf>, profile: Profile, played: usize) -> Result<Self, SuiteError> {
        let runtime = Runtime::new().map_err(SuiteError::Runtime)?;
        let timeouts = Timeouts::from_env()?;
        let binaries = provision::find(&provision::Options::from_env());
        let binaries = binaries.map_err(|error| NoTools::ControlPlane(Arc::new(error)));
        let required = std::env::var_os(REQUIRE).is_some_and(|set| set == "local");
        if let (false, Err(reason)) = (required, &binaries) {
            anstream::eprintln!("no scenario is run: {reason}");
        }
        // One that is named and can't be used is no reason to ignore a test.
        let prometheus = runtime.block_on(find_prometheus(&timeouts)).err();
        let no_prometheus = prometheus.filter(|error| !matches!(error, NoPrometheus::Named { .. }));
        if let (false, Some(reason)) = (required, &no_prometheus) {
            anstream::eprintln!("no scenario that has a real Prometheus is run: {reason}");
        }
        Ok(Self {
            runtime,
            turns: Semaphore::new(played),
            timeouts,
            program,
            profile,
            binaries,
            no_prometheus,
            required,
            tools: OnceLock::new(),
        })
    }

    /// Why a scenario is ignored, if so.
    fn why_not(&self, scenario: &Scenario) -> Option<String> {
        let lacks = not_implemented(scenario, &self.profile);
        let lacks = lacks.or_else(|| ClusterKind::Local.lacks(&scenario.document));
        let scrapes = || scenario.has_real_prometheus() && self.no_prometheus.is_some();
        match lacks {
            Some(reason) => Some(reason.to_string()),
            None if self.required => None,
            None if self.binaries.is_err() => Some("no local cluster".to_owned()),
            None => scrapes().then(|| "no real Prometheus".to_owned()),
        }
    }

    fn play(&self, scenario: Scenario) -> Result<(), Failed> {
        let tools = self.tools.get_or_init(|| self.find_tools());
        let (programs, backend) = tools.clone().map_err(|error| error_chain(&error))?;
        let options =
            RunOptions::new(backend, programs, self.profile.clone()).timeouts(self.timeouts);
        let progress = Arc::new(Quiet);
        let running = run_leaving_clusters(vec![scenario], options, &self.turns, progress);
        let report = self.runtime.block_on(running);
        report.scenarios.iter().try_for_each(judge)
    }

    fn find_tools(&self) -> Result<(Programs, Backend), NoTools> {
        let finding = Programs::find(self.program.clone(), &self.timeouts);
        let mut programs = self.runtime.block_on(finding)?;
        programs.run_beside(&self.profile.beside.programs)?;
        let backend = Backend::local(self.binaries.clone()?, &programs)?;
        Ok((programs, backend))
    }

    /// Ends the planes that the tests have left to each other.
    fn end(&self) {
        if let Some(Ok((_, backend))) = self.tools.get() {
            self.runtime.block_on(backend.end());
        }
    }
}

/// Why no scenario can be played; the tests share it.
#[derive(Debug, Clone, thiserror::Error)]
enum NoTools {
    #[error(transparent)]
    ControlPlane(Arc<ProvisionError>),
    #[error(transparent)]
    Programs(Arc<ProgramError>),
}

impl From<ProgramError> for NoTools {
    fn from(error: ProgramError) -> Self {
        Self::Programs(Arc::new(error))
    }
}

fn judge(outcome: &Outcome) -> Result<(), Failed> {
    let problem = match &outcome.verdict {
        Verdict::Passed => return Ok(()),
        // What isn't claimed is ignored before.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_adapter_does_not_claim_is_ignored_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let profile = folder.path().join("profile.yaml");
        let text = "apiVersion: setpoint.dev/v1alpha1\nadapter: example\nlacks: {external-metrics: it has none}\n";
        std::fs::write(&profile, text).unwrap();
        let (_, trials) = Suite::of("/adapter").profile(&profile).trials(1).unwrap();
        let found = |name: &str| trials.iter().find(|trial| trial.name() == name).unwrap();
        let external = found("external-metrics/values-and-selectors");
        assert!(external.has_ignored_flag());
        assert!(
            external.kind().ends_with("it has none"),
            "{}",
            external.kind()
        );
        // Nothing would be judged but the product's own adapter.
        let without = Suite::default().profile(&profile).trials(1);
        assert!(matches!(without, Err(SuiteError::NoProgram(_))));
    }
}
