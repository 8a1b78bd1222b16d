//! What a scenario is played in, and what can be done there.

use std::sync::Arc;
use std::time::SystemTime;

use setpoint_cluster::Cluster;
use tokio::sync::Mutex;

use super::machine::{Activity, Event};
use super::recorder::{Recorder, follow_targets};
use super::set_up::{Installation, set_up, set_up_beside};
use super::tasks::BackgroundTasks;
use super::{Progress, RunOptions, evidence, health, not_run, proven, write_metrics};
use crate::expect::ExpectContext;
use crate::feed::Feed;
use crate::install::Names;
use crate::notes::Source;
use crate::outcome::{Context, HarnessProblem, Unmet};
use crate::prometheus::Prometheus;
use crate::report::timeline::merged;
use crate::report::{Outcome, StepOutcome, Verdict};
use crate::request::Adapter;
use crate::scenario::Scenario;
use crate::steps::{Remark, StepContext};
use crate::traffic::Traffic;
use crate::wait::{AdapterEnds, pods_in};

/// A scenario that has a cluster.
pub(super) struct RunContext<'a> {
    scenario: &'a Scenario,
    options: &'a RunOptions,
    progress: &'a Arc<dyn Progress>,
    cluster: Arc<dyn Cluster>,
    recorder: Recorder,
    /// Where the installation's objects are.
    names: Names,
    /// The real Prometheus, where there is one.
    prometheus: Option<Arc<Prometheus>>,
    /// The fake Prometheus, where there is one, once it has its script.
    feed: Option<Arc<Feed>>,
    /// What steps act on, once everything is installed.
    steps: Option<StepContext>,
    /// The step that didn't go as the scenario says.
    unmet_step: Option<usize>,
    /// How often the adapter had ended before the first step, where no step does something to it.
    adapter_ends: Option<AdapterEnds>,
    outcome: Outcome,
}

impl<'a> RunContext<'a> {
    /// The scenario's time begins now.
    pub(super) fn new(
        scenario: &'a Scenario,
        options: &'a RunOptions,
        progress: &'a Arc<dyn Progress>,
        cluster: Arc<dyn Cluster>,
    ) -> Self {
        let install = scenario.document.install;
        let names = install.names().on(&*cluster);
        let mut outcome = not_run(scenario, Verdict::interrupted());
        outcome.cluster = Some(cluster.facts().clone());
        let prometheus = install.has_real_prometheus().then(|| {
            let timeouts = &options.timeouts;
            Arc::new(Prometheus::new(cluster.clone(), &names.namespace, timeouts))
        });
        Self {
            scenario,
            options,
            progress,
            recorder: Recorder::start(SystemTime::now(), &*cluster, &names, install.is_ours()),
            names,
            cluster,
            prometheus,
            feed: None,
            steps: None,
            unmet_step: None,
            adapter_ends: None,
            outcome,
        }
    }

    /// Does one thing.
    pub(super) async fn perform(&mut self, activity: Activity) -> Event {
        match activity {
            Activity::SetUp => Event::SetUp(self.set_up().await),
            Activity::Play(step) => Event::Played(self.play(step).await),
            Activity::Check => Event::Checked(self.check().await),
            Activity::Collect => {
                self.collect().await;
                Event::Collected
            }
        }
    }

    /// What an activity does, for reports.
    pub(super) fn describe(&self, activity: Activity) -> String {
        let steps = &self.scenario.document.steps;
        match activity {
            Activity::SetUp => "set up".to_owned(),
            Activity::Play(index) => {
                let step = steps
                    .get(index)
                    .map(|step| step.describe())
                    .unwrap_or_default();
                format!("step {} of {} ({step})", index + 1, steps.len())
            }
            Activity::Check => "after the last step that was played".to_owned(),
            Activity::Collect => "collecting evidence".to_owned(),
        }
    }

    /// Starts what goes on beside an activity, or ends it all.
    pub(super) async fn change_tasks(&self, activity: Activity, tasks: &mut BackgroundTasks) {
        let client = || self.cluster.client();
        match activity {
            Activity::SetUp => {
                let pods = health::pod_not_supported(client(), self.cluster.watched());
                tasks.spawn_until_problem("the watch on pods that can't be run", pods);
                let api_server = health::api_server_gone(client(), self.options.timeouts);
                tasks.spawn_until_problem("the check of the API server", api_server);
            }
            Activity::Play(0) => self.start_tasks(tasks),
            Activity::Play(_) | Activity::Check => {}
            Activity::Collect => tasks.end().await,
        }
    }

    /// Starts what feeds the installation and looks at it.
    fn start_tasks(&self, tasks: &mut BackgroundTasks) {
        let client = self.cluster.client();
        if let Some(port) = self.options.profile.write_metrics {
            let writing = write_metrics::write_metrics(
                self.cluster.clone(),
                self.names.clone(),
                port,
                self.options.timeouts,
            );
            tasks.spawn("writing metrics to the adapter", writing);
        }
        if let Some(feed) = self.feed.clone() {
            let (client, watched) = (client.clone(), self.cluster.watched());
            let following = async move { feed.follow_pods(client, watched).await };
            tasks.spawn("the watch on pods that have metrics", following);
        }
        if let Some(prometheus) = self.prometheus.clone() {
            let notes = self.recorder.notes().clone();
            let following = async move { follow_targets(&notes, &prometheus).await };
            tasks.spawn("the watch on Prometheus' targets", following);
        }
        if let Some(traffic) = self.steps.as_ref().map(|steps| steps.traffic.clone()) {
            let following = async move { traffic.follow(client).await };
            tasks.spawn("sharing traffic among pods", following);
        }
    }

    async fn set_up(&mut self) -> Result<(), Unmet> {
        let began = SystemTime::now();
        self.note(match &self.options.installed {
            Some(_) => "set up: apply manifests beside the adapter that is there".to_owned(),
            None => "set up: install adapter, Prometheus and manifests".to_owned(),
        });
        let name = self.scenario.name();
        let at = |doing: &str| self.progress.at(&name, doing);
        let (cluster, timeouts) = (self.cluster.clone(), self.options.timeouts);
        let notes = self.recorder.notes().clone();
        let traffic = Arc::new(Traffic::new(cluster.clone(), notes.clone(), timeouts));
        let set_up = match &self.options.installed {
            Some(installed) => {
                set_up_beside(installed, self.scenario, timeouts, &cluster, &traffic, at).await
            }
            None => set_up(self.scenario, self.options, &cluster, at).await,
        };
        self.push_step("set up".to_owned(), began, None, None);
        let Installation {
            feed,
            installed,
            application,
            adapter_image,
        } = set_up?;
        if self.leaves_adapter_alone() {
            let (client, namespace) = (self.cluster.client(), &self.names.namespace);
            let pods = pods_in(&client, namespace, &timeouts).await?;
            self.adapter_ends = Some(AdapterEnds::of(&pods));
        }
        self.outcome.applied.clone_from(&installed);
        self.outcome.adapter_image = adapter_image;
        self.feed.clone_from(&feed);
        let names = self.names.clone();
        let adapter = Adapter::new(cluster.clone(), &names.namespace, names.service, timeouts);
        self.steps = Some(StepContext {
            traffic,
            expect: ExpectContext {
                cluster,
                adapter: Arc::new(adapter),
                feed: feed.clone(),
                prometheus: self.prometheus.clone(),
                application,
                timeouts,
            },
            feed,
            notes,
            folder: self
                .scenario
                .path
                .parent()
                .unwrap_or(&self.scenario.path)
                .to_owned(),
            names,
            installed,
            authorities: Mutex::default(),
            tokens: Mutex::default(),
        });
        Ok(())
    }

    /// Whether the scenario has installed the adapter that is judged, and does nothing to it.
    fn leaves_adapter_alone(&self) -> bool {
        let namespace = &self.names.namespace;
        let steps = &self.scenario.document.steps;
        let disturbs = steps.iter().any(|step| step.disturbs_adapter(namespace));
        let is_judged =
            self.scenario.document.adapter.is_none() && self.options.installed.is_none();
        is_judged && !disturbs
    }

    async fn play(&mut self, index: usize) -> Result<(), Unmet> {
        let steps = &self.scenario.document.steps;
        let (Some(context), Some(step)) = (&self.steps, steps.get(index)) else {
            let what = format!("step {}", index + 1);
            return Err(HarnessProblem::NotInstalled { what }.into());
        };
        let description = step.describe();
        let begins = format!("step {} of {}: {description}", index + 1, steps.len());
        self.progress.at(&self.scenario.name(), &begins);
        self.note(begins);
        let began = SystemTime::now();
        let played = step.play(context).await;
        let (said, note) = match &played {
            Ok(said) => (said.clone(), said.clone().map(|said| said.text)),
            Err(unmet) => (None, Some(format!("failed: {unmet}"))),
        };
        if let Some(note) = note {
            self.note(note);
        }
        self.push_step(description, began, step.breaks(), said);
        if played.is_err() {
            self.unmet_step = Some(index);
        }
        let step = self.describe(Activity::Play(index));
        played
            .map(drop)
            .map_err(|unmet| unmet.during(Context::Step { step }))
    }

    /// Whether those that aren't judged still do their part, and the adapter hasn't ended.
    async fn check(&self) -> Result<(), Unmet> {
        let (client, timeouts) = (self.cluster.client(), &self.options.timeouts);
        let namespace = &self.names.namespace;
        health::api_server(&client, timeouts).await?;
        if self.feed.is_none() && self.adapter_ends.is_none() {
            return Ok(());
        }
        let pods = pods_in(&client, namespace, timeouts).await?;
        if let Some(feed) = &self.feed {
            health::fake_prometheus(&pods, feed, timeouts).await?;
        }
        match &self.adapter_ends {
            Some(before) => before.none_since(&pods),
            None => Ok(()),
        }
    }

    async fn collect(&mut self) {
        self.progress
            .at(&self.scenario.name(), "collecting evidence");
        let seen = evidence::Seen {
            cluster: &*self.cluster,
            feed: self.feed.as_deref(),
            prometheus: self.prometheus.as_deref(),
            names: &self.names,
            within: self.options.timeouts.evidence,
        };
        let timeline = Box::pin(evidence::timeline(&seen, &self.recorder));
        let collected = Box::pin(evidence::collect(&seen));
        (self.outcome.timeline, self.outcome.evidence) = tokio::join!(timeline, collected);
    }

    fn note(&self, text: String) {
        self.recorder.notes().note(Source::Scenario, text);
    }

    fn push_step(&mut self, step: String, began: SystemTime, breaks: Option<bool>, said: Remark) {
        let at = self.recorder.notes().since_start(began);
        let now = self.recorder.notes().since_start(SystemTime::now());
        let (said, convergence) = said.map(|said| (said.text, said.convergence)).unzip();
        self.outcome.steps.push(StepOutcome {
            step,
            at,
            seconds: (now - at).max(0.0),
            breaks,
            said,
            convergence: convergence.flatten(),
        });
    }

    /// What there is to report.
    pub(super) fn into_outcome(self, verdict: Verdict) -> Outcome {
        Outcome {
            obligations: proven(&self.scenario.document, self.unmet_step, verdict.word()),
            verdict,
            replicas: self.recorder.replicas(),
            hpas: self.recorder.hpas(),
            history: merged(self.recorder.entries()),
            ..self.outcome
        }
    }
}
