//! Runs scenarios, each on a control plane that it has for itself and leaves clean to the next, the next one starting while one
//! runs. Whose turn it is is said by permits: a plane that is ready before waits for one.

mod backend;
pub mod clean;
mod context;
mod evidence;
mod health;
mod hpas;
mod machine;
mod one;
mod recorder;
mod set_up;
mod tasks;
mod version;
mod write_metrics;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::installed::Installed;
use crate::outcome::HarnessProblem;
use crate::profile::Profile;
use crate::programs::{NoPrometheus, Programs};
use crate::report::{Judged, Outcome, Report, SkipReason, Verdict, Word, verdicts};
use crate::scenario::{Document, Scenario};
use crate::timeouts::Timeouts;

pub(crate) use backend::image_names;
pub use backend::{Backend, ClusterKind};

/// How scenarios are run.
#[derive(Clone)]
#[non_exhaustive]
pub struct RunOptions {
    pub(crate) backend: Backend,
    pub(crate) programs: Programs,
    pub(crate) profile: Profile,
    pub(crate) jobs: usize,
    pub(crate) interrupted: CancellationToken,
    pub(crate) keep: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) arguments: Vec<String>,
    pub(crate) installed: Option<Installed>,
}

impl RunOptions {
    /// One scenario after another, on clusters of this backend: the adapter among these programs, which
    /// the profile describes.
    #[must_use]
    pub fn new(backend: Backend, programs: Programs, profile: Profile) -> Self {
        Self {
            backend,
            programs,
            profile,
            jobs: 1,
            interrupted: CancellationToken::default(),
            keep: false,
            timeouts: Timeouts::default(),
            arguments: Vec::new(),
            installed: None,
        }
    }

    /// Observes the adapter that is there already, and installs none.
    #[must_use]
    pub fn observing(mut self, installed: Option<Installed>) -> Self {
        self.installed = installed;
        self
    }

    /// Plays that many scenarios at once, each on a cluster of its own; at least one.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs.max(1);
        self
    }

    /// Ends the run early when the token is cancelled: evidence is collected, everything is removed, and
    /// what has no verdict yet is inconclusive.
    #[must_use]
    pub fn interrupted_by(mut self, token: CancellationToken) -> Self {
        self.interrupted = token;
        self
    }

    /// The same with the adapter that a scenario brings along, if it does.
    fn of(&self, scenario: &Scenario) -> Result<Self, HarnessProblem> {
        let mut options = self.clone();
        if let Some(own) = scenario.document.adapter {
            options.profile = own.profile().map_err(|source| HarnessProblem::NotMade {
                doing: format!("install the adapter of `{}`", scenario.name()),
                source: source.into(),
            })?;
        }
        Ok(options)
    }

    /// Bounds what is waited for, as a slow machine needs it.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// What else of a command line repeats this run: which cluster it is on.
    #[must_use]
    pub fn repeated_by(mut self, arguments: Vec<String>) -> Self {
        self.arguments = arguments;
        self
    }

    /// Leaves the kind cluster of each scenario that fails as it is, for the user to look into.
    #[must_use]
    pub fn keep_failed(mut self, keep: bool) -> Self {
        self.keep = keep;
        self
    }
}

/// Is told what happens, as it happens.
pub trait Progress: Send + Sync {
    /// A scenario begins with something new.
    fn at(&self, scenario: &str, doing: &str);
    /// A scenario has ended.
    fn ended(&self, outcome: &Outcome);
}

/// Runs scenarios and reports. A scenario whose cluster can't be set up hurts no other.
pub async fn run(
    scenarios: Vec<Scenario>,
    options: RunOptions,
    progress: Arc<dyn Progress>,
) -> Report {
    let backend = options.backend.clone();
    let turns = Semaphore::new(options.jobs);
    let report = run_leaving_clusters(scenarios, options, &turns, progress).await;
    backend.end().await;
    report
}

/// The same, but clusters that scenarios have left clean are for further runs with this backend, and so are the turns.
pub(crate) async fn run_leaving_clusters(
    scenarios: Vec<Scenario>,
    options: RunOptions,
    turns: &Semaphore,
    progress: Arc<dyn Progress>,
) -> Report {
    let started = Instant::now();
    let at_once = options.jobs + options.backend.starts_ahead();
    let run_one = async |(index, scenario): (usize, &Scenario)| {
        (
            index,
            one::run(scenario, &options, progress.clone(), turns).await,
        )
    };
    let mut outcomes: Vec<(usize, Outcome)> = futures::stream::iter(scenarios.iter().enumerate())
        .map(|scenario| Box::pin(run_one(scenario)))
        .buffer_unordered(at_once)
        .collect()
        .await;
    outcomes.sort_by_key(|(index, _)| *index);
    let RunOptions {
        programs, profile, ..
    } = &options;
    let judged = Judged::new(programs, profile, &options.arguments);
    let judged = match options.backend.kind_of_cluster() {
        ClusterKind::Local | ClusterKind::Kind => judged,
        ClusterKind::Existing => judged.by_image(outcomes.iter().map(|(_, outcome)| outcome)),
    };
    Report::new(
        judged,
        options.interrupted.is_cancelled(),
        started.elapsed(),
        outcomes.into_iter().map(|(_, outcome)| outcome).collect(),
    )
}

/// Why a scenario isn't run, if so.
fn skipped(scenario: &Scenario, options: &RunOptions) -> Option<SkipReason> {
    let document = &scenario.document;
    let lacks = not_implemented(scenario, &options.profile);
    let lacks = lacks.or_else(|| options.backend.kind_of_cluster().lacks(document));
    if lacks.is_some() || options.installed.is_some() {
        return lacks;
    }
    lacks_prometheus(scenario, &options.programs.prometheus)
}

/// Why an adapter can't be judged by a scenario, if so.
pub(crate) fn not_implemented(scenario: &Scenario, profile: &Profile) -> Option<SkipReason> {
    // A scenario that brings its adapter along asks nothing of the one that is judged.
    let judges = scenario.document.adapter.is_none();
    let needs = judges.then_some(&scenario.document.needs[..]);
    let lacks = profile.lacks_one_of(needs.unwrap_or_default());
    let lacks = lacks.map(|(need, why)| (need.to_string(), why.to_owned()));
    let misfit = || {
        let misfit = scenario.misfit().filter(|_| profile.is_installed())?;
        Some((misfit.need().to_owned(), misfit.to_string()))
    };
    let (need, why) = lacks.or_else(misfit)?;
    Some(SkipReason::NotImplemented {
        adapter: profile.name.clone(),
        need,
        why,
    })
}

/// Why a scenario in which a real Prometheus scrapes isn't run, if so.
pub(crate) fn lacks_prometheus(
    scenario: &Scenario,
    prometheus: &Result<PathBuf, NoPrometheus>,
) -> Option<SkipReason> {
    let error = prometheus.as_ref().err()?;
    let is_needed = scenario.has_real_prometheus();
    is_needed.then(|| SkipReason::NoPrometheus {
        why: error.to_string(),
    })
}

/// An outcome without anything run.
fn not_run(scenario: &Scenario, verdict: Verdict) -> Outcome {
    Outcome {
        obligations: proven(&scenario.document, None, verdict.word()),
        name: scenario.name(),
        sentence: scenario.document.scenario.clone(),
        proves: scenario.document.proves.clone(),
        brings: scenario.document.adapter.map(|adapter| adapter.to_string()),
        path: scenario.path.clone(),
        verdict,
        known: None,
        seconds: Duration::ZERO.as_secs_f64(),
        steps: Vec::new(),
        replicas: Vec::new(),
        hpas: Vec::new(),
        cluster: None,
        adapter_image: None,
        applied: Vec::new(),
        history: Vec::new(),
        timeline: Vec::new(),
        evidence: Vec::new(),
        kept: None,
        left: None,
        again: String::new(),
    }
}

/// What a scenario that ended with this verdict, in the step of this number, says of each obligation that it proves.
fn proven(document: &Document, step: Option<usize>, word: Word) -> BTreeMap<String, Word> {
    let steps = document.steps.iter().map(|step| step.proves.as_slice());
    verdicts(&document.proves, &steps.collect::<Vec<_>>(), step, word)
}
