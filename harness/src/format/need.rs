//! What a scenario needs, and what is installed for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use setpoint_cluster::Capability;

/// Something that not every adapter or cluster offers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The adapter serves custom.metrics.k8s.io or external.metrics.k8s.io. The scenario names the APIService and the paths of the first, `v1beta1`, and
    /// is played with those of the second where the adapter serves that alone.
    MetricsApi,
    /// The adapter serves custom.metrics.k8s.io.
    CustomMetrics,
    /// The adapter serves external.metrics.k8s.io, with values that a scenario sets.
    ExternalMetrics,
    /// The adapter serves metrics.k8s.io.
    ResourceMetrics,
    /// The cluster runs the HPA controller.
    Hpa,
    /// The cluster's HPAs may have `minReplicas: 0`, as from Kubernetes 1.37 on.
    ScaleToZero,
    /// The adapter reads prometheus-adapter's rules.
    PrometheusAdapterRules,
    /// The adapter makes values of series as prometheus-adapter does: a series is a metric of each object that its labels name, NaN is zero, and what a
    /// value has below a thousandth is cut off.
    PrometheusAdapterValues,
    /// The adapter reads the keys of rules that setpoint-adapter has beyond prometheus-adapter's.
    SetpointAdapterRules,
    /// The adapter's failures name their cause: a rule, a value, an answer of Prometheus. No API has words for these, so a
    /// scenario that expects them in the HPA's condition has those of setpoint-adapter.
    SetpointAdapterMessages,
    /// The adapter takes its values from Prometheus.
    Prometheus,
    /// The adapter tells the series of one metric apart by their labels (`metricLabelSelector`).
    MetricSelectors,
    /// The adapter selects objects other than pods too, and objects and series by selectors of any form.
    AnyObject,
    /// The adapter's own discovery is there in aggregated form.
    AggregatedDiscovery,
    /// The adapter's own discovery names each metric. One that embeds `DefaultCustomMetricsProvider` or `DefaultExternalMetricsProvider` of
    /// sigs.k8s.io/custom-metrics-apiserver (pkg/provider/defaults) lists one name in place of all.
    ListedMetrics,
    /// The adapter's own discovery is always in the same order.
    SortedDiscovery,
    /// The adapter does more than documents of the API ask for, as each program does that is built on k8s.io/apiserver: it answers in YAML and protobuf
    /// too, and with 403 where a caller impersonates others without the right to; where it can't read its serving pair or the ConfigMap with the
    /// front proxy's authorities, it ends or isn't ready, and its log names them.
    ApiServerAnswers,
    /// The adapter speaks HTTP/2.
    Http2,
    /// The adapter takes further serving pairs, each for its names, by `--tls-sni-cert-key`, as programs that are built on k8s.io/apiserver do.
    SniPairs,
    /// The adapter goes on to serve for a while after it was asked to end.
    ShutdownDelay,
    /// The cluster gives certificates of its authorities away.
    Mint,
    /// The cluster lets the harness reach pods by hundreds of connections a second.
    ManyConnections,
    /// The cluster is there for this scenario alone, which changes roles of its control plane (`system:…`): they outlive
    /// the scenario's objects.
    SystemRoles,
    /// The cluster's API server can be stopped for a moment.
    PausingApiServer,
}

shown_as_written!(Need);

impl Need {
    /// Whether a cluster offers it, whatever the adapter does.
    pub(crate) fn is_of_the_cluster(self) -> bool {
        matches!(self, Self::Hpa | Self::ScaleToZero) || self.capability().is_some()
    }

    /// What a cluster must be capable of. It is the scenario's own then: what is done to it outlives the scenario's objects.
    pub(crate) fn capability(self) -> Option<Capability> {
        match self {
            Self::Mint => Some(Capability::Mint),
            Self::ManyConnections => Some(Capability::ManyConnections),
            Self::SystemRoles => Some(Capability::SystemRoles),
            Self::PausingApiServer => Some(Capability::PausingApiServer),
            _ => None,
        }
    }
}

/// A kustomization or the chart of `adapter/deploy`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Install {
    /// Modern names, namespace `setpoint`.
    #[default]
    Base,
    /// Classic names, namespace `prom`, with the sample application.
    Walkthrough,
    /// The same with the real Prometheus, which scrapes a sample application that takes `traffic`.
    WalkthroughScrape,
    /// The chart with two replicas, namespace `setpoint`, beside the Prometheus of `base`.
    Chart,
    /// Nothing: an adapter is there already. No file says so, but the command line.
    #[serde(skip_deserializing)]
    #[schemars(skip)]
    Already,
}
