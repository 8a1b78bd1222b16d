//! Renews the snapshot: at an interval, and sooner after a failure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::join_all;
use kube::Client;
use tokio_util::sync::CancellationToken;

use super::Snapshot;
use crate::naming::MetricNamer;
use crate::prometheus::{PrometheusClient, PrometheusError, Series};
use crate::rest_mapping::RestMapping;

/// How soon a failed relist is tried again; doubled up to the interval.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// When and how far back to look.
#[derive(Debug, Clone, Copy)]
pub struct RelistOptions {
    /// Time between two relists.
    pub interval: Duration,
    /// How long ago a series may have been seen last.
    pub max_age: Duration,
}

/// The metrics there are, renewed by [`Registry::run`].
pub struct Registry {
    namers: Vec<Arc<MetricNamer>>,
    prometheus: Arc<dyn PrometheusClient>,
    kubernetes: Client,
    options: RelistOptions,
    snapshot: ArcSwap<Snapshot>,
    attempted: AtomicBool,
}

/// What is known between two relists: the last good answers.
#[derive(Default)]
struct Known {
    mapping: Option<Arc<RestMapping>>,
    series: BTreeMap<String, Arc<[Series]>>,
    /// What went wrong last, by what was asked: to be said once.
    complaints: BTreeMap<String, String>,
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
        let (snapshot, attempted) = (ArcSwap::default(), AtomicBool::new(false));
        Self {
            namers,
            prometheus,
            kubernetes,
            options,
            snapshot,
            attempted,
        }
    }

    /// The metrics now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Whether the first relist has ended, whether or not it succeeded.
    pub fn attempted(&self) -> bool {
        self.attempted.load(Ordering::Acquire)
    }

    /// Relists until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut known = Known::default();
        let mut retry = FIRST_RETRY;
        loop {
            let Some(good) = shutdown.run_until_cancelled(self.relist(&mut known)).await else {
                return;
            };
            self.attempted.store(true, Ordering::Release);
            let pause = if good {
                self.options.interval
            } else {
                retry.min(self.options.interval)
            };
            retry = if good {
                FIRST_RETRY
            } else {
                (retry * 2).min(self.options.interval)
            };
            if tokio::time::timeout(pause, shutdown.cancelled())
                .await
                .is_ok()
            {
                return;
            }
        }
    }

    /// Asks for everything once. What fails keeps its last good answer; whether all succeeded is returned.
    async fn relist(&self, known: &mut Known) -> bool {
        let start =
            jiff::Timestamp::now().as_duration().as_secs_f64() - self.options.max_age.as_secs_f64();
        let mut selectors: Vec<&str> = self
            .namers
            .iter()
            .map(|namer| namer.series_query())
            .collect();
        selectors.sort_unstable();
        selectors.dedup();
        let answers = join_all(selectors.into_iter().map(|selector| async move {
            (selector, self.prometheus.series(selector, start).await)
        }));
        let (answers, mapping) = tokio::join!(answers, RestMapping::discover(&self.kubernetes));
        let mut good = known.take_mapping(mapping);
        for (selector, answer) in answers {
            good &= known.take_series(selector, answer);
        }
        let mapping = known.mapping.clone().unwrap_or_default();
        let found = self
            .namers
            .iter()
            .filter_map(|namer| Some((namer, known.series.get(namer.series_query())?.as_ref())));
        self.snapshot.store(Arc::new(Snapshot::new(found, mapping)));
        good
    }
}

impl Known {
    fn take_mapping(&mut self, answer: Result<RestMapping, kube::Error>) -> bool {
        match answer {
            Ok(mapping) => {
                self.mapping = Some(Arc::new(mapping));
                self.content("Kubernetes' resources");
                true
            }
            Err(error) => {
                self.complain("Kubernetes' resources", &error);
                false
            }
        }
    }

    fn take_series(
        &mut self,
        selector: &str,
        answer: Result<Vec<Series>, PrometheusError>,
    ) -> bool {
        match answer {
            Ok(series) => {
                self.series.insert(selector.to_owned(), series.into());
                self.content(selector);
                true
            }
            Err(error) => {
                self.complain(selector, &error);
                false
            }
        }
    }

    /// Says what is wrong, unless that was said before.
    fn complain(&mut self, asked: &str, error: &dyn std::error::Error) {
        let mut words = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            words = format!("{words}: {cause}");
            source = cause.source();
        }
        if self.complaints.get(asked) != Some(&words) {
            tracing::error!(
                error = words,
                "relist `{asked}`; the last good answer stays"
            );
            self.complaints.insert(asked.to_owned(), words);
        }
    }

    fn content(&mut self, asked: &str) {
        if self.complaints.remove(asked).is_some() {
            tracing::info!("relist `{asked}` succeeds again");
        }
    }
}
