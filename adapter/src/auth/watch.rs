//! Keeps the authenticator at what the ConfigMap says now.

use std::sync::Arc;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use tokio_util::sync::CancellationToken;

use super::config::{CONFIG_MAP, NAMESPACE};
use super::{AuthenticationConfig, CertificateAuthenticator};

/// Follows `kube-system/extension-apiserver-authentication` until `shutdown`.
///
/// A ConfigMap that is missing means that nobody is trusted. One that can't be read or used leaves trust as
/// it was, and says in the log what helps.
pub async fn watch_authentication(
    client: Client,
    authenticator: Arc<CertificateAuthenticator>,
    shutdown: CancellationToken,
) {
    let api: Api<ConfigMap> = Api::namespaced(client, NAMESPACE);
    let config = watcher::Config::default().fields(&format!("metadata.name={CONFIG_MAP}"));
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    let mut seen = false;
    while let Some(Some(event)) = shutdown.run_until_cancelled(events.next()).await {
        match event {
            Ok(watcher::Event::Apply(map) | watcher::Event::InitApply(map)) => {
                seen = true;
                apply(&authenticator, &map);
            }
            Ok(watcher::Event::Init) => seen = false,
            Ok(watcher::Event::InitDone) if seen => {}
            Ok(watcher::Event::InitDone | watcher::Event::Delete(_)) => {
                tracing::warn!(
                    "ConfigMap {NAMESPACE}/{CONFIG_MAP} is missing: no client certificate is trusted"
                );
                authenticator.replace(AuthenticationConfig::default());
            }
            Err(error) => tracing::error!(
                %error,
                "watch ConfigMap {NAMESPACE}/{CONFIG_MAP}; the adapter's ServiceAccount needs a RoleBinding in \
                 {NAMESPACE} to Role extension-apiserver-authentication-reader"
            ),
        }
    }
}

fn apply(authenticator: &CertificateAuthenticator, map: &ConfigMap) {
    let data = map.data.clone().unwrap_or_default();
    match AuthenticationConfig::from_data(&data) {
        Ok(config) => {
            tracing::info!("take over who is trusted from ConfigMap {NAMESPACE}/{CONFIG_MAP}");
            authenticator.replace(config);
        }
        Err(error) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "keep trusting whom it did before"
        ),
    }
}
