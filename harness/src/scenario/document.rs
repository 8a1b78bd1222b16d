//! The file's shape, version `setpoint.dev/v1alpha1`. Unknown keys are errors.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::own::OwnAdapter;
use crate::format::{
    ApiVersion, Checks, Install, Metric, Need, ObjectRef, Place, Sample, Span, copies, rules,
};
use crate::steps::{self, Needs, Step};

/// How fast or slow the fake Prometheus' clock may run.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-3..=1e4;

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
    #[serde(default, deserialize_with = "copies::manifests")]
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

/// Whether the object is one of the roles and bindings that Kubernetes keeps for itself
/// (kubernetes.io, "Using RBAC Authorization", default roles and role bindings).
fn is_system_role(object: &ObjectRef) -> bool {
    object.api_version.starts_with("rbac.authorization.k8s.io/")
        && object.name.starts_with("system:")
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

    fn check(&self, places: &Place, checks: &mut Checks<'_>) {
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

impl Document {
    /// Notes what is wrong with it beyond its shape.
    pub(super) fn check(&self, places: &Place, text: &str, checks: &mut Checks<'_>) {
        self.check_head(places, text, checks);
        checks.metrics(&self.metrics, places.key("metrics"));
        checks.series(&self.series, places.key("series"));
        checks.manifests(&self.manifests, places.key("manifests"));
        steps::check(&self.steps, places.key("steps"), checks);
        self.check_prometheus(places, checks);
        self.check_system_roles(places, checks);
        self.check_steps_needs(places, checks);
        self.check_proven(places, checks);
    }

    fn check_head(&self, places: &Place, text: &str, checks: &mut Checks<'_>) {
        if self.scenario.trim().is_empty() {
            checks.at(
                places.key("scenario"),
                "the scenario needs a sentence that says what it proves",
            );
        }
        if self.steps.is_empty() {
            checks.at(
                places.key("steps"),
                "a scenario without steps proves nothing",
            );
        }
        if !SPEEDS.contains(&self.speed) {
            checks.at(
                places.key("speed"),
                format!("a speed is between {} and {}", SPEEDS.start(), SPEEDS.end()),
            );
        }
        self.cluster.check(places.key("cluster"), checks);
        if let Some(rules) = &self.rules {
            let place = places.key("rules");
            let of_external = self.needs.contains(&Need::ExternalMetrics);
            if !self.needs.contains(&Need::PrometheusAdapterRules) && !of_external {
                checks.at(
                    place,
                    "rules need `needs: [prometheus-adapter-rules]`: not every adapter reads them; where they only give external metrics their names, [external-metrics] will do",
                );
            }
            for (line, column, problem) in rules::problems(rules, place, text) {
                checks.at_line(line, column, problem);
            }
        }
    }

    /// Whether a scenario that changes roles of the control plane says so: the next one on its cluster would lack them.
    fn check_system_roles(&self, places: &Place, checks: &mut Checks<'_>) {
        if self.needs.contains(&Need::SystemRoles) {
            return;
        }
        let problem = "a role of the control plane is changed: `needs: [system-roles]` gives the scenario a cluster that nobody has after it";
        let mut named = self.manifests.iter().map(ObjectRef::of);
        if named.any(|object| is_system_role(&object)) {
            checks.at(places.key("manifests"), problem);
        }
        for (index, step) in self.steps.iter().enumerate() {
            if step.changes().iter().any(is_system_role) {
                checks.at(places.key("steps").item(index), problem);
            }
        }
    }

    /// Whether a scenario says what its steps need of the cluster: not every backend has it, and a cluster of others must not go on to trust
    /// authorities of a scenario.
    fn check_steps_needs(&self, places: &Place, checks: &mut Checks<'_>) {
        let trust = "the authorities that the API server names are changed: `needs: [mint]` gives the scenario a cluster that nobody has after it";
        let pairs = "the adapter gets a pair for names: say so by `needs: [sni-pairs]`";
        let pauses = "the API server pauses: say so by `needs: [pausing-api-server]`";
        for (index, step) in self.steps.iter().enumerate() {
            let needs = step.needs();
            for (is_needed, need, problem) in [
                (needs.own_trust, Need::Mint, trust),
                (needs.sni_pairs, Need::SniPairs, pairs),
                (needs.pausing_api_server, Need::PausingApiServer, pauses),
            ] {
                if is_needed && !self.needs.contains(&need) {
                    checks.at(places.key("steps").item(index), problem);
                }
            }
        }
    }

    /// Whether what steps are about is among what the scenario proves.
    fn check_proven(&self, places: &Place, checks: &mut Checks<'_>) {
        for (index, step) in self.steps.iter().enumerate() {
            let place = places.key("steps").item(index);
            for (number, id) in step.proves.iter().enumerate() {
                if !self.proves.contains(id) {
                    checks.at(
                        Step::place_of_proven(place, number),
                        format!("`{id}` isn't among what the scenario `proves`"),
                    );
                }
            }
        }
    }

    /// Whether what is asked of a real and of the fake Prometheus fits to which of them is installed.
    fn check_prometheus(&self, places: &Place, checks: &mut Checks<'_>) {
        let real = self.install.has_real_prometheus();
        let needs = self.steps.iter().map(|step| step.needs());
        let feeds = needs.fold(Needs::default(), Needs::and).fake_prometheus;
        if real && (feeds || !self.metrics.is_empty() || !self.series.is_empty()) {
            checks.at(
                places.key("install"),
                "a real Prometheus scrapes; `metrics`, `series` and `fault` are the fake one's",
            );
        }
        for (index, step) in self.steps.iter().enumerate() {
            if !real && step.needs().real_prometheus {
                checks.at(
                    places.key("steps").item(index),
                    "a `target` and a `query` are a real Prometheus'; install: walkthrough-scrape has one",
                );
            }
        }
    }
}
