//! The metrics that are served: an immutable snapshot, and the tasks that renew it. The series of
//! each `seriesQuery` and the cluster's resources are asked for independently, at an interval, and
//! sooner after a failure: a slow or broken rule hurts only itself.

mod figures;
mod known;
mod pauses;
mod relist;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use kube::Client;
use parking_lot::Mutex;
use setpoint_rules::{ExternalMetrics, Metrics, RestMapper, Rules, SeriesQuery, UsageRules, Yield};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::metrics::{MAX_RULES, OwnMetrics, RuleEvents, RuleName};
use crate::prometheus::PrometheusClient;
use crate::provider::{Relist, Relists};
use crate::tasks::supervise;
use figures::RuleStates;
pub(crate) use known::RelistState;
use known::{Known, named_rules};

/// How long the first relists may take until the adapter serves without them, and new rules until
/// they replace the old ones without them.
const FIRST_RELISTS: Duration = Duration::from_secs(30);

/// When to relist, and which series count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RelistOptions {
    /// The time between two relists.
    pub(crate) interval: Duration,
    /// How long ago the last sample of a series may be.
    pub(crate) max_age: Duration,
    /// How long Prometheus may take for the series of one rule.
    pub(crate) timeout: Duration,
    /// How many answers of Prometheus may be on the way at a time.
    pub(crate) parallel: usize,
    /// How long the API server may take for an answer.
    pub(crate) answer_timeout: Duration,
}

/// The metrics that are served, renewed by [`Registry::run`].
pub(crate) struct Registry {
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    options: RelistOptions,
    slots: Arc<Semaphore>,
    known: Mutex<Known>,
    /// Something in `known` has changed.
    changed: Notify,
    snapshot: ArcSwap<Snapshot>,
    events: RuleEvents,
    started: Instant,
}

/// The metrics at one point in time.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) custom: Metrics,
    pub(crate) external: ExternalMetrics,
    /// Rules for CPU and memory.
    pub(crate) usage: Option<Arc<UsageRules>>,
    /// The cluster's resources.
    pub(crate) mapper: Arc<RestMapper>,
}

/// What a rule gives, and how its relists go.
#[derive(Debug, Clone)]
pub(crate) struct RuleState {
    pub(crate) name: RuleName,
    pub(crate) series_query: String,
    /// The name of the upstream that it asks; none is the Prometheus that flags name.
    pub(crate) upstream: Option<String>,
    /// How many metrics it gives, each of one kind of object.
    pub(crate) metrics: usize,
    /// How many of them other series or rules give too.
    pub(crate) clashes: usize,
    pub(crate) relist: RelistState,
}

/// What is asked at each relist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    /// The cluster's resources.
    Resources,
    /// The series of all rules that ask this of the same.
    Series(SeriesQuery),
}

impl Registry {
    /// A registry without metrics.
    pub(crate) fn new(
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
        events: RuleEvents,
    ) -> Self {
        Self {
            prometheus,
            kubernetes,
            slots: Arc::new(Semaphore::new(options.parallel)),
            options,
            known: Mutex::default(),
            changed: Notify::new(),
            snapshot: ArcSwap::default(),
            events,
            started: Instant::now(),
        }
    }

    /// A registry that serves some metrics and never relists.
    pub(crate) fn of(
        snapshot: Snapshot,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
    ) -> Self {
        let options = RelistOptions {
            interval: Duration::MAX,
            max_age: Duration::MAX,
            timeout: Duration::MAX,
            parallel: 1,
            answer_timeout: crate::kubernetes::ANSWER_TIMEOUT,
        };
        let registry = Self::new(prometheus, kubernetes, options, RuleEvents::default());
        registry.snapshot.store(Arc::new(snapshot));
        registry
    }

    /// Starts to relist, in a thread that ends with `shutdown`.
    pub(crate) fn start(
        rules: watch::Receiver<Rules>,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
        metrics: OwnMetrics,
        shutdown: CancellationToken,
    ) -> std::io::Result<Arc<Self>> {
        let events = metrics.rules().clone();
        let registry = Arc::new(Self::new(prometheus, kubernetes, options, events));
        registry.show_in(&metrics);
        let relisted = registry.clone();
        // A thread of its own, so that requests don't wait while answers are read and metrics made.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let relist = move || {
            // In this block, since it starts tasks of the runtime.
            runtime.block_on(async {
                let run = move || relisted.clone().run(rules.clone(), shutdown.clone());
                // Only a panic of its own could fail it.
                let _ = supervise("relist", metrics, run).await;
            });
        };
        std::thread::Builder::new()
            .name("relist".to_owned())
            .spawn(relist)?;
        Ok(registry)
    }

    /// The metrics now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// How each rule is, in the order of the configuration.
    pub(crate) fn rule_states(&self) -> Vec<RuleState> {
        let snapshot = self.snapshot();
        let Snapshot {
            custom, external, ..
        } = &*snapshot;
        let known = self.known.lock();
        let state = |name: RuleName, yielded: &Yield| {
            let asked = yielded.rule.series_asked();
            RuleState {
                name,
                relist: known.relist_state(&Question::Series(asked.clone())),
                series_query: asked.selector.clone(),
                upstream: yielded
                    .rule
                    .upstream()
                    .map(|upstream| upstream.name.clone()),
                metrics: yielded.metrics,
                clashes: yielded.clashes,
            }
        };
        let custom = custom.yields().iter();
        let custom = custom.map(|given| state(RuleName::Custom(given.rule.position()), given));
        let external = external.yields().iter();
        let external =
            external.map(|given| state(RuleName::External(given.rule.position()), given));
        custom.chain(external).collect()
    }

    /// Tells in metrics how the rules are.
    pub(crate) fn show_in(self: &Arc<Self>, metrics: &OwnMetrics) {
        let registry = self.clone();
        metrics.collect(RuleStates {
            interval: self.options.interval,
            states: move || registry.rule_states(),
        });
    }

    /// Relists by these rules until `shutdown`. Where they change, the old ones are served until the
    /// first relists of the new ones have ended.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut rules: watch::Receiver<Rules>,
        shutdown: CancellationToken,
    ) {
        let first = rules.borrow_and_update().clone();
        let mut tasks = BTreeMap::new();
        self.ask_for(&first, &mut tasks);
        self.known.lock().replace_rules(first);
        let mut next: Option<(Rules, Instant)> = None;
        let mut said = BTreeSet::new();
        // So that the rules are known, though nothing of their series is.
        self.renew(&mut said);
        loop {
            let deadline = next
                .as_ref()
                .map_or(self.started, |(_, deadline)| *deadline);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.changed.notified() => {}
                () = sleep_until(deadline), if next.is_some() => {}
                Ok(()) = rules.changed() => {
                    let new = rules.borrow_and_update().clone();
                    self.ask_for(&new, &mut tasks);
                    next = Some((new, Instant::now() + FIRST_RELISTS));
                }
            }
            let ready = |(new, deadline): &mut (Rules, Instant)| {
                *deadline <= Instant::now() || self.known.lock().attempted_by(new)
            };
            if let Some((new, _)) = next.take_if(ready) {
                tracing::info!("serve by the new rules");
                let asked = Question::of(&new);
                tasks.retain(|question, _| asked.contains(question));
                self.known.lock().replace_rules(new);
                self.events.forget();
            }
            self.renew(&mut said);
        }
    }

    /// Starts tasks for the questions of rules that nobody asks yet.
    fn ask_for(self: &Arc<Self>, rules: &Rules, tasks: &mut BTreeMap<Question, DropGuard>) {
        let questions = Question::of(rules);
        for (position, question) in questions.iter().enumerate() {
            tasks.entry(question.clone()).or_insert_with(|| {
                let ended = CancellationToken::new();
                let pauses = pauses::Pauses::of(self.options.interval, position, questions.len());
                let repeated = self.clone().repeat(question.clone(), pauses);
                tokio::spawn(ended.clone().run_until_cancelled_owned(repeated));
                ended.drop_guard()
            });
        }
    }

    /// Renews the metrics if what they are made of has changed.
    fn renew(&self, said: &mut BTreeSet<String>) {
        let Some(discovery) = self.known.lock().discovery_if_changed() else {
            return;
        };
        let snapshot = discovery.snapshot();
        let remarks = snapshot.custom.remarks();
        let remarks: BTreeSet<String> = remarks.chain(snapshot.external.remarks()).collect();
        // Each is logged once for as long as it holds.
        for remark in remarks.difference(said) {
            tracing::warn!("{remark}");
        }
        *said = remarks;
        self.snapshot.store(Arc::new(snapshot));
    }
}

impl Relists for Registry {
    fn attempted(&self) -> bool {
        self.known.lock().attempted() || self.started.elapsed() > FIRST_RELISTS
    }

    fn relists(&self) -> Vec<Relist> {
        let relist = |name, state: RelistState| Relist {
            name,
            failure: match state.attempted {
                true => state.failure,
                false => Some("pending"),
            },
        };
        let resources = self.known.lock().relist_state(&Question::Resources);
        let resources = relist("relist-resources".to_owned(), resources);
        let states = self.rule_states().into_iter().take(MAX_RULES);
        let rules =
            states.map(|rule| relist(format!("relist-rule-{}", rule.name.label()), rule.relist));
        std::iter::once(resources).chain(rules).collect()
    }
}

impl Question {
    /// What rules ask, each question once.
    fn of(rules: &Rules) -> Vec<Self> {
        let mut questions: Vec<_> = named_rules(rules)
            .map(|(_, rule)| Self::Series(rule.series_asked().clone()))
            .collect();
        questions.push(Self::Resources);
        questions.sort_unstable();
        questions.dedup();
        questions
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series(SeriesQuery { selector, to, .. }) => {
                write!(f, "`{selector}`")?;
                match &to.upstream {
                    Some(upstream) => write!(f, " of upstream `{}`", upstream.name),
                    None => Ok(()),
                }
            }
            Self::Resources => f.write_str("Kubernetes' resources"),
        }
    }
}

#[cfg(test)]
mod tests;
