//! The API server: clients of it, and its resources.

mod discovery;

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};

pub(crate) use discovery::{DiscoveryError, discover};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// A kubeconfig can't be used.
    #[error("use kubeconfig {path}")]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: KubeconfigError,
    },
    /// Not in a pod, or a pod without its ServiceAccount's token.
    #[error(
        "find the API server from inside a pod; elsewhere, name a kubeconfig by --lister-kubeconfig"
    )]
    InCluster(#[source] kube::config::InClusterError),
    /// The configuration gives no client.
    #[error("make a client of the API server")]
    Client(#[source] kube::Error),
}

/// A client by kubeconfig, else by the pod's ServiceAccount.
///
/// Its roots are those of the configuration alone: in an image without CA certificates there are no others.
///
/// # Errors
/// When the configuration is missing or broken.
pub(crate) async fn client(kubeconfig: Option<&Path>) -> Result<Client, ClientError> {
    let config = match kubeconfig {
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
    };
    Client::try_from(config).map_err(ClientError::Client)
}

/// How long the API server may take for an answer: as long as Prometheus, and less than a relist interval by default.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Why the API server has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// It accepts, and then says nothing.
    #[error("no answer from the API server to {asked} within {limit:?}")]
    Late {
        /// What it was asked.
        asked: &'static str,
        /// How long it had.
        limit: Duration,
    },
    /// It can't be reached, or answers with an error.
    #[error(transparent)]
    Failed(#[from] kube::Error),
}

/// A request's answer, if it comes in time.
///
/// # Errors
/// When it doesn't, or is an error.
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
