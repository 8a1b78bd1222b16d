//! The metrics that are served: an immutable snapshot, and the task that renews it. The series of
//! each rule and the cluster's resources are asked for independently, at an interval, and sooner
//! after a failure: a slow or broken rule hurts only itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::join_all;
use kube::Client;
use parking_lot::Mutex;
use setpoint_rules::{Metrics, RestMapper, Rules, Series};
use tokio_util::sync::CancellationToken;

use crate::error_chain::error_chain;
use crate::kubernetes::{DiscoveryError, discover};
use crate::prometheus::{PrometheusClient, PrometheusError};

/// How soon a failed relist is tried again; doubled up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// When to relist, and which series count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RelistOptions {
    /// The time between two relists.
    pub(crate) interval: Duration,
    /// How long ago the last sample of a series may be.
    pub(crate) max_age: Duration,
    /// How long the API server may take for an answer. The client of Prometheus has its own limit.
    pub(crate) answer_timeout: Duration,
}

/// The metrics that are served, renewed by [`Registry::run`].
pub(crate) struct Registry {
    rules: Rules,
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    options: RelistOptions,
    questions: Vec<Question>,
    answers: Mutex<Answers>,
    metrics: ArcSwap<Metrics>,
    /// How many questions have never been asked.
    unasked: AtomicUsize,
}

/// What is asked at each relist.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Question {
    /// The series of all rules with this `seriesQuery`.
    Series(String),
    /// The cluster's resources.
    Resources,
}

/// The last good answers.
#[derive(Default)]
struct Answers {
    mapper: Arc<RestMapper>,
    series: BTreeMap<String, Vec<Series>>,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum RelistError {
    Prometheus(#[from] PrometheusError),
    Kubernetes(#[from] DiscoveryError),
}

impl Registry {
    /// A registry without metrics.
    pub(crate) fn new(
        rules: Rules,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
    ) -> Self {
        let selectors = rules
            .custom()
            .iter()
            .map(|rule| rule.series_query().to_owned());
        let mut questions: Vec<Question> = selectors.map(Question::Series).collect();
        questions.push(Question::Resources);
        questions.sort_unstable();
        questions.dedup();
        Self {
            rules,
            prometheus,
            kubernetes,
            options,
            answers: Mutex::default(),
            metrics: ArcSwap::default(),
            unasked: AtomicUsize::new(questions.len()),
            questions,
        }
    }

    /// The metrics now.
    pub(crate) fn metrics(&self) -> Arc<Metrics> {
        self.metrics.load_full()
    }

    /// Whether the first relist has ended, whether or not it succeeded.
    pub(crate) fn attempted(&self) -> bool {
        self.unasked.load(Ordering::Acquire) == 0
    }

    /// Relists until `shutdown`.
    pub(crate) async fn run(&self, shutdown: CancellationToken) {
        let repeated = self.questions.iter().map(|question| self.repeat(question));
        shutdown.run_until_cancelled(join_all(repeated)).await;
    }

    /// Asks one question again and again. While it fails, its last good answer stays.
    async fn repeat(&self, question: &Question) {
        let mut pauses = Pauses::new(self.options.interval);
        let mut last_failure = None;
        let mut first = true;
        loop {
            let answer = self.ask(question).await;
            let pause = pauses.after(answer.is_ok());
            let failure = answer.err().map(|error| error_chain(&error));
            match &failure {
                None if last_failure.is_some() => {
                    tracing::info!("relist {question} succeeds again");
                }
                // The same failure is logged once.
                Some(error) if failure != last_failure => {
                    tracing::error!(error, "relist {question}; the last good answer stays");
                }
                _ => {}
            }
            last_failure = failure;
            if std::mem::take(&mut first) {
                self.unasked.fetch_sub(1, Ordering::AcqRel);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks one question and renews the metrics by its answer.
    async fn ask(&self, question: &Question) -> Result<(), RelistError> {
        match question {
            Question::Series(selector) => {
                let now = jiff::Timestamp::now().as_duration().as_secs_f64();
                let start = now - self.options.max_age.as_secs_f64();
                let series = self.prometheus.series(selector, start).await?;
                self.update(|answers| {
                    answers.series.insert(selector.clone(), series);
                });
            }
            Question::Resources => {
                let resources = discover(&self.kubernetes, self.options.answer_timeout).await?;
                self.update(|answers| answers.mapper = Arc::new(RestMapper::new(resources)));
            }
        }
        Ok(())
    }

    fn update(&self, change: impl FnOnce(&mut Answers)) {
        let mut answers = self.answers.lock();
        change(&mut answers);
        let series = |query: &str| answers.series.get(query).map_or(&[][..], Vec::as_slice);
        let metrics = self.rules.discover(series, answers.mapper.clone());
        self.metrics.store(Arc::new(metrics));
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Series(selector) => write!(f, "`{selector}`"),
            Self::Resources => f.write_str("Kubernetes' resources"),
        }
    }
}

/// How long to wait for the next time.
struct Pauses {
    interval: Duration,
    retry: Duration,
}

impl Pauses {
    fn new(interval: Duration) -> Self {
        Self {
            interval,
            retry: FIRST_RETRY,
        }
    }

    /// The interval after a success; less after a failure, and more with each further one.
    fn after(&mut self, good: bool) -> Duration {
        if good {
            self.retry = FIRST_RETRY;
            return self.interval;
        }
        let pause = self.retry.min(self.interval);
        self.retry = (self.retry * 2).min(self.interval);
        pause
    }
}

#[cfg(test)]
mod tests;
