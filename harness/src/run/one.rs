//! One scenario, from its control plane to its verdict.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, Target};
use tokio::sync::Mutex;

use super::mirror;
use super::recorder::{Notes, Recorder};
use super::steps::Stage;
use super::{EnvironmentError, Progress, RunOptions, SetUpError, evidence, not_run};
use crate::expect::{Scene, ready_pod};
use crate::feed::Feed;
use crate::install::{apply, install};
use crate::report::timeline::Source;
use crate::report::{Outcome, SkipReason, StepOutcome, Verdict};
use crate::request::Adapter;
use crate::scenario::Scenario;

/// How long the installed pods may take to be ready.
const PODS_READY: Duration = Duration::from_secs(30);

pub(super) async fn run(
    scenario: &Scenario,
    options: &RunOptions,
    progress: Arc<dyn Progress>,
) -> Result<Outcome, EnvironmentError> {
    let name = scenario.name();
    if let Some((need, why)) = options.profile.lacks_one_of(&scenario.document.needs) {
        let reason = SkipReason::NotImplemented {
            adapter: options.profile.name.clone(),
            need: need.to_string(),
            why: why.to_owned(),
        };
        let outcome = not_run(scenario, Verdict::Skipped { reason });
        progress.ended(&outcome);
        return Ok(outcome);
    }
    let mut outcome = not_run(
        scenario,
        Verdict::Failed {
            cause: "interrupted".to_owned(),
        },
    );
    if options.interrupted.is_cancelled() {
        progress.ended(&outcome);
        return Ok(outcome);
    }
    let (started, began) = (Instant::now(), SystemTime::now());
    progress.at(&name, "starting a control plane");
    let local = start_cluster(scenario, options, &name).await?;
    let cluster: Arc<dyn Cluster> = local.clone();
    outcome.cluster = Some(cluster.facts().clone());
    let names = scenario.document.install.names();
    let recorder = Recorder::start(began, &cluster.client(), names);

    let mut feed = None;
    let judged = judge(
        scenario,
        options,
        &progress,
        &cluster,
        recorder.notes(),
        &mut feed,
        &mut outcome.steps,
    );
    outcome.verdict = options
        .interrupted
        .run_until_cancelled(judged)
        .await
        .unwrap_or(outcome.verdict);
    outcome.replicas = recorder.replicas();
    if matches!(outcome.verdict, Verdict::Failed { .. }) {
        progress.at(&name, "collecting evidence");
        outcome.timeline = evidence::timeline(&*cluster, feed.as_deref(), names, &recorder).await;
        outcome.evidence =
            evidence::collect(&*cluster, feed.as_deref(), scenario.document.install).await;
    }
    progress.at(&name, "removing the control plane");
    drop((feed, cluster, recorder));
    remove(local).await;
    outcome.seconds = started.elapsed().as_secs_f64();
    progress.ended(&outcome);
    Ok(outcome)
}

async fn start_cluster(
    scenario: &Scenario,
    options: &RunOptions,
    name: &str,
) -> Result<Arc<LocalCluster>, EnvironmentError> {
    let mut local = LocalOptions::new(options.binaries.clone(), options.programs.images()?);
    local.plane_binary = options.programs.plane.clone();
    let chosen = &scenario.document.cluster;
    if let Some(period) = chosen.hpa_sync_period {
        local.plane.hpa_sync_period = period.duration(local.plane.hpa_sync_period);
    }
    if let Some(stabilization) = chosen.downscale_stabilization {
        local.plane.hpa_downscale_stabilization =
            stabilization.duration(local.plane.hpa_sync_period);
    }
    let failed = |source| EnvironmentError::Plane {
        scenario: name.to_owned(),
        source: Box::new(source),
    };
    Ok(Arc::new(LocalCluster::start(local).await.map_err(failed)?))
}

/// Everything between the cluster's start and its end.
async fn judge(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &Arc<dyn Progress>,
    cluster: &Arc<dyn Cluster>,
    notes: &Notes,
    feed: &mut Option<Arc<Feed>>,
    steps: &mut Vec<StepOutcome>,
) -> Verdict {
    let name = scenario.name();
    let began = Instant::now();
    notes.note(
        Source::Scenario,
        "set up: install adapter, Prometheus and manifests".to_owned(),
    );
    let set_up = set_up(scenario, options, progress, cluster).await;
    steps.push(StepOutcome {
        step: "set up".to_owned(),
        seconds: began.elapsed().as_secs_f64(),
    });
    let feed = match set_up {
        Ok(started) => feed.insert(started).clone(),
        Err(error) => {
            return Verdict::Failed {
                cause: crate::words(&error),
            };
        }
    };
    let names = scenario.document.install.names();
    let adapter = Arc::new(Adapter::new(
        cluster.clone(),
        names.namespace,
        names.service,
    ));
    let scene = Scene {
        cluster: cluster.clone(),
        adapter,
    };
    let stage = Stage {
        scene,
        feed: feed.clone(),
        folder: scenario.path.parent().unwrap_or(&scenario.path).to_owned(),
        names,
        kit: Mutex::default(),
        tokens: Mutex::default(),
    };
    let play = async {
        let count = scenario.document.steps.len();
        for (index, step) in scenario.document.steps.iter().enumerate() {
            let words = super::words::words(step);
            progress.at(&name, &format!("step {} of {count}: {words}", index + 1));
            notes.note(
                Source::Scenario,
                format!("step {} of {count}: {words}", index + 1),
            );
            let began = Instant::now();
            let done = stage.play(step).await;
            steps.push(StepOutcome {
                step: words.clone(),
                seconds: began.elapsed().as_secs_f64(),
            });
            if let Err(problem) = done {
                notes.note(Source::Scenario, format!("failed: {problem}"));
                return Verdict::Failed {
                    cause: format!("step {} of {count} ({words}): {problem}", index + 1),
                };
            }
        }
        Verdict::Passed
    };
    let follow = feed.follow_pods(cluster.client());
    let write = async {
        match options.profile.write_metrics {
            Some(port) => mirror::write_metrics(cluster.clone(), names, port).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        verdict = play => verdict,
        () = write => Verdict::Failed { cause: "nobody writes metrics any more".to_owned() },
        () = follow => Verdict::Failed { cause: "the watch on pods ended".to_owned() },
    }
}

async fn set_up(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &Arc<dyn Progress>,
    cluster: &Arc<dyn Cluster>,
) -> Result<Arc<Feed>, SetUpError> {
    let (name, document) = (scenario.name(), &scenario.document);
    let client = cluster.client();
    progress.at(&name, "installing");
    install(
        &client,
        &options.programs,
        &options.profile,
        document.install,
        document.rules.as_deref(),
    )
    .await?;
    let namespace = document.install.names().namespace;
    progress.at(&name, "waiting for the fake Prometheus");
    let pod = ready_pod(&client, namespace, "prometheus", PODS_READY).await?;
    let target = Target::Pod {
        namespace: namespace.to_owned(),
        name: pod,
    };
    let feed = Feed::start(
        cluster.clone(),
        target,
        document.speed,
        &document.metrics,
        &document.series,
    )
    .await?;
    progress.at(&name, "waiting for the adapter");
    ready_pod(&client, namespace, "adapter", PODS_READY).await?;
    apply(&client, &document.manifests).await?;
    Ok(feed)
}

/// Ends the cluster and waits for that. Whoever else still holds it ends it by letting it go.
async fn remove(cluster: Arc<LocalCluster>) {
    let Some(cluster) = Arc::into_inner(cluster) else {
        return;
    };
    if let Err(error) = Box::new(cluster).stop().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "remove the control plane; `setpoint reap` tries again"
        );
    }
}
