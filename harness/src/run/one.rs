//! The run of one scenario: does what [`RunMachine`] says, and tells it how that ended.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use super::backend::{ClusterLease, NotTaken};
use super::context::RunContext;
use super::machine::{Activity, Event, Leaving, Next, RunMachine};
use super::tasks::BackgroundTasks;
use super::{Progress, RunOptions, not_run, skipped, version};
use crate::outcome::{Context, Unmet};
use crate::report::{Outcome, Verdict};
use crate::scenario::Scenario;

/// Runs a scenario, unless there is a reason to skip it.
pub(super) async fn run(
    scenario: &Scenario,
    options: &RunOptions,
    progress: Arc<dyn Progress>,
    turns: &Semaphore,
) -> Outcome {
    let outcome = match skipped(scenario, options) {
        Some(reason) => not_run(scenario, Verdict::Skipped { reason }),
        None if options.interrupted.is_cancelled() => not_run(scenario, Verdict::interrupted()),
        None => with_cluster(scenario, options, &progress, turns).await,
    };
    progress.ended(&outcome);
    outcome
}

/// Runs a scenario on a cluster, once it is its turn.
async fn with_cluster(
    scenario: &Scenario,
    options: &RunOptions,
    progress: &Arc<dyn Progress>,
    turns: &Semaphore,
) -> Outcome {
    let (name, interrupted) = (scenario.name(), &options.interrupted);
    let started = Instant::now();
    // On the heap, as everything large here: a test's thread has a small stack.
    let lease = match Box::pin(options.backend.take(scenario, options, progress)).await {
        Ok(lease) => lease,
        Err(NotTaken { left, problem }) => {
            let verdict = if interrupted.is_cancelled() {
                Verdict::interrupted()
            } else {
                Verdict::from(&Unmet::from(problem))
            };
            let mut outcome = not_run(scenario, verdict);
            outcome.left = left;
            return outcome;
        }
    };
    let lacks = version::lacks(
        &scenario.document,
        &lease.cluster().facts().kubernetes_version,
    );
    if let Some(reason) = lacks {
        return unused(lease, scenario, Verdict::Skipped { reason }, options).await;
    }
    progress.at(&name, "waiting for its turn");
    let ready = Instant::now();
    let Some(turn) = interrupted.run_until_cancelled(turns.acquire()).await else {
        return unused(lease, scenario, Verdict::interrupted(), options).await;
    };
    // What it waits for others is not its own time.
    let waited = ready.elapsed();
    let cluster = lease.cluster();
    let placed = cluster
        .placement()
        .map(|placement| scenario.placed(placement));
    let prepared = placed
        .transpose()
        .and_then(|placed| Ok((placed, options.of(scenario)?)));
    let (mut outcome, leaving) = match prepared {
        Ok((placed, options)) => {
            let scenario = placed.as_ref().unwrap_or(scenario);
            let context = RunContext::new(scenario, &options, progress, cluster.clone());
            Box::pin(played(context, scenario, &options)).await
        }
        Err(problem) => {
            let verdict = Verdict::from(&Unmet::from(problem));
            (not_run(scenario, verdict), Leaving::Remove)
        }
    };
    drop(cluster);
    progress.at(&name, "leaving the cluster");
    drop(turn);
    match leaving {
        Leaving::Keep => outcome.kept = lease.keep().await,
        Leaving::GiveBack | Leaving::Remove => {
            let removes = leaving == Leaving::Remove
                || options.backend.ends_after(scenario, &options.profile);
            outcome.left = lease.leave(scenario, removes, &options.timeouts).await;
        }
    }
    outcome.seconds = (started.elapsed() - waited).as_secs_f64();
    outcome
}

/// The outcome of a scenario that has a cluster and isn't played on it.
async fn unused(
    lease: ClusterLease,
    scenario: &Scenario,
    verdict: Verdict,
    options: &RunOptions,
) -> Outcome {
    let mut outcome = not_run(scenario, verdict);
    let removes = options.interrupted.is_cancelled();
    outcome.left = lease.leave(scenario, removes, &options.timeouts).await;
    outcome
}

/// Plays a scenario to its verdict.
async fn played(
    mut context: RunContext<'_>,
    scenario: &Scenario,
    options: &RunOptions,
) -> (Outcome, Leaving) {
    let mut machine = RunMachine::new(scenario.document.steps.len(), options.keep);
    let mut tasks = BackgroundTasks::default();
    let mut activity = Activity::SetUp;
    let leaving = loop {
        context.change_tasks(activity, &mut tasks).await;
        let what = context.describe(activity);
        let doing = Box::pin(context.perform(activity));
        match until_next(doing, &what, options, &mut machine, &mut tasks).await {
            Next::Begin(next) => activity = next,
            Next::Leave(leaving) => break leaving,
            Next::GoOn => {}
        }
    };
    // They hold the cluster, which can't end before.
    tasks.end().await;
    let verdict = machine.into_verdict();
    let verdict = match scenario.document.adapter {
        Some(_) => verdict.of_no_adapter(),
        None => verdict,
    };
    (context.into_outcome(verdict), leaving)
}

/// Waits until what is being done has ended, or something else has happened that ends it.
async fn until_next(
    mut doing: impl Future<Output = Event> + Unpin,
    what: &str,
    options: &RunOptions,
    machine: &mut RunMachine,
    tasks: &mut BackgroundTasks,
) -> Next {
    loop {
        let event = tokio::select! {
            biased;
            () = options.interrupted.cancelled(), if !machine.is_interrupted() => {
                Event::Interrupted
            }
            unmet = tasks.ended() => {
                let step = what.to_owned();
                Event::TaskEnded(unmet.during(Context::Step { step }))
            }
            event = &mut doing => event,
        };
        match machine.on(event) {
            Next::GoOn => {}
            next => return next,
        }
    }
}
