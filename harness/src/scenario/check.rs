//! What can be wrong with a scenario beyond its shape.

use super::{Document, proven};
use crate::format::{Checks, Need, ObjectRef, Place, copies, rules};
use crate::steps::{self, Needs, Step};

/// How fast or slow the fake Prometheus' clock may run.
const SPEEDS: std::ops::RangeInclusive<f64> = 1e-3..=1e4;

/// Whether the object is one of the roles and bindings that Kubernetes keeps for itself
/// (kubernetes.io, "Using RBAC Authorization", default roles and role bindings).
fn is_system_role(object: &ObjectRef) -> bool {
    object.api_version.starts_with("rbac.authorization.k8s.io/")
        && object.name.starts_with("system:")
}

impl Document {
    /// Notes what is wrong with it beyond its shape.
    pub(super) fn check(&self, places: &Place, text: &str, checks: &mut Checks<'_>) {
        self.check_head(places, text, checks);
        checks.metrics(&self.metrics, places.key("metrics"));
        checks.series(&self.series, places.key("series"));
        checks.objects_and_copies(&self.manifests, places.key("manifests"));
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
        let written = self.manifests.iter().map(copies::template);
        if written.map(ObjectRef::of).any(|of| is_system_role(&of)) {
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

    /// Whether there is what the scenario proves, and what steps are about is among it.
    fn check_proven(&self, places: &Place, checks: &mut Checks<'_>) {
        for (index, problem) in proven::problems(&self.proves) {
            checks.at(places.key("proves").item(index), problem);
        }
        for (index, step) in self.steps.iter().enumerate() {
            let place = places.key("steps").item(index);
            let wrong = proven::problems(&step.proves);
            for (number, id) in step.proves.iter().enumerate() {
                if !self.proves.contains(id) && !wrong.contains_key(&number) {
                    checks.at(
                        Step::place_of_proven(place, number),
                        format!("`{id}` isn't among what the scenario `proves`"),
                    );
                }
            }
            for (number, problem) in wrong {
                checks.at(Step::place_of_proven(place, number), problem);
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
