//! The API server: clients of it, and its resources.

mod discovery;
mod followed;
mod objects;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

pub(crate) use discovery::{DiscoveryError, discover};
pub(crate) use followed::{POD_CA, client, named};
pub(crate) use objects::{ListError, MAX_OBJECTS, ObjectMetadata, Wanted, list, object_names};

#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("use kubeconfig {path}")]
    Kubeconfig {
        path: PathBuf,
        #[source]
        source: KubeconfigError,
    },
    #[error(
        "find the API server from inside a pod; elsewhere, name a kubeconfig by --lister-kubeconfig"
    )]
    InCluster(#[source] kube::config::InClusterError),
    #[error("make a client of the API server")]
    Client(#[source] kube::Error),
}

/// Whether a client asks again by itself after a failure. Who limits the number of questions does that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retries {
    Some,
    None,
}

/// How to reach the API server, by kubeconfig, else by the pod's ServiceAccount. The CA of the
/// configuration alone is trusted, not those of the system.
async fn config(kubeconfig: Option<&Path>) -> Result<Config, ClientError> {
    Ok(match kubeconfig {
        None => Config::incluster().map_err(ClientError::InCluster)?,
        Some(path) => {
            let broken = |source| ClientError::Kubeconfig {
                path: path.to_owned(),
                source,
            };
            let kubeconfig = Kubeconfig::read_from(path).map_err(broken)?;
            Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .map_err(broken)?
        }
    })
}

/// A client by kubeconfig for a command, which ends before the file changes.
pub(crate) async fn unfollowed_client(kubeconfig: &Path) -> Result<kube::Client, ClientError> {
    kube::Client::try_from(config(Some(kubeconfig)).await?).map_err(ClientError::Client)
}

/// How long the API server may take for an answer: as long as Prometheus, and less than the default
/// relist interval.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a request to the API server failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    #[error("no answer from the API server to {asked} within {limit:?}")]
    Late {
        asked: &'static str,
        limit: Duration,
    },
    #[error(transparent)]
    Failed(#[from] kube::Error),
}

/// The answer to a request, if it comes within `limit`.
pub(crate) async fn within<T>(
    limit: Duration,
    asked: &'static str,
    request: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, AnswerError> {
    match tokio::time::timeout(limit, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(AnswerError::Late { asked, limit }),
    }
}
