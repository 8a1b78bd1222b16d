//! Runs scenarios: each on a control plane of its own, the next one starting while one runs.

mod ask;
mod certificates;
mod evidence;
mod mirror;
mod one;
mod recorder;
mod steps;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use setpoint_cluster::local::LocalError;
use setpoint_cluster::provision::Binaries;
use tokio_util::sync::CancellationToken;

use crate::expect::Missed;
use crate::install::InstallError;
use crate::judged::{ProgramError, Programs};
use crate::profile::Profile;
use crate::report::{Judged, Outcome, Report, Verdict};
use crate::scenario::Scenario;

/// How scenarios are run.
#[derive(Clone)]
pub struct RunOptions {
    /// The control plane's programs.
    pub binaries: Binaries,
    /// The adapter and the harness' own programs.
    pub programs: Programs,
    /// What is known of the adapter.
    pub profile: Profile,
    /// How many planes stand side by side.
    pub jobs: usize,
    /// Ends the run early: evidence is collected, everything removed.
    pub interrupted: CancellationToken,
}

/// Hears what happens, as it happens.
pub trait Progress: Send + Sync {
    /// A scenario is at something new.
    fn at(&self, scenario: &str, doing: &str);
    /// A scenario has ended.
    fn ended(&self, outcome: &Outcome);
}

/// The environment failed; nothing can be said of the scenario.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// No control plane.
    #[error("start a control plane for `{scenario}`")]
    Plane {
        /// The scenario.
        scenario: String,
        /// What failed.
        #[source]
        source: Box<LocalError>,
    },
    /// A program is missing.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// Why a scenario could not be brought to its first step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum SetUpError {
    #[error("install the adapter")]
    Install(#[from] InstallError),
    #[error("apply the scenario's manifests")]
    Apply(#[from] crate::install::ApplyError),
    #[error(transparent)]
    Missed(#[from] Missed),
    #[error("give the fake Prometheus its script")]
    Feed(#[from] setpoint_replay::client::ControlError),
}

/// Runs scenarios and reports.
///
/// # Errors
/// When an environment can't be set up; what has run by then is lost with it.
pub async fn run(
    scenarios: Vec<Scenario>,
    options: RunOptions,
    progress: Arc<dyn Progress>,
) -> Result<Report, EnvironmentError> {
    let started = Instant::now();
    let jobs = options.jobs.max(1);
    let total = scenarios.len();
    let mut outcomes = Vec::new();
    let mut running = futures::stream::iter(scenarios.into_iter().enumerate())
        .map(|(index, scenario)| {
            let (options, progress) = (options.clone(), progress.clone());
            async move { (index, one::run(&scenario, &options, progress).await) }
        })
        .buffer_unordered(jobs);
    let mut failed = None;
    while let Some((index, outcome)) = running.next().await {
        match outcome {
            Ok(outcome) => outcomes.push((index, outcome)),
            Err(error) => {
                // The others end as if interrupted, so that nothing is left behind.
                options.interrupted.cancel();
                failed.get_or_insert(error);
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    outcomes.sort_by_key(|(index, _)| *index);
    let outcomes: Vec<Outcome> = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    debug_assert_eq!(outcomes.len(), total);
    Ok(Report::new(
        Judged::new(&options.programs, &options.profile),
        started.elapsed(),
        outcomes,
    ))
}

/// An outcome without anything run.
fn not_run(scenario: &Scenario, verdict: Verdict) -> Outcome {
    Outcome {
        name: scenario.name(),
        sentence: scenario.document.scenario.clone(),
        proves: scenario.document.proves.clone(),
        path: scenario.path.clone(),
        verdict,
        seconds: Duration::ZERO.as_secs_f64(),
        steps: Vec::new(),
        replicas: Vec::new(),
        cluster: None,
        timeline: Vec::new(),
        evidence: Vec::new(),
    }
}
