//! Runs scenarios: each on a control plane of its own, the next one starting while one runs. Whose turn it is is said by
//! permits: a plane that is ready before waits for one.

mod ask;
mod backend;
mod certificates;
pub mod clean;
mod evidence;
mod mirror;
mod objects;
mod one;
mod recorder;
mod steps;
mod traffic;
mod words;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::expect::Missed;
use crate::profile::Profile;
use crate::programs::{NoPrometheus, Programs};
use crate::report::{Judged, Outcome, Report, SkipReason, Verdict};
use crate::request::RequestError;
use crate::scenario::Scenario;

pub use backend::{Backend, ClusterKind};

/// How scenarios are run.
#[derive(Clone)]
pub struct RunOptions {
    /// Where the scenarios find their clusters.
    pub backend: Backend,
    /// The adapter and the harness' own programs.
    pub programs: Programs,
    /// What is known of the adapter.
    pub profile: Profile,
    /// How many planes stand side by side.
    pub jobs: usize,
    /// Ends the run early: evidence is collected, everything removed.
    pub interrupted: CancellationToken,
    /// Leaves the kind cluster of each scenario that fails as it is, for whoever wants to look into it.
    pub keep: bool,
}

/// Hears what happens, as it happens.
pub trait Progress: Send + Sync {
    /// A scenario is at something new.
    fn at(&self, scenario: &str, doing: &str);
    /// A scenario has ended.
    fn ended(&self, outcome: &Outcome);
}

/// There is no cluster for a scenario; nothing can be said of it.
#[derive(Debug, thiserror::Error)]
#[error("start a cluster for `{scenario}`")]
pub struct EnvironmentError {
    scenario: String,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl EnvironmentError {
    fn new(scenario: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            scenario: scenario.to_owned(),
            source: source.into(),
        }
    }
}

/// Why a scenario could not be brought to its first step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
enum SetUpError {
    #[error("install the adapter")]
    Install(#[source] RequestError),
    #[error("apply the scenario's manifests")]
    Apply(#[source] RequestError),
    #[error("wait for the adapter")]
    Adapter(#[source] Missed),
    #[error("wait for the fake Prometheus")]
    Prometheus(#[source] Missed),
    #[error("give the fake Prometheus its script")]
    Feed(#[from] setpoint_replay::client::ControlError),
}

/// Runs scenarios and reports. A scenario whose cluster can't be set up hurts no other.
pub async fn run(
    scenarios: Vec<Scenario>,
    options: RunOptions,
    progress: Arc<dyn Progress>,
) -> Report {
    let started = Instant::now();
    let jobs = options.jobs.max(1);
    let turns = Arc::new(Semaphore::new(jobs));
    let ahead = options.backend.starts_ahead();
    let mut outcomes: Vec<(usize, Outcome)> =
        futures::stream::iter(scenarios.into_iter().enumerate())
            .map(|(index, scenario)| {
                let (options, progress, turns) = (options.clone(), progress.clone(), turns.clone());
                Box::pin(async move {
                    let outcome = one::run(&scenario, &options, progress, &turns).await;
                    (index, outcome)
                })
            })
            .buffer_unordered(jobs + ahead)
            .collect()
            .await;
    options.backend.end().await;
    outcomes.sort_by_key(|(index, _)| *index);
    Report::new(
        Judged::new(&options.programs, &options.profile),
        started.elapsed(),
        outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
    )
}

/// Why a scenario isn't run, if so.
fn skipped(scenario: &Scenario, options: &RunOptions) -> Option<SkipReason> {
    let document = &scenario.document;
    if let Some((need, why)) = options.profile.lacks_one_of(&document.needs) {
        return Some(SkipReason::NotImplemented {
            adapter: options.profile.name.clone(),
            need: need.to_string(),
            why: why.to_owned(),
        });
    }
    if let Some(reason) = options.backend.kind_of_cluster().lacks(&document.needs) {
        return Some(reason);
    }
    lacks_prometheus(scenario, &options.programs.prometheus)
}

/// Why a scenario in which a real Prometheus scrapes isn't run, if so.
pub(crate) fn lacks_prometheus(
    scenario: &Scenario,
    prometheus: &Result<PathBuf, NoPrometheus>,
) -> Option<SkipReason> {
    let error = prometheus.as_ref().err()?;
    let is_needed = scenario.document.install.has_real_prometheus();
    is_needed.then(|| SkipReason::NoPrometheus {
        why: error.to_string(),
    })
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
        kept: None,
    }
}
