//! The file's shape, version `setpoint.dev/v1alpha1`. Unknown keys are errors.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::own::OwnAdapter;
use crate::format::{ApiVersion, Checks, Install, Metric, Need, Place, Sample, Span, copies};
use crate::steps::Step;

/// A scenario file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Document {
    /// `setpoint.dev/v1alpha1`
    #[expect(dead_code, reason = "the deserializer has checked it")]
    api_version: ApiVersion,
    /// The behaviour, as a sentence.
    pub(crate) scenario: String,
    /// Ids of the obligations and facts that it proves (`setpoint explain`).
    #[serde(default)]
    pub(crate) proves: Vec<String>,
    /// What the cluster and the adapter must offer.
    #[serde(default)]
    pub(crate) needs: Vec<Need>,
    /// Which of the product's kustomizations is installed.
    #[serde(default)]
    pub(crate) install: Install,
    /// Scenario seconds per wall second, of the fake Prometheus.
    #[serde(default = "one")]
    pub(crate) speed: f64,
    /// Choices of the control plane.
    #[serde(default)]
    pub(crate) cluster: ClusterOptions,
    /// The adapter that is installed in place of the one that is judged: `scripted`, or `scripted:LIE` for one that is wrong on purpose. For facts of
    /// the control plane, which accuse no adapter.
    pub(crate) adapter: Option<OwnAdapter>,
    /// Metrics in the neutral form that every adapter can be fed by.
    #[serde(default, deserialize_with = "copies::metrics")]
    pub(crate) metrics: Vec<Metric>,
    /// Series of the fake Prometheus, as they are.
    #[serde(default)]
    pub(crate) series: Vec<Sample>,
    /// prometheus-adapter's configuration, in place of the installed one.
    #[serde(default)]
    pub(crate) rules: Option<String>,
    /// Files beside the scenario with one Kubernetes object each, which is applied as those of `manifests` are.
    #[serde(default)]
    pub(crate) uses: Vec<String>,
    /// Kubernetes objects that are applied after the adapter. One that is in a file of `uses` too is merged into it. `{copies: 100, of: {…}}` is
    /// a hundred objects, in whose texts `{n}` is a number from 1 on.
    // As they are written; once a scenario is read, these are all objects, copies and those of `uses` too.
    #[serde(default)]
    pub(crate) manifests: Vec<Value>,
    /// What is done and expected, in order.
    pub(crate) steps: Vec<Step>,
}

impl Document {
    /// Whether the scenario does to the cluster what removing its objects doesn't undo: it has its certificates replaced, as many
    /// connections as it takes, or other roles of its control plane.
    pub(crate) fn has_own_cluster(&self) -> bool {
        self.needs.iter().any(|need| need.capability().is_some())
    }
}

fn one() -> f64 {
    1.0
}

/// Choices of the control plane; stated in the report.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ClusterOptions {
    /// The HPA controller's period; 1s here, 15s in Kubernetes.
    pub(crate) hpa_sync_period: Option<Span>,
    /// The HPA controller's downscale stabilization; 5s here, 5m in Kubernetes.
    pub(crate) downscale_stabilization: Option<Span>,
    /// Feature gates of the kube-apiserver that are not as they are by default.
    #[serde(default)]
    pub(crate) api_server_feature_gates: BTreeMap<String, bool>,
    /// The same of the kube-controller-manager.
    #[serde(default)]
    pub(crate) controller_manager_feature_gates: BTreeMap<String, bool>,
}

impl ClusterOptions {
    /// Whether there is anything to choose.
    pub(crate) fn are_chosen(&self) -> bool {
        let Self {
            hpa_sync_period,
            downscale_stabilization,
            api_server_feature_gates,
            controller_manager_feature_gates,
        } = self;
        hpa_sync_period.is_some()
            || downscale_stabilization.is_some()
            || !api_server_feature_gates.is_empty()
            || !controller_manager_feature_gates.is_empty()
    }

    pub(super) fn check(&self, places: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.hpa_sync_period, places.key("hpaSyncPeriod"));
        for (key, gates) in [
            ("apiServerFeatureGates", &self.api_server_feature_gates),
            (
                "controllerManagerFeatureGates",
                &self.controller_manager_feature_gates,
            ),
        ] {
            for gate in gates.keys().filter(|gate| !is_gate(gate)) {
                checks.at(
                    places.key(key),
                    format!(
                        "`{gate}` is no name of a feature gate, which has letters and digits only"
                    ),
                );
            }
        }
    }
}

/// Whether a feature gate can have this name, and a flag can hold it.
fn is_gate(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_ascii_alphanumeric())
}
