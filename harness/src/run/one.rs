//! One scenario, from its control plane to its verdict.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::Value;
use setpoint_cluster::Cluster;
use setpoint_cluster::UNSUPPORTED_FIELD;
use tokio::sync::{Mutex, Semaphore};

use super::mirror;
use super::recorder::{Recorder, follow_targets};
use super::steps::Stage;
use super::traffic::Traffic;
use super::{Progress, RunOptions, SetUpError, evidence, not_run, skipped};
use crate::expect::{Scene, ready_pod};
use crate::feed::{self, Feed};
use crate::install::{apply, install};
use crate::notes::{Notes, Source};
use crate::prometheus::Prometheus;
use crate::report::{Outcome, StepOutcome, Verdict};
use crate::request::{Adapter, Limit};
use crate::scenario::Scenario;

/// How long the installed pods may take to be ready.
const PODS_READY: Duration = Duration::from_secs(30);
/// How long the API server may take to accept all objects of an installation; it takes a second.
const APPLIED: Duration = Duration::from_secs(60);

pub(super) async fn run(
    scenario: &Scenario,
    options: &RunOptions,
    progress: Arc<dyn Progress>,
    turns: &Semaphore,
) -> Outcome {
    let outcome = match skipped(scenario, options) {
        Some(reason) => not_run(scenario, Verdict::Skipped { reason }),
        None => Box::pin(judged(scenario, options, &progress, turns)).await,
    };
    progress.ended(&outcome);
    outcome
}

async fn judged(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &Arc<dyn Progress>,
    turns: &Semaphore,
) -> Outcome {
    let name = scenario.name();
    let interrupted = Verdict::Failed {
        cause: "interrupted".to_owned(),
    };
    let mut outcome = not_run(scenario, interrupted);
    if options.interrupted.is_cancelled() {
        return outcome;
    }
    let started = Instant::now();
    let ground = match Box::pin(options.backend.take(scenario, options, progress)).await {
        Ok(ground) => ground,
        Err(error) => {
            if !options.interrupted.is_cancelled() {
                outcome.verdict = Verdict::NotSetUp {
                    cause: crate::words(&error),
                };
            }
            outcome.seconds = started.elapsed().as_secs_f64();
            return outcome;
        }
    };
    progress.at(&name, "waiting for its turn");
    let ready_at = Instant::now();
    let turn = options.interrupted.run_until_cancelled(turns.acquire());
    let Some(turn) = turn.await else {
        ground.leave(scenario, true).await;
        return outcome;
    };
    // Nobody's time is what it waits for others.
    let waited = ready_at.elapsed();
    let began = SystemTime::now();
    let cluster = ground.cluster();
    outcome.cluster = Some(cluster.facts().clone());
    let names = scenario.document.install.names();
    let recorder = Recorder::start(began, &cluster.client(), names);

    let prometheus = scenario.document.install.has_real_prometheus();
    let prometheus =
        prometheus.then(|| Arc::new(Prometheus::new(cluster.clone(), names.namespace)));

    let mut feed = None;
    // On the heap, as everything large here: a test's thread has a small stack.
    let judged = Box::pin(judge(
        scenario,
        options,
        progress,
        Around {
            cluster: &cluster,
            prometheus: prometheus.clone(),
            notes: recorder.notes(),
        },
        &mut feed,
        &mut outcome.steps,
    ));
    let client = cluster.client();
    let judged = async {
        tokio::select! {
            verdict = judged => verdict,
            cause = refused_pod(client) => Verdict::NotSetUp { cause },
        }
    };
    outcome.verdict = options
        .interrupted
        .run_until_cancelled(judged)
        .await
        .unwrap_or(outcome.verdict);
    outcome.replicas = recorder.replicas();
    if matches!(
        outcome.verdict,
        Verdict::Failed { .. } | Verdict::NotSetUp { .. }
    ) {
        progress.at(&name, "collecting evidence");
        let seen = evidence::Seen {
            cluster: &*cluster,
            feed: feed.as_deref(),
            prometheus: prometheus.as_deref(),
            names,
        };
        outcome.timeline = Box::pin(evidence::timeline(&seen, &recorder)).await;
        outcome.evidence = Box::pin(evidence::collect(&seen)).await;
    }
    progress.at(&name, "leaving the cluster");
    drop((feed, prometheus, cluster, recorder, turn));
    let interrupted = options.interrupted.is_cancelled();
    let has_failed = matches!(outcome.verdict, Verdict::Failed { .. });
    outcome.kept = if options.keep && has_failed && !interrupted {
        ground.keep().await
    } else {
        ground.leave(scenario, interrupted).await;
        None
    };
    outcome.seconds = (started.elapsed() - waited).as_secs_f64();
    outcome
}

/// What a scenario is judged in.
struct Around<'a> {
    cluster: &'a Arc<dyn Cluster>,
    /// The real Prometheus, where there is one.
    prometheus: Option<Arc<Prometheus>>,
    notes: &'a Notes,
}

/// Everything between the cluster's start and its end.
async fn judge(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &Arc<dyn Progress>,
    around: Around<'_>,
    feed: &mut Option<Arc<Feed>>,
    steps: &mut Vec<StepOutcome>,
) -> Verdict {
    let name = scenario.name();
    let Around {
        cluster,
        prometheus,
        notes,
    } = around;
    let began = Instant::now();
    notes.note(
        Source::Scenario,
        "set up: install adapter, Prometheus and manifests".to_owned(),
    );
    let set_up = Box::pin(set_up(scenario, options, progress, cluster)).await;
    steps.push(StepOutcome {
        step: "set up".to_owned(),
        seconds: began.elapsed().as_secs_f64(),
        said: None,
    });
    let (feed, installed) = match set_up {
        Ok((started, installed)) => {
            feed.clone_from(&started);
            (started, installed)
        }
        Err(error @ SetUpError::Adapter(_)) => {
            return Verdict::Failed {
                cause: crate::words(&error),
            };
        }
        Err(error) => {
            return Verdict::NotSetUp {
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
        prometheus: prometheus.clone(),
    };
    let traffic = Arc::new(Traffic::new(cluster.clone(), notes.clone()));
    let stage = Stage {
        scene,
        feed: feed.clone(),
        traffic: traffic.clone(),
        notes: notes.clone(),
        folder: scenario.path.parent().unwrap_or(&scenario.path).to_owned(),
        names,
        installed,
        kit: Mutex::default(),
        tokens: Mutex::default(),
    };
    let play = Box::pin(async {
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
            let said = done.as_ref().ok().cloned().flatten();
            if let Some(said) = &said {
                notes.note(Source::Scenario, said.clone());
            }
            steps.push(StepOutcome {
                step: words.clone(),
                seconds: began.elapsed().as_secs_f64(),
                said,
            });
            if let Err(problem) = done {
                notes.note(Source::Scenario, format!("failed: {problem}"));
                return Verdict::Failed {
                    cause: format!("step {} of {count} ({words}): {problem}", index + 1),
                };
            }
        }
        Verdict::Passed
    });
    let client = cluster.client();
    let write = Box::pin(async {
        match options.profile.write_metrics {
            Some(port) => mirror::write_metrics(cluster.clone(), names, port).await,
            None => std::future::pending().await,
        }
    });
    tokio::select! {
        verdict = play => verdict,
        () = write => Verdict::Failed { cause: "nobody writes metrics any more".to_owned() },
        () = where_there_is_one(feed, async |feed| feed.follow_pods(client.clone()).await) => {
            Verdict::Failed { cause: "the watch on pods ended".to_owned() }
        }
        () = where_there_is_one(prometheus, async |prometheus| follow_targets(notes, prometheus).await) => {
            Verdict::Failed { cause: "nobody looks at Prometheus' targets any more".to_owned() }
        }
        () = traffic.follow(client.clone()) => {
            Verdict::Failed { cause: "nobody shares traffic any more".to_owned() }
        }
    }
}

/// Does something with a part of the installation that may not be there; else waits for ever.
async fn where_there_is_one<T>(part: Option<Arc<T>>, does: impl AsyncFn(&T)) {
    match part {
        Some(part) => does(&part).await,
        None => std::future::pending().await,
    }
}

async fn set_up(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &Arc<dyn Progress>,
    cluster: &Arc<dyn Cluster>,
) -> Result<(Option<Arc<Feed>>, Vec<Value>), SetUpError> {
    let (name, document) = (scenario.name(), &scenario.document);
    let client = cluster.client();
    progress.at(&name, "installing");
    let installing = install(
        &client,
        &options.programs,
        &options.profile,
        document.install,
        document.rules.as_deref(),
    );
    let installing = Limit::of(APPLIED).bound("apply its objects", installing);
    let mut installed = installing.await.map_err(SetUpError::Install)?;
    let namespace = document.install.names().namespace;
    progress.at(&name, "waiting for Prometheus");
    let pod = ready_pod(&client, namespace, feed::CONTAINER, PODS_READY).await;
    let pod = pod.map_err(SetUpError::Prometheus)?;
    let feed = if document.install.has_real_prometheus() {
        None
    } else {
        let cluster = cluster.clone();
        let (metrics, series) = (&document.metrics, &document.series);
        Some(Feed::start(cluster, &pod, document.speed, metrics, series).await?)
    };
    progress.at(&name, "waiting for the adapter");
    let ready = ready_pod(&client, namespace, "adapter", PODS_READY).await;
    ready.map_err(SetUpError::Adapter)?;
    let applying = apply(&client, &document.manifests);
    let applied = Limit::of(APPLIED).bound("apply them", applying).await;
    applied.map_err(SetUpError::Apply)?;
    installed.extend(document.manifests.iter().cloned());
    Ok((feed, installed))
}

/// Waits for a pod that the process kubelet can't run as its manifest says; that is nobody's verdict.
async fn refused_pod(client: kube::Client) -> String {
    let pods = watcher(Api::<Pod>::all(client), watcher::Config::default());
    let mut pods = std::pin::pin!(pods.default_backoff().applied_objects());
    loop {
        let Some(Ok(pod)) = pods.next().await else {
            continue;
        };
        let status = pod.status.as_ref();
        if status.and_then(|status| status.reason.as_deref()) == Some(UNSUPPORTED_FIELD) {
            let message = status.and_then(|status| status.message.as_deref());
            return format!(
                "pod {}/{} can't be run here: {}",
                pod.namespace().unwrap_or_default(),
                pod.name_any(),
                message.unwrap_or_default()
            );
        }
    }
}
