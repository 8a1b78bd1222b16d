//! The Prometheus that flags name, and the upstreams of the configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use setpoint_rules::{Destination, Sample, SeriesQuery, Upstream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::client::{Access, HttpClient, HttpClientError, HttpClientOptions};
use super::{FoundSeries, PrometheusClient, PrometheusError, ResultType};
use crate::files::{Changes, REREAD_INTERVAL};
use crate::metrics::OwnMetrics;
use crate::reload::Reloads;
use crate::tasks::supervise;

/// What is reloaded here, in log and metrics.
const PART: &str = "upstream-files";

/// Asks each question of whom it is for.
pub(crate) struct Upstreams {
    default: Arc<HttpClient>,
    metrics: OwnMetrics,
    /// Where upstreams are reached in place of their URLs, without credentials.
    urls: BTreeMap<String, Url>,
    clients: Mutex<Clients>,
    /// Those of configurations before, as long as rules hold their upstreams: rules that are replaced are served until
    /// the first relists of the new ones.
    before: Mutex<Clients>,
    /// `clients` has changed.
    changed: Notify,
}

type Clients = Vec<(Arc<Upstream>, Arc<HttpClient>)>;

/// Why an upstream can't be asked.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{name}`")]
pub(crate) struct UpstreamClientError {
    name: String,
    #[source]
    source: HttpClientError,
}

impl Upstreams {
    pub(crate) fn new(default: HttpClient, metrics: OwnMetrics) -> Self {
        Self {
            default: Arc::new(default),
            metrics,
            urls: BTreeMap::new(),
            clients: Mutex::default(),
            before: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// The same, with upstreams that are reached at other URLs than the configuration says.
    pub(crate) fn reached_at(mut self, urls: impl IntoIterator<Item = (String, Url)>) -> Self {
        self.urls = urls.into_iter().collect();
        self
    }

    /// The Prometheus that flags name.
    pub(crate) fn default_client(&self) -> &Arc<HttpClient> {
        &self.default
    }

    /// Takes the upstreams of a configuration in place of those of the one before. Those that are the same keep
    /// their connections.
    pub(crate) fn replace(&self, upstreams: &[Arc<Upstream>]) -> Result<(), UpstreamClientError> {
        let mut clients = Clients::new();
        for upstream in upstreams {
            let known = of(&self.clients.lock(), upstream);
            let client = known.map_or_else(|| self.client(upstream).map(Arc::new), Ok)?;
            clients.push((upstream.clone(), client));
        }
        let last = std::mem::replace(&mut *self.clients.lock(), clients);
        let mut before = self.before.lock();
        before.extend(last);
        before.retain(|(upstream, _)| Arc::strong_count(upstream) > 1);
        self.changed.notify_one();
        Ok(())
    }

    fn client(&self, upstream: &Upstream) -> Result<HttpClient, UpstreamClientError> {
        let options = HttpClientOptions::from(upstream);
        let options = match self.urls.get(&upstream.name) {
            Some(url) => HttpClientOptions {
                url: url.clone(),
                access: Access::default(),
                token_file: None,
                basic_auth: None,
                ..options
            },
            None => options,
        };
        let options = HttpClientOptions {
            at: self.default.at(),
            ..options
        };
        HttpClient::new(options, &self.metrics).map_err(|source| UpstreamClientError {
            name: upstream.name.clone(),
            source,
        })
    }

    fn asked(&self, to: &Destination) -> Result<Arc<HttpClient>, PrometheusError> {
        let Some(upstream) = &to.upstream else {
            return Ok(self.default.clone());
        };
        let client = of(&self.clients.lock(), upstream);
        let client = client.or_else(|| of(&self.before.lock(), upstream));
        client.ok_or_else(|| PrometheusError::NoUpstream {
            name: upstream.name.clone(),
        })
    }

    /// Follows the files of upstreams, in a task that ends with `shutdown`. One that can't be used leaves what was read
    /// before.
    pub(crate) fn watch(self: &Arc<Self>, reloads: Reloads, shutdown: CancellationToken) {
        let upstreams = self.clone();
        supervise(PART, reloads.metrics(), move || {
            let (upstreams, reloads) = (upstreams.clone(), reloads.clone());
            let shutdown = shutdown.clone();
            async move {
                let followed = upstreams.follow(&reloads);
                shutdown.run_until_cancelled(followed).await;
            }
        });
    }

    async fn follow(&self, reloads: &Reloads) {
        loop {
            let clients = self.clients.lock().clone();
            let paths: Vec<PathBuf> = clients
                .iter()
                .flat_map(|(_, client)| client.paths())
                .collect();
            if paths.is_empty() {
                self.changed.notified().await;
                continue;
            }
            let mut changes = Changes::of(paths.iter().map(PathBuf::as_path), REREAD_INTERVAL);
            loop {
                // At once too: there may have been a change before the watch.
                reload(&clients, reloads);
                tokio::select! {
                    () = changes.next() => {}
                    () = self.changed.notified() => break,
                }
            }
        }
    }
}

/// The client of an upstream.
fn of(clients: &Clients, upstream: &Upstream) -> Option<Arc<HttpClient>> {
    let mut clients = clients.iter();
    let found = clients.find(|(known, _)| **known == *upstream);
    found.map(|(_, client)| client.clone())
}

/// Reads the files of all clients again.
fn reload(clients: &Clients, reloads: &Reloads) {
    let (mut changed, mut failed) = (false, false);
    for (upstream, client) in clients {
        match client.reload() {
            Ok(is_other) => changed |= is_other,
            Err(source) => {
                let name = upstream.name.clone();
                reloads.failed(PART, &UpstreamClientError { name, source });
                failed = true;
            }
        }
    }
    match (failed, changed) {
        (true, _) => {}
        (false, true) => reloads.succeeded(PART),
        (false, false) => reloads.unchanged(PART),
    }
}

impl From<&Upstream> for HttpClientOptions {
    fn from(upstream: &Upstream) -> Self {
        Self {
            url: upstream.url.clone(),
            access: Access::Upstream {
                ca: upstream.ca_file.clone(),
                pair: upstream.client_certificate.clone(),
            },
            token_file: upstream.bearer_token_file.clone(),
            basic_auth: upstream.basic_auth.clone(),
            headers: Vec::new(),
            post: upstream.post,
            timeout: upstream.timeout,
            max_answer: upstream.max_response_bytes,
            at: None,
        }
    }
}

impl PrometheusClient for Upstreams {
    fn series<'a>(
        &'a self,
        asked: &'a SeriesQuery,
        max_age: Duration,
    ) -> BoxFuture<'a, Result<FoundSeries, PrometheusError>> {
        Box::pin(async move {
            let client = self.asked(&asked.to)?;
            client.series(asked, max_age).await
        })
    }

    fn query<'a>(
        &'a self,
        to: &'a Destination,
        query: &'a str,
        take: &'a mut (dyn FnMut(Sample) + Send),
    ) -> BoxFuture<'a, Result<ResultType, PrometheusError>> {
        Box::pin(async move { self.asked(to)?.query(to, query, take).await })
    }
}

#[cfg(test)]
mod tests;
