//! Watches where the trusted certificate authorities come from: files and a ConfigMap.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::config::{CONFIG_MAP, FromConfigMap, NAMESPACE, header_names, prefixes};
use super::request_header::RequestHeaders;
use super::x509::{Authorities, BundleError};
use super::{AuthenticationConfig, DelegatedAuthenticator};
use crate::error_chain::error_chain;
use crate::files::{Changes, REREAD_INTERVAL};
use crate::reload::Reloads;
use crate::tasks::supervise;

/// Options of delegated authentication (`DelegatingAuthenticationOptions`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AuthenticationOptions {
    /// `--client-ca-file`: the client CA, in place of the ConfigMap's.
    pub(crate) client_ca_file: Option<PathBuf>,
    /// `--requestheader-*`: request-header CA and headers, in place of the ConfigMap's.
    pub(crate) request_header: Option<RequestHeaderOptions>,
    /// `--authentication-skip-lookup`: don't read the ConfigMap.
    pub(crate) skip_lookup: bool,
    /// `--authentication-tolerate-lookup-failure`: become ready without having read it.
    pub(crate) tolerate_lookup_failure: bool,
}

/// Request-header CA and headers by flags (`RequestHeaderAuthenticationOptions`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHeaderOptions {
    pub(crate) client_ca_file: PathBuf,
    /// Common names that a front proxy's certificate may have; empty allows all.
    pub(crate) allowed_names: Vec<String>,
    pub(crate) username_headers: Vec<String>,
    pub(crate) group_headers: Vec<String>,
    pub(crate) extra_headers_prefix: Vec<String>,
}

/// Why a file of CA certificates can't be used.
#[derive(Debug, thiserror::Error)]
#[error("read the CA certificates in {path}: {reason}")]
pub(crate) struct CaFileError {
    path: PathBuf,
    reason: CaFileReason,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum CaFileReason {
    Read(#[from] std::io::Error),
    Bundle(#[from] BundleError),
}

impl AuthenticationOptions {
    fn files(&self) -> impl Iterator<Item = &Path> {
        let request_header = self.request_header.as_ref();
        let request_header = request_header.map(|options| options.client_ca_file.as_path());
        self.client_ca_file
            .as_deref()
            .into_iter()
            .chain(request_header)
    }

    /// What is taken from the ConfigMap; none if nothing is.
    fn looked_up(&self) -> Option<FromConfigMap> {
        let parts = FromConfigMap {
            request_header: self.request_header.is_none(),
            client_ca: self.client_ca_file.is_none(),
        };
        (!self.skip_lookup && (parts.request_header || parts.client_ca)).then_some(parts)
    }

    /// Updates the parts that are in files. One that can't be used stays as it was.
    fn read(&self, config: &mut AuthenticationConfig) -> Result<(), CaFileError> {
        if let Some(path) = &self.client_ca_file {
            config.client_ca = Some(authorities(path)?);
        }
        if let Some(options) = &self.request_header {
            config.request_header_ca = Some(authorities(&options.client_ca_file)?);
            config.headers = RequestHeaders {
                allowed_names: options.allowed_names.clone(),
                username: header_names(options.username_headers.clone()),
                // The flag for it is younger than prometheus-adapter.
                uid: Vec::new(),
                group: header_names(options.group_headers.clone()),
                extra_prefixes: prefixes(options.extra_headers_prefix.clone()),
            };
        }
        Ok(())
    }
}

fn authorities(path: &Path) -> Result<Authorities, CaFileError> {
    let read = || Ok(Authorities::from_pem(&std::fs::read(path)?)?);
    read().map_err(|reason| CaFileError {
        path: path.to_owned(),
        reason,
    })
}

/// Keeps the certificate authorities and request headers of an authenticator up to date, from files
/// and from ConfigMap `kube-system/extension-apiserver-authentication`, in a task that ends with
/// `shutdown`. A missing or broken part stays as it was, and the log says what helps.
///
/// At the start a broken file is an error.
pub(crate) fn watch_client_ca(
    client: Client,
    options: AuthenticationOptions,
    authenticator: Arc<DelegatedAuthenticator>,
    reloads: Reloads,
    shutdown: CancellationToken,
) -> Result<(), CaFileError> {
    let metrics = reloads.metrics();
    let watch = Watch::new(options, authenticator, reloads)?;
    supervise(PART, metrics, move || {
        let (watch, client, shutdown) = (watch.clone(), client.clone(), shutdown.clone());
        async move {
            shutdown.run_until_cancelled(watch.follow(client)).await;
        }
    });
    Ok(())
}

/// What is reloaded here, in log and metrics.
const PART: &str = "trusted-authorities";

type Event = Result<watcher::Event<ConfigMap>, watcher::Error>;

fn events(client: Client) -> impl Stream<Item = Event> {
    let api: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let config = watcher::Config::default().fields(&format!("metadata.name={CONFIG_MAP}"));
    watcher(api, config).default_backoff()
}

#[derive(Clone)]
struct Watch {
    options: AuthenticationOptions,
    config: AuthenticationConfig,
    authenticator: Arc<DelegatedAuthenticator>,
    reloads: Reloads,
}

impl Watch {
    /// Reads the files. If nothing is taken from the ConfigMap, that completes the configuration.
    fn new(
        options: AuthenticationOptions,
        authenticator: Arc<DelegatedAuthenticator>,
        reloads: Reloads,
    ) -> Result<Self, CaFileError> {
        let mut config = AuthenticationConfig::default();
        options.read(&mut config)?;
        let watch = Self {
            options,
            config,
            authenticator,
            reloads,
        };
        if watch.options.looked_up().is_none() {
            watch.publish();
        }
        Ok(watch)
    }

    async fn follow(mut self, client: Client) {
        let files = Changes::of(self.options.files(), REREAD_INTERVAL);
        match self.options.looked_up() {
            Some(parts) => {
                // There may have been a change before the watch. It is published with what the
                // ConfigMap says.
                self.read();
                self.run(files, events(client), parts).await;
            }
            None => {
                self.reread();
                self.watch_files(files).await;
            }
        }
    }

    async fn watch_files(mut self, mut files: Changes) {
        loop {
            files.next().await;
            self.reread();
        }
    }

    async fn run(
        mut self,
        mut files: Changes,
        events: impl Stream<Item = Event>,
        parts: FromConfigMap,
    ) {
        let mut events = std::pin::pin!(events);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.apply(event, parts),
                    None => return self.watch_files(files).await,
                },
                () = files.next() => self.reread(),
            }
        }
    }

    fn apply(&mut self, event: Event, parts: FromConfigMap) {
        match event {
            Ok(watcher::Event::Apply(map) | watcher::Event::InitApply(map)) => {
                let errors = self.config.update(&map.data.unwrap_or_default(), parts);
                for error in errors {
                    tracing::error!(
                        error = %error_chain(&error),
                        "keep this part of the trusted CAs as it was"
                    );
                }
                tracing::info!("use the trusted CAs of ConfigMap {NAMESPACE}/{CONFIG_MAP}");
                self.publish();
            }
            Ok(watcher::Event::Init) => {}
            // Missing at the start: no certificate is trusted, and that is final for now.
            Ok(watcher::Event::InitDone) if self.authenticator.has_client_ca() => {}
            Ok(watcher::Event::InitDone) => {
                tracing::warn!(
                    "ConfigMap {NAMESPACE}/{CONFIG_MAP} is missing: no client certificate is trusted by it"
                );
                self.publish();
            }
            Ok(watcher::Event::Delete(_)) => tracing::warn!(
                "ConfigMap {NAMESPACE}/{CONFIG_MAP} was deleted: keep trusting its CAs"
            ),
            Err(error) => {
                tracing::error!(
                    error = %error_chain(&error),
                    "watch ConfigMap {NAMESPACE}/{CONFIG_MAP}; the adapter's ServiceAccount needs a RoleBinding in \
                     {NAMESPACE} to Role extension-apiserver-authentication-reader"
                );
                if self.options.tolerate_lookup_failure {
                    self.publish();
                }
            }
        }
    }

    fn reread(&mut self) {
        if self.read() && self.authenticator.has_client_ca() {
            self.publish();
        }
    }

    /// Reads the files; whether all of them could be used.
    fn read(&mut self) -> bool {
        if self.options.files().next().is_none() {
            return true;
        }
        let read = self.options.read(&mut self.config);
        match &read {
            Ok(()) => self.reloads.succeeded(PART),
            Err(error) => self.reloads.failed(PART, error),
        }
        read.is_ok()
    }

    fn publish(&self) {
        self.authenticator.replace(Arc::new(self.config.clone()));
    }
}

#[cfg(test)]
mod tests;
