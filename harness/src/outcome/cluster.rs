//! Problems of the cluster.

use std::error::Error;
use std::time::Duration;

use super::Kind;

/// What the cluster did, or did not do; nothing can be said of the adapter then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterProblem {
    /// A request of the harness' own failed.
    #[error("{doing}")]
    Call {
        /// What was asked for.
        doing: String,
        /// Why it failed.
        #[source]
        source: ClusterError,
    },
    /// The API server refused what the harness or the scenario asked for.
    #[error("{doing}")]
    Refused {
        /// What was asked for.
        doing: String,
        /// Its refusal.
        #[source]
        source: ClusterError,
    },
    /// A request of the harness' own was not answered in time.
    #[error("{doing}: not within {:.1}s", .within.as_secs_f64())]
    Late {
        /// What was asked for.
        doing: String,
        /// The time it had.
        within: Duration,
    },
    /// A watch failed and did not recover.
    #[error("the watch failed: {error}{}", .before.as_deref().map_or_else(String::new, |seen| format!("; before that, {seen}")))]
    Watch {
        /// Why.
        error: String,
        /// What was seen before it failed.
        before: Option<String>,
    },
    /// Nothing was seen at all, not even that there is nothing.
    #[error("nothing was seen yet")]
    NothingSeen,
    /// A watch ended, which goes on for ever by itself.
    #[error("{of}: the watch ended")]
    WatchEnded {
        /// What was waited for.
        of: String,
    },
    /// The cluster opens no connection to a pod.
    #[error("{doing}")]
    Connect {
        /// Where it was to lead.
        doing: String,
        /// Why.
        #[source]
        source: ClusterError,
    },
    /// The cluster issues no certificate.
    #[error("{doing}")]
    Mint {
        /// What it is for.
        doing: String,
        /// Why.
        #[source]
        source: ClusterError,
    },
    /// As many pods are wanted as expected, and the cluster doesn't have them ready.
    #[error("{wanted} are wanted and {ready} ready")]
    Replicas {
        /// The Deployment's wanted number.
        wanted: i32,
        /// How many are ready.
        ready: i32,
    },
    /// The HPA controller did not judge an HPA, and the adapter did not keep it from that.
    #[error(
        "the HPA controller has not judged HPA {name} since the step before, and the adapter answers"
    )]
    NotJudged {
        /// The HPA.
        name: String,
    },
    /// The HPA controller made too few syncs to judge anything by their number.
    #[error(
        "the HPA controller made {syncs} syncs in {:.1}s, with a period of {:.1}s; give it more of the processor", .elapsed.as_secs_f64(), .period.as_secs_f64()
    )]
    TooFewSyncs {
        /// How many it made.
        syncs: u64,
        /// In which time.
        elapsed: Duration,
        /// How often it should make one.
        period: Duration,
    },
    /// A pod of the installation that isn't judged is not ready.
    #[error("{what}: not within {within:?}; pods: {seen}")]
    PodNotReady {
        /// What was waited for.
        what: String,
        /// The time it had.
        within: Duration,
        /// The pods that there are.
        seen: String,
    },
    /// A node can't pull an image.
    #[error(
        "pod {pod} can't have image {image} ({reason}: {message}); let the nodes pull it, or name what they can pull by --image NAME=REFERENCE"
    )]
    NoImage {
        /// The pod.
        pod: String,
        /// The image.
        image: String,
        /// The kubelet's reason.
        reason: String,
        /// Its message.
        message: String,
    },
    /// The API server refuses pods: by a quota, PodSecurity, a policy or a webhook.
    #[error(
        "the pods of Deployment {deployment} are refused: {message}; let the quota or the policy that is named there allow them"
    )]
    PodsRefused {
        /// The Deployment.
        deployment: String,
        /// The refusal.
        message: String,
    },
    /// The cluster can't run a pod as its manifest says.
    #[error("pod {pod} can't be run here: {message}")]
    PodNotSupported {
        /// Its namespace and name.
        pod: String,
        /// The kubelet's message.
        message: String,
    },
    /// A value that a sample application shows doesn't come to the adapter.
    #[error(
        "{metric} did not arrive at the adapter as {value} within {within:?}: {}; look at the first that lacks it: --feed says how Prometheus finds the application, --metric by which name the adapter serves its load", .hops.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    )]
    NotArrived {
        /// The metric, as the adapter serves it.
        metric: String,
        /// The value that each pod shows.
        value: f64,
        /// The time it had.
        within: Duration,
        /// What each hop has of it.
        hops: Vec<Hop>,
    },
    /// The cluster could not be started.
    #[error("{doing}")]
    NotStarted {
        /// For what.
        doing: String,
        /// Why.
        #[source]
        source: ClusterError,
    },
}

/// What was seen at one hop of a value's way from an application to an HPA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {seen}")]
pub struct Hop {
    /// Who was asked.
    pub at: &'static str,
    /// The answer, shortened.
    pub seen: String,
}

/// Any error of a cluster's client.
pub type ClusterError = Box<dyn Error + Send + Sync>;

impl ClusterProblem {
    /// A call of the API server that failed; what it answered itself is its refusal.
    pub fn call(doing: impl Into<String>, source: impl Into<ClusterError>) -> Self {
        let (doing, source) = (doing.into(), source.into());
        if is_refusal(&*source) {
            Self::Refused { doing, source }
        } else {
            Self::Call { doing, source }
        }
    }

    /// What sort of problem it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Call { .. } | Self::Late { .. } => Kind::ApiServerUnreachable,
            Self::Refused { .. } => Kind::ApiServerRefused,
            Self::NotJudged { .. } | Self::TooFewSyncs { .. } => Kind::NotJudged,
            Self::Watch { .. } | Self::NothingSeen => Kind::WatchFailed,
            Self::WatchEnded { .. } => Kind::WatchEnded,
            Self::Connect { .. } => Kind::NoConnection,
            Self::Mint { .. } => Kind::NotMinted,
            Self::Replicas { .. } | Self::PodNotReady { .. } => Kind::PodsNotReady,
            Self::PodNotSupported { .. } => Kind::PodNotSupported,
            Self::NoImage { .. } => Kind::NoImage,
            Self::PodsRefused { .. } => Kind::PodsRefused,
            Self::NotArrived { .. } => Kind::MetricNotArrived,
            Self::NotStarted { .. } => Kind::ClusterNotStarted,
        }
    }
}

/// Whether the API server answered, and refused.
fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if refusal(error).is_some() {
            return true;
        }
        next = error.source();
    }
    false
}

/// What the API server says, where an error is its refusal. The client's own text has that twice, and all fields of the answer.
pub(super) fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let Some(kube::Error::Api(status)) = error.downcast_ref() else {
        return None;
    };
    let mut said = [&status.message, &status.reason].into_iter();
    let said = said.find(|said| !said.is_empty()).cloned();
    Some(said.unwrap_or_else(|| format!("status {}", status.code)))
}
