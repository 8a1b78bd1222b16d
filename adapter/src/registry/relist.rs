//! Renews the snapshot: each rule's series and the cluster's resources for themselves, at an interval, and sooner after a
//! failure.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::join_all;
use kube::Client;
use tokio_util::sync::CancellationToken;

use super::Snapshot;
use crate::naming::MetricNamer;
use crate::prometheus::{PrometheusClient, Series};
use crate::rest_mapping::RestMapping;
use crate::words::words;

/// How soon a failed relist is tried again; doubled up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// When and how far back to look.
#[derive(Debug, Clone, Copy)]
pub struct RelistOptions {
    /// Time between two relists.
    pub interval: Duration,
    /// How long ago a series may have been seen last.
    pub max_age: Duration,
    /// How long the API server may take for an answer. Prometheus' time is its client's.
    pub answer_timeout: Duration,
}

/// The metrics there are, renewed by [`Registry::run`].
pub struct Registry {
    namers: Vec<Arc<MetricNamer>>,
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    options: RelistOptions,
    /// What is asked, each for itself: a slow or broken rule hurts only itself.
    subjects: Vec<Subject>,
    known: Mutex<Known>,
    snapshot: ArcSwap<Snapshot>,
    /// How many subjects have not yet been asked once.
    outstanding: AtomicUsize,
}

/// Something to ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// The series of all rules with this selector.
    Series(String),
    /// The cluster's resources.
    Resources,
}

/// The last good answers.
#[derive(Default)]
struct Known {
    mapping: Option<Arc<RestMapping>>,
    series: BTreeMap<String, Arc<[Series]>>,
}

enum Answer {
    Series(String, Vec<Series>),
    Resources(RestMapping),
}

impl Registry {
    /// A registry without metrics.
    #[must_use]
    pub fn new(
        namers: Vec<Arc<MetricNamer>>,
        prometheus: Arc<dyn PrometheusClient>,
        kubernetes: Client,
        options: RelistOptions,
    ) -> Self {
        let selectors = namers.iter().map(|namer| namer.series_query().to_owned());
        let mut subjects: Vec<Subject> = selectors.map(Subject::Series).collect();
        subjects.push(Subject::Resources);
        subjects.sort_unstable();
        subjects.dedup();
        Self {
            namers,
            prometheus,
            kubernetes,
            options,
            known: Mutex::default(),
            snapshot: ArcSwap::default(),
            outstanding: AtomicUsize::new(subjects.len()),
            subjects,
        }
    }

    /// The metrics now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether the first relist has ended, whether or not it succeeded.
    pub fn attempted(&self) -> bool {
        self.outstanding.load(Ordering::Acquire) == 0
    }

    /// Relists until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let following = join_all(self.subjects.iter().map(|subject| self.follow(subject)));
        shutdown.run_until_cancelled(following).await;
    }

    /// Asks for one thing again and again. What fails keeps its last good answer.
    async fn follow(&self, subject: &Subject) {
        let mut pauses = Pauses::new(self.options.interval);
        let mut complaint = None;
        let mut first = true;
        loop {
            let answer = self.ask(subject).await;
            let pause = pauses.after(answer.is_ok());
            match answer {
                Ok(answer) => {
                    self.take_over(answer);
                    if complaint.take().is_some() {
                        tracing::info!("relist {subject} succeeds again");
                    }
                }
                // What is wrong is said once.
                Err(error) if complaint.as_ref() == Some(&error) => {}
                Err(error) => {
                    tracing::error!(error, "relist {subject}; the last good answer stays");
                    complaint = Some(error);
                }
            }
            if std::mem::take(&mut first) {
                self.outstanding.fetch_sub(1, Ordering::AcqRel);
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(&self, subject: &Subject) -> Result<Answer, String> {
        let said = |error: &(dyn Error + 'static)| words(error);
        match subject {
            Subject::Series(selector) => {
                let now = jiff::Timestamp::now().as_duration().as_secs_f64();
                let start = now - self.options.max_age.as_secs_f64();
                let series = self.prometheus.series(selector, start).await;
                let series = series.map_err(|error| said(&error))?;
                Ok(Answer::Series(selector.clone(), series))
            }
            Subject::Resources => {
                RestMapping::discover(&self.kubernetes, self.options.answer_timeout)
                    .await
                    .map(Answer::Resources)
                    .map_err(|error| said(&error))
            }
        }
    }

    fn take_over(&self, answer: Answer) {
        let mut known = self.known();
        match answer {
            Answer::Series(selector, series) => {
                known.series.insert(selector, series.into());
            }
            Answer::Resources(mapping) => known.mapping = Some(Arc::new(mapping)),
        }
        let mapping = known.mapping.clone().unwrap_or_default();
        let found = self
            .namers
            .iter()
            .filter_map(|namer| Some((namer, known.series.get(namer.series_query())?.as_ref())));
        self.snapshot.store(Arc::new(Snapshot::new(found, mapping)));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
