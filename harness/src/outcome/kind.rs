//! Kinds of problems: stable names, for lies, reports and whoever reads them by a program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What sort of problem it is. The names stay as they are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Kind {
    /// Another HTTP status was answered.
    UnexpectedStatus,
    /// A redirect was answered, which no client of the metrics APIs follows.
    Redirect,
    /// A header of the answer is another one, or missing.
    UnexpectedHeader,
    /// The answer's body is another one.
    UnexpectedBody,
    /// There was an answer where there should be none.
    UnexpectedAnswer,
    /// A connection ended that should stay, or stayed where it should end.
    UnexpectedConnection,
    /// Some requests of a load failed.
    RequestsFailed,
    /// The discovery documents aren't sorted.
    DiscoveryUnsorted,
    /// The discovery documents of a group contradict each other.
    DiscoveryDiffers,
    /// The discovery documents lack a resource.
    DiscoveryIncomplete,
    /// There is no such object.
    NoSuchObject,
    /// A Deployment has another number of replicas.
    UnexpectedReplicas,
    /// A number of replicas was not the one that it converges to in time, or did not stay so.
    DidNotSettle,
    /// A number of replicas went too far beyond the one that it converges to.
    Overshoot,
    /// A number of replicas turned from rising to falling, or back, too often.
    TurnedTooOften,
    /// A number of replicas was above what it may be at any time.
    WentAbove,
    /// A number of replicas was below what it may be at any time.
    WentBelow,
    /// A condition has another status, reason or message.
    UnexpectedCondition,
    /// An HPA shows another current value.
    UnexpectedValue,
    /// A pod is in another state.
    UnexpectedPod,
    /// An object has other fields, or is there where it should be absent.
    UnexpectedObject,
    /// A target of Prometheus is in another state.
    UnexpectedTarget,
    /// Prometheus answers a query with other values.
    UnexpectedQueryResult,
    /// Another certificate is served.
    UnexpectedCertificate,
    /// The API server accepted an object that it should refuse, or refused it differently.
    NotRefused,
    /// A state that had to stay has changed.
    DidNotStay,
    /// The HPA controller did not judge the HPA.
    NotJudged,
    /// The adapter's pod is not ready.
    AdapterNotReady,
    /// The adapter ended while nothing was done to it.
    AdapterEnded,

    /// The API server can't be reached, or doesn't answer in time.
    ApiServerUnreachable,
    /// The API server refused what the harness or the scenario asked for.
    ApiServerRefused,
    /// A watch failed, and did not recover in time.
    WatchFailed,
    /// A watch ended.
    WatchEnded,
    /// The cluster opens no connection to a pod.
    NoConnection,
    /// The cluster issues no certificate.
    NotMinted,
    /// Pods that aren't judged aren't ready.
    PodsNotReady,
    /// A node can't pull an image.
    NoImage,
    /// A quota, a policy or a webhook refuses pods.
    PodsRefused,
    /// The cluster can't run a pod as its manifest says.
    PodNotSupported,
    /// A value of a sample application did not come to an adapter that was there already.
    MetricNotArrived,
    /// The cluster could not be started.
    ClusterNotStarted,

    /// The Prometheus of the installation, fake or real, doesn't answer or doesn't take its script.
    PrometheusUnreachable,
    /// The fake Prometheus was restarted, and lost its series.
    PrometheusRestarted,
    /// The sample applications did not get their traffic.
    TrafficNotShared,
    /// The harness could not make enough requests in time.
    TooFewRequests,
    /// A certificate or a document of the harness' own could not be made.
    NotMade,
    /// A file could not be read or written.
    FileUnusable,
    /// The scenario asks for what its installation doesn't have.
    NotInstalled,
    /// The scenario asks for what can't be told.
    Scenario,
    /// A task of the harness ended before the scenario.
    TaskEnded,
    /// The run was interrupted.
    Interrupted,

    /// A request got no answer.
    #[serde(untagged)]
    Request(RequestFailure),
}

/// Why a request has no answer.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RequestFailure {
    /// Nothing listens there.
    ConnectionRefused,
    /// The connection ended before the answer was whole.
    ConnectionClosed,
    /// There was no whole answer in time.
    TimeOut,
    /// The other side refused the TLS handshake by an alert.
    TlsAlert,
    /// The TLS handshake failed otherwise.
    TlsHandshake,
    /// The serving certificate is for other names.
    CertificateName,
    /// The serving certificate's time is over.
    CertificateExpired,
    /// The serving certificate's time is still to come.
    CertificateNotYetValid,
    /// The serving certificate's authority is not in the caBundle.
    CertificateUntrusted,
    /// The serving certificate is not for servers.
    CertificatePurpose,
    /// The serving certificate is unusable otherwise.
    CertificateUnusable,
    /// What was answered is not HTTP.
    NotHttp,
}

shown_as_written!(Kind, RequestFailure);
