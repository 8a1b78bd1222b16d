//! The file's shape, version `setpoint.dev/v1alpha1`. Unknown keys are errors.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Span;
use super::pki::{PkiStep, Restarted};
use super::pod::PodExpectation;
use super::request::{LoadStep, RequestStep};

/// A scenario file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Document {
    /// `setpoint.dev/v1alpha1`
    pub api_version: ApiVersion,
    /// The behaviour, as a sentence.
    pub scenario: String,
    /// Rows of the failure matrix that it proves.
    #[serde(default)]
    pub proves: Vec<String>,
    /// What the cluster and the adapter must offer.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Which of the product's kustomizations is installed.
    #[serde(default)]
    pub install: Install,
    /// Scenario seconds per wall second, of the fake Prometheus.
    #[serde(default = "one")]
    pub speed: f64,
    /// Choices of the control plane.
    #[serde(default)]
    pub cluster: ClusterOptions,
    /// Metrics in the neutral form that every adapter can be fed by.
    #[serde(default)]
    pub metrics: Vec<Metric>,
    /// Series of the fake Prometheus, as they are.
    #[serde(default)]
    pub series: Vec<Sample>,
    /// prometheus-adapter's configuration, in place of the installed one.
    #[serde(default)]
    pub rules: Option<String>,
    /// Kubernetes objects that are applied after the adapter.
    #[serde(default)]
    pub manifests: Vec<Value>,
    /// What is done and expected, in order.
    pub steps: Vec<Step>,
}

fn one() -> f64 {
    1.0
}

/// The format's version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The only one so far.
    #[serde(rename = "setpoint.dev/v1alpha1")]
    V1alpha1,
}

/// Something that not every adapter or cluster offers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// The adapter serves custom.metrics.k8s.io.
    CustomMetrics,
    /// The cluster runs the HPA controller.
    Hpa,
    /// The adapter reads prometheus-adapter's rules.
    PrometheusAdapterRules,
    /// The adapter takes its values from Prometheus.
    Prometheus,
    /// The adapter tells the series of one metric apart by their labels (`metricLabelSelector`).
    MetricSelectors,
    /// The adapter's own discovery is there in aggregated form.
    AggregatedDiscovery,
    /// The adapter's own discovery is always in the same order.
    SortedDiscovery,
    /// The cluster gives certificates of its authorities away.
    Mint,
    /// The cluster lets the harness reach pods by hundreds of connections a second.
    ManyConnections,
}

impl std::fmt::Display for Need {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CustomMetrics => "custom-metrics",
            Self::Hpa => "hpa",
            Self::PrometheusAdapterRules => "prometheus-adapter-rules",
            Self::Prometheus => "prometheus",
            Self::MetricSelectors => "metric-selectors",
            Self::AggregatedDiscovery => "aggregated-discovery",
            Self::SortedDiscovery => "sorted-discovery",
            Self::Mint => "mint",
            Self::ManyConnections => "many-connections",
        })
    }
}

/// A kustomization of `adapter/deploy`.
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
}

/// Choices of the control plane; stated in the report.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterOptions {
    /// The HPA controller's period; 1s here, 15s in Kubernetes.
    pub hpa_sync_period: Option<Span>,
    /// The HPA controller's downscale stabilization; 5s here, 5m in Kubernetes.
    pub downscale_stabilization: Option<Span>,
}

/// A metric's values over time, for objects.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metric {
    /// The custom metric's name.
    pub custom: String,
    /// The objects.
    pub on: On,
    /// The objects' namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Values in promtool's notation. A pod that is born later gets what is left of them.
    pub values: String,
    /// Time between two values; wall time times the speed.
    #[serde(default = "one_second")]
    pub interval: Span,
    /// Whether the last value goes on for ever.
    #[serde(default = "yes")]
    pub hold: bool,
    /// Further labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

fn default_namespace() -> String {
    "default".to_owned()
}

fn one_second() -> Span {
    Span::Time(std::time::Duration::from_secs(1))
}

fn yes() -> bool {
    true
}

/// Which objects have a metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum On {
    /// All pods with these labels, each with the values.
    Pods(BTreeMap<String, String>),
    /// One object.
    Object(ObjectOfMetric),
}

/// One object that has a metric.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ObjectOfMetric {
    /// The label that names it, such as `service`.
    pub label: String,
    /// Its name.
    pub name: String,
}

/// A series of the fake Prometheus.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Sample {
    /// Name and labels, as PromQL writes them.
    pub series: String,
    /// Values in promtool's notation.
    pub values: String,
    /// Time between two values.
    #[serde(default = "one_second")]
    pub interval: Span,
    /// Whether the last value goes on for ever.
    #[serde(default)]
    pub hold: bool,
}

/// One step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Applies Kubernetes objects.
    Apply(Vec<Value>),
    /// Applies an object that the API server must refuse.
    Refused(RefusedStep),
    /// Deletes an object.
    Delete(ScenarioObject),
    /// Puts an object back as it was installed, whether it was deleted or changed.
    Restore(ScenarioObject),
    /// Gives metrics new values from now on.
    Metrics(Vec<Metric>),
    /// Breaks something, or mends it.
    Fault(FaultStep),
    /// Waits for a state without judging it.
    Wait(WaitFor),
    /// Expects a state, or that it stays.
    Expect(Expectation),
    /// Makes one request and judges the answer.
    Request(RequestStep),
    /// Gives the adapter another serving pair, and the API server other authorities to verify it with.
    Pki(PkiStep),
    /// Ends the adapter's pods; their Deployment brings new ones.
    Restart(Restarted),
    /// Lets a sample application count requests, shared among its ready pods, from now on.
    Traffic(TrafficStep),
    /// Makes requests all the time while other steps are played, and expects that each is answered by 200.
    Load(LoadStep),
}

/// An object that can't be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RefusedStep {
    /// The object.
    pub apply: Value,
    /// The HTTP status of the refusal.
    pub status: u16,
    /// What its message must hold.
    pub message: String,
}

/// Traffic to a sample application (`setpoint sample-app`): whenever its ready pods change, each gets its share anew.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrafficStep {
    /// The Deployment, such as `deployment/web`.
    pub to: String,
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The port of its pods.
    #[serde(default = "sample_port")]
    pub port: u16,
    /// Requests a second, of all pods together.
    pub total: f64,
    /// Time until every ready pod has its share, and there is one.
    pub within: Option<Span>,
}

fn sample_port() -> u16 {
    8080
}

/// An object by kind and name.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScenarioObject {
    /// Its API version.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// What is broken.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FaultStep {
    /// The fake Prometheus answers differently, until `none`.
    Prometheus(PrometheusFault),
    /// Nothing is broken any more.
    None(Nothing),
}

/// An empty map.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// How the fake Prometheus answers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrometheusFault {
    /// The HTTP status; without it the true answer comes late.
    pub answer: Option<u16>,
    /// Which paths, such as `/api/v1/query`; all without.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Time before the answer.
    pub delay: Option<Span>,
    /// The body.
    pub body: Option<String>,
}

/// What is waited for.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaitFor {
    /// The state.
    #[serde(rename = "for")]
    pub for_: Box<Expectation>,
}

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// Nobody knows.
    Unknown,
}

/// A state that is expected.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Expectation {
    /// A Deployment's replicas.
    Replicas {
        /// The Deployment's name.
        of: String,
        /// Its namespace.
        #[serde(default = "default_namespace")]
        namespace: String,
        /// The number, in its spec and ready.
        equals: i32,
        /// Time until then.
        within: Option<Span>,
        /// Time for which it stays so after the proof.
        #[serde(rename = "for")]
        for_: Option<Span>,
        /// What proves that the new input was judged, where nothing is to change: from the step's beginning until then, and
        /// for the time of `for`, the number is what it is.
        after: Option<Box<Self>>,
    },
    /// An HPA's state.
    Hpa {
        /// Its name.
        name: String,
        /// Its namespace.
        #[serde(default = "default_namespace")]
        namespace: String,
        /// A condition's type.
        condition: Option<String>,
        /// The condition's status.
        status: Option<ConditionStatus>,
        /// The condition's reason.
        reason: Option<String>,
        /// What the condition's message must hold.
        message: Option<String>,
        /// The current average value or value of its first metric, a quantity.
        current: Option<String>,
        /// By which part of it the current value may differ, such as 0.1.
        #[serde(default)]
        tolerance: f64,
        /// Time until then.
        within: Option<Span>,
    },
    /// An APIService's condition `Available`.
    Apiservice {
        /// Its name.
        name: String,
        /// The condition's status.
        available: ConditionStatus,
        /// The condition's reason.
        reason: Option<String>,
        /// What the condition's message must hold.
        message: Option<String>,
        /// Time until then.
        within: Option<Span>,
        /// Time for which it stays so from then on.
        #[serde(rename = "for")]
        for_: Option<Span>,
    },
    /// A pod's state, what was told of it, and what it told.
    Pod(PodExpectation),
    /// The adapter's own discovery of a group: sorted, and equal in legacy and aggregated form.
    Discovery {
        /// The group.
        group: String,
        /// The version.
        version: String,
        /// Resources that must be there.
        #[serde(default)]
        has: Vec<String>,
        /// Time until they are.
        within: Option<Span>,
    },
    /// Targets of a real Prometheus, all that have these labels.
    Target {
        /// Labels that they had before relabelling, such as `__meta_kubernetes_service_name`.
        discovered_labels: BTreeMap<String, String>,
        /// How each of them is.
        health: TargetHealth,
        /// What the error of each one's last scrape must hold.
        last_error: Option<String>,
        /// What the URL of each must hold.
        scrape_url: Option<String>,
        /// Time until then.
        within: Option<Span>,
    },
    /// What a real Prometheus answers to a query.
    Query {
        /// The query, of an instant vector.
        promql: String,
        /// How many elements there are.
        count: usize,
        /// The value of each.
        value: Option<f64>,
        /// By which part of it each may differ, such as 0.1.
        #[serde(default)]
        tolerance: f64,
        /// Time until then.
        within: Option<Span>,
    },
}

/// How a target of Prometheus is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TargetHealth {
    /// The last scrape succeeded.
    Up,
    /// The last scrape failed.
    Down,
    /// Discovered, and dropped by relabelling.
    Dropped,
    /// Not discovered at all.
    Absent,
}
