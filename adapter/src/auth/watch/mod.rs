//! Keeps the authenticator at what flags and the ConfigMap say now.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::config::{CONFIG_MAP, NAMESPACE, Parts, header_names, prefixes};
use super::request_header::RequestHeaders;
use super::x509::Authorities;
use super::{AuthenticationConfig, DelegatedAuthenticator};
use crate::error_chain::error_chain;
use crate::files::{Changes, REREAD};

/// Where it is written whom to trust (`DelegatingAuthenticationOptions`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TrustSources {
    /// `--client-ca-file`: these in place of the ConfigMap's.
    pub(crate) client_ca_file: Option<PathBuf>,
    /// `--requestheader-*`: this in place of the ConfigMap's.
    pub(crate) request_header: Option<RequestHeaderSource>,
    /// `--authentication-skip-lookup`: don't look into the ConfigMap.
    pub(crate) skip_lookup: bool,
    /// `--authentication-tolerate-lookup-failure`: serve without having seen it.
    pub(crate) tolerate_lookup_failure: bool,
}

/// A front proxy by flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHeaderSource {
    /// The authorities behind its certificate.
    pub(crate) client_ca_file: PathBuf,
    /// Subject CNs that are let through; empty means all.
    pub(crate) allowed_names: Vec<String>,
    /// Headers with the user's name.
    pub(crate) username_headers: Vec<String>,
    /// Headers with the user's groups.
    pub(crate) group_headers: Vec<String>,
    /// Prefixes of headers with what else is known.
    pub(crate) extra_headers_prefix: Vec<String>,
}

/// A file of `--client-ca-file` or `--requestheader-client-ca-file` can't be used.
#[derive(Debug, thiserror::Error)]
#[error("read the CA certificates in {path}: {reason}")]
pub(crate) struct TrustError {
    /// The file.
    pub(crate) path: PathBuf,
    /// What is wrong.
    pub(crate) reason: String,
}

impl TrustSources {
    fn files(&self) -> impl Iterator<Item = &Path> {
        let front_proxy = self.request_header.as_ref();
        let front_proxy = front_proxy.map(|source| source.client_ca_file.as_path());
        self.client_ca_file
            .as_deref()
            .into_iter()
            .chain(front_proxy)
    }

    /// What is left for the ConfigMap to say.
    fn looked_up(&self) -> Option<Parts> {
        let parts = Parts {
            front_proxy: self.request_header.is_none(),
            client_ca: self.client_ca_file.is_none(),
        };
        (!self.skip_lookup && (parts.front_proxy || parts.client_ca)).then_some(parts)
    }

    /// Reads the files; one that can't be used changes nothing.
    fn read(&self, config: &mut AuthenticationConfig) -> Result<(), TrustError> {
        if let Some(path) = &self.client_ca_file {
            config.client_ca = Some(authorities(path)?);
        }
        if let Some(source) = &self.request_header {
            config.front_proxy = Some(authorities(&source.client_ca_file)?);
            config.headers = RequestHeaders {
                allowed_names: source.allowed_names.clone(),
                username: header_names(source.username_headers.clone()),
                // The flag for it is younger than prometheus-adapter.
                uid: Vec::new(),
                group: header_names(source.group_headers.clone()),
                extra_prefixes: prefixes(source.extra_headers_prefix.clone()),
            };
        }
        Ok(())
    }
}

fn authorities(path: &Path) -> Result<Authorities, TrustError> {
    let broken = |reason: String| TrustError {
        path: path.to_owned(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| broken(error.to_string()))?;
    Authorities::from_pem(&pem).map_err(broken)
}

/// Follows the files and `kube-system/extension-apiserver-authentication` until `shutdown`, in a task of its own.
///
/// What is missing or can't be used leaves trust as it was, and the log says what helps.
///
/// # Errors
/// When a file can't be used at the start.
pub(crate) fn follow_trust(
    client: Client,
    sources: TrustSources,
    authenticator: Arc<DelegatedAuthenticator>,
    shutdown: CancellationToken,
) -> Result<(), TrustError> {
    // The watch comes first: what changes between reading and watching is seen.
    let files = Changes::of(sources.files(), REREAD);
    let looked_up = sources.looked_up();
    let trust = Trust::new(sources, authenticator)?;
    let following = async move {
        match looked_up {
            Some(parts) => trust.follow(files, events(client), parts).await,
            None => trust.follow_files(files).await,
        }
    };
    tokio::spawn(async move { shutdown.run_until_cancelled(following).await });
    Ok(())
}

type Event = Result<watcher::Event<ConfigMap>, watcher::Error>;

fn events(client: Client) -> impl Stream<Item = Event> {
    let api: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let config = watcher::Config::default().fields(&format!("metadata.name={CONFIG_MAP}"));
    watcher(api, config).default_backoff()
}

struct Trust {
    sources: TrustSources,
    config: AuthenticationConfig,
    authenticator: Arc<DelegatedAuthenticator>,
}

impl Trust {
    /// Reads the files; they are all there is to know where nothing is looked up.
    fn new(
        sources: TrustSources,
        authenticator: Arc<DelegatedAuthenticator>,
    ) -> Result<Self, TrustError> {
        let mut config = AuthenticationConfig::default();
        sources.read(&mut config)?;
        let trust = Self {
            sources,
            config,
            authenticator,
        };
        if trust.sources.looked_up().is_none() {
            trust.publish();
        }
        Ok(trust)
    }

    async fn follow_files(mut self, mut files: Changes) {
        loop {
            files.next().await;
            self.reread();
        }
    }

    async fn follow(mut self, mut files: Changes, events: impl Stream<Item = Event>, parts: Parts) {
        let mut events = std::pin::pin!(events);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.judge(event, parts),
                    None => return self.follow_files(files).await,
                },
                () = files.next() => self.reread(),
            }
        }
    }

    fn judge(&mut self, event: Event, parts: Parts) {
        match event {
            Ok(watcher::Event::Apply(map) | watcher::Event::InitApply(map)) => {
                let errors = self.config.take_over(&map.data.unwrap_or_default(), parts);
                for error in errors {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "keep trusting whom it did before"
                    );
                }
                tracing::info!("take over who is trusted from ConfigMap {NAMESPACE}/{CONFIG_MAP}");
                self.publish();
            }
            Ok(watcher::Event::Init) => {}
            // It isn't there at the start: nobody is trusted then, but that is known.
            Ok(watcher::Event::InitDone) if self.authenticator.knows_whom_to_trust() => {}
            Ok(watcher::Event::InitDone) => {
                tracing::warn!(
                    "ConfigMap {NAMESPACE}/{CONFIG_MAP} is missing: no client certificate is trusted by it"
                );
                self.publish();
            }
            Ok(watcher::Event::Delete(_)) => tracing::warn!(
                "ConfigMap {NAMESPACE}/{CONFIG_MAP} was deleted: keep trusting whom it named"
            ),
            Err(error) => {
                tracing::error!(
                    error = %error_chain(&error),
                    "watch ConfigMap {NAMESPACE}/{CONFIG_MAP}; the adapter's ServiceAccount needs a RoleBinding in \
                     {NAMESPACE} to Role extension-apiserver-authentication-reader"
                );
                if self.sources.tolerate_lookup_failure {
                    self.publish();
                }
            }
        }
    }

    fn reread(&mut self) {
        match self.sources.read(&mut self.config) {
            Ok(()) if self.authenticator.knows_whom_to_trust() => self.publish(),
            Ok(()) => {}
            Err(error) => tracing::error!(%error, "keep trusting whom it did before"),
        }
    }

    fn publish(&self) {
        self.authenticator.replace(Arc::new(self.config.clone()));
    }
}

#[cfg(test)]
mod tests;
