//! Why a cluster that exists can't be used.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::KubeconfigError;
use serde_saphyr::UserMessageFormatter;
use setpoint_support::error_chain;

use crate::provider::{Fault, ProviderError};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why a cluster that exists can't be used, or was not left as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExistingError {
    /// No cluster was named.
    #[error(
        "which cluster that exists is meant? name it by --kubeconfig FILE and --context NAME; the current context is never taken"
    )]
    NotNamed,
    /// What was asked for is the affair of the cluster's owner.
    #[error(
        "{doing} a cluster that exists: that is its owner's affair; `setpoint run --cluster existing` uses it"
    )]
    NotOurs {
        /// What was asked for.
        doing: &'static str,
    },
    /// The kubeconfig can't be read.
    #[error("read kubeconfig {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is no kubeconfig.
    #[error("{} is no kubeconfig: {problem}", path.display())]
    NoKubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        problem: String,
    },
    /// What the kubeconfig says of the context can't be used.
    #[error("use kubeconfig {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: KubeconfigError,
    },
    /// It has no such context.
    #[error("kubeconfig {} has no context `{context}`; it has {there}", path.display())]
    NoContext {
        /// The file.
        path: PathBuf,
        /// What was asked for.
        context: String,
        /// Those that it has.
        there: String,
    },
    /// The API server doesn't answer.
    #[error(
        "reach the API server of context `{context}` at {server}; is the cluster up, and this machine allowed to reach it?"
    )]
    Unreachable {
        /// The context.
        context: String,
        /// The API server's URL.
        server: String,
        /// Why not.
        #[source]
        source: BoxError,
    },
    /// What answers is no API server of Kubernetes, or refuses the user.
    #[error(
        "ask the API server of context `{context}` at {server} for its version; is it Kubernetes, and are the context's credentials valid there?"
    )]
    NoVersion {
        /// The context.
        context: String,
        /// The API server's URL.
        server: String,
        /// Its answer.
        #[source]
        source: BoxError,
    },
    /// The API server doesn't serve what HPAs and adapters take.
    #[error(
        "the API server of context `{context}` is {version} and doesn't serve {}; Kubernetes does since v1.23",
        lacks.join(", ")
    )]
    Version {
        /// The context.
        context: String,
        /// Its version, as it says.
        version: String,
        /// The API versions that are not there.
        lacks: Vec<&'static str>,
    },
    /// The API server refuses, or a request fails.
    #[error("{doing}")]
    Request {
        /// What was being done.
        doing: String,
        /// Its answer.
        #[source]
        source: BoxError,
    },
    /// The user's rights don't suffice.
    #[error(
        "the user of context `{context}` may not {}; bind ClusterRole `{role}` to it: `setpoint run` prints it where --yes is left out",
        missing.join(", nor ")
    )]
    Rights {
        /// The context.
        context: String,
        /// Verb and resource, each.
        missing: Vec<String>,
        /// What helps.
        role: String,
    },
    /// There is another adapter.
    #[error(
        "{}. Setpoint changes nothing of others: choose a cluster without an adapter",
        found.join("; ")
    )]
    Taken {
        /// The APIServices, each with its owner.
        found: Vec<String>,
    },
    /// There is no adapter to judge.
    #[error("nobody serves custom.metrics.k8s.io in this cluster: install an adapter")]
    NoAdapter,
    /// HPAs aren't judged.
    #[error(
        "the cluster judged no HPA within {} s: it has no HPA controller, or that one is stuck; look at the kube-controller-manager",
        limit.as_secs()
    )]
    NoHpaController {
        /// How long it was waited for.
        limit: Duration,
    },
    /// A namespace isn't ready for pods.
    #[error(
        "namespace {namespace} has no ServiceAccount `default` after {} s: the kube-controller-manager doesn't make it",
        limit.as_secs()
    )]
    NoServiceAccount {
        /// The namespace.
        namespace: String,
        /// How long it was waited for.
        limit: Duration,
    },
    /// Something of ours is still there.
    #[error(
        "still there {} s after they were to be removed: {}; `setpoint reap` looks again, once what is named there is mended",
        limit.as_secs(),
        left.join("; ")
    )]
    Left {
        /// Each object or kind of objects, and what keeps it.
        left: Vec<String>,
        /// How long their end was waited for.
        limit: Duration,
    },
    /// A run did not begin, and what it had made by then could not be removed.
    #[error("{}", error_chain(&**begun))]
    NotBegun {
        /// Why it did not begin.
        begun: Box<Self>,
        /// What could not be removed, and why.
        left: Box<Self>,
    },
    /// This process doesn't know itself.
    #[error("read what identifies this process in /proc")]
    Process(#[source] io::Error),
    /// It was given up.
    #[error("interrupted")]
    Interrupted,
}

impl ExistingError {
    /// Why a kubeconfig leads to no cluster. The library's own error would say the file and what the system says once more.
    pub(super) fn of_kubeconfig(path: &Path, error: KubeconfigError) -> Self {
        let path = path.to_owned();
        match error {
            KubeconfigError::ReadConfig(source, _) => Self::Unreadable { path, source },
            KubeconfigError::Parse(error) => {
                let error = error.without_snippet();
                let problem = error.render_with_formatter(&UserMessageFormatter);
                Self::NoKubeconfig { path, problem }
            }
            source => Self::Kubeconfig { path, source },
        }
    }

    pub(super) fn request<E: Into<BoxError>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Self::Request {
            doing,
            source: source.into(),
        }
    }
}

impl From<ExistingError> for ProviderError {
    fn from(error: ExistingError) -> Self {
        if let ExistingError::NotBegun { begun, left } = error {
            return Self::from(*begun).leaving(error_chain(&*left));
        }
        let fault = match &error {
            ExistingError::NotNamed
            | ExistingError::NotOurs { .. }
            | ExistingError::Unreadable { .. }
            | ExistingError::NoKubeconfig { .. }
            | ExistingError::Kubeconfig { .. }
            | ExistingError::NoContext { .. } => Fault::Caller,
            ExistingError::Interrupted => Fault::Interrupted,
            _ => Fault::Cluster,
        };
        Self::new(fault, error)
    }
}
