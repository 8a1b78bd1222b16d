//! Where scenarios find their clusters: planes and kind clusters that they share, or one that somebody else owns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use setpoint_cluster::existing::ExistingProvider;
use setpoint_cluster::kind::{KindImage, KindOptions, KindProvider};
use setpoint_cluster::local::{LocalOptions, LocalProvider};
use setpoint_cluster::provision::Binaries;
use setpoint_cluster::{
    Capability, Cluster, ControlPlaneOptions, ImageTable, Lease, LocalImage, Provider,
    StartOptions, StopError,
};
use setpoint_support::error_chain;

use super::{Progress, RunOptions, clean};
use crate::outcome::ClusterProblem;
use crate::profile::Profile;
use crate::programs::{ProgramError, Programs};
use crate::report::{Kept, SkipReason};
use crate::scenario::{ClusterOptions, Document, Scenario};
use crate::timeouts::Timeouts;

/// How many planes there are at once where nobody says.
const MOST_PLANES: usize = 8;

/// What clusters are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClusterKind {
    /// A real control plane in namespaces on this machine
    Local,
    /// A node in a container, by the `kind` command
    Kind,
    /// A cluster that somebody else owns, by its kubeconfig and context
    Existing,
}

impl ClusterKind {
    /// The backend with its own defaults: to look for clusters, and to end them.
    #[must_use]
    pub fn provider(self) -> Box<dyn Provider> {
        match self {
            Self::Local => Box::new(LocalProvider::default()),
            Self::Kind => Box::new(KindProvider::default()),
            Self::Existing => Box::new(ExistingProvider::default()),
        }
    }

    /// How many scenarios are played at once where nobody says. They mostly wait, for probes and for syncs of the HPA controller: on two
    /// processors, four control planes take two thirds of the time of two. A plane takes about half a gigabyte, so there are eight at most.
    #[must_use]
    pub fn jobs(self) -> usize {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self {
            Self::Local => (processors + 2).min(MOST_PLANES),
            Self::Kind | Self::Existing => 2,
        }
    }

    /// Why a scenario can't be judged on such a cluster.
    pub(crate) fn lacks(self, document: &Document) -> Option<SkipReason> {
        if self == Self::Existing && document.install.has_real_prometheus() {
            let why = "one of ours would scrape pods of others too".to_owned();
            return Some(SkipReason::NoPrometheus { why });
        }
        let offered = self.provider().capabilities();
        let needs = document
            .needs
            .iter()
            .filter_map(|need| Some((need.capability()?, need.to_string())));
        let flags = document.cluster.are_chosen().then(|| {
            let need = "flags of the control plane".to_owned();
            (Capability::ControlPlaneFlags, need)
        });
        let mut lacking = needs
            .chain(flags)
            .filter(|(wanted, _)| !offered.contains(wanted));
        lacking.next().map(|(wanted, need)| SkipReason::NotCapable {
            cluster: self.to_string(),
            need,
            why: wanted.lacking().to_owned(),
        })
    }
}

impl std::fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.provider().name())
    }
}

/// Where scenarios get their clusters from.
#[derive(Clone)]
pub struct Backend {
    kind: ClusterKind,
    provider: Arc<dyn Provider>,
}

impl Backend {
    /// Real control planes of these programs, in namespaces on this machine.
    ///
    /// # Errors
    /// When a program can't be read.
    pub fn local(binaries: Binaries, programs: &Programs) -> Result<Self, ProgramError> {
        let mut options = LocalOptions::new(binaries, programs.images()?);
        options.plane_binary.clone_from(&programs.plane);
        Ok(Self {
            kind: ClusterKind::Local,
            provider: Arc::new(LocalProvider::new(options)),
        })
    }

    /// Clusters of the `kind` command for these scenarios: their images are those that manifests name, and the objects beside an adapter.
    ///
    /// # Errors
    /// When a program can't be read.
    pub fn kind(
        mut options: KindOptions,
        scenarios: &[Scenario],
        beside: &[Value],
        programs: &Programs,
    ) -> Result<Self, ProgramError> {
        let objects = scenarios.iter().flat_map(Scenario::objects);
        let objects = objects.chain(beside.iter().cloned());
        options.images = images(objects, &programs.images()?, programs.stand_in()?);
        Ok(Self {
            kind: ClusterKind::Kind,
            provider: Arc::new(KindProvider::new(options)),
        })
    }

    /// A cluster that somebody else owns.
    #[must_use]
    pub fn existing(provider: ExistingProvider) -> Self {
        Self {
            kind: ClusterKind::Existing,
            provider: Arc::new(provider),
        }
    }

    /// What its clusters are made of.
    #[must_use]
    pub fn kind_of_cluster(&self) -> ClusterKind {
        self.kind
    }

    /// How many clusters may start, or be cleared of what the scenario before has left, before it is their scenarios' turn.
    pub(super) fn starts_ahead(&self) -> usize {
        usize::from(self.provider.starts_ahead())
    }

    /// Whether a cluster ends with a scenario that might have left it to the next: on a plane that an HPA had been on, the HPA
    /// controller was once seen to judge the next one of that name only after 20 seconds. A new plane takes less. What a profile brings along
    /// ends with its cluster too: there may be finalizers in it that wait for one of its own programs.
    pub(super) fn ends_after(&self, scenario: &Scenario, profile: &Profile) -> bool {
        if !profile.beside.is_empty() {
            return true;
        }
        let objects = scenario.objects();
        let mut kinds = objects.iter().map(|object| &object["kind"]);
        self.kind == ClusterKind::Local && kinds.any(|kind| kind == "HorizontalPodAutoscaler")
    }

    /// A cluster for a scenario: a new one, or one that another scenario has left.
    pub(super) async fn take(
        &self,
        scenario: &Scenario,
        options: &RunOptions,
        progress: &Arc<dyn Progress>,
    ) -> Result<ClusterLease, NotTaken> {
        let name = scenario.name();
        let starting = match self.kind {
            ClusterKind::Existing => "beginning a run on the cluster".to_owned(),
            kind => format!("starting a {kind} cluster"),
        };
        progress.at(&name, &starting);
        let mut start = StartOptions::default();
        start.control_plane = control_plane_options(&scenario.document.cluster);
        start.exclusive = scenario.document.has_own_cluster();
        start.namespaces = scenario.namespaces();
        start.interrupted = options.interrupted.clone();
        let (told, scenario) = (progress.clone(), name.clone());
        start.progress = Some(Arc::new(move |what| {
            told.at(&scenario, &format!("{starting}: {what}"));
        }));
        let lease = self.provider.lease(&start).await;
        let doing = || format!("start a cluster for `{name}`");
        lease.map(ClusterLease).map_err(|error| NotTaken {
            left: error.left().map(str::to_owned),
            problem: ClusterProblem::NotStarted {
                doing: doing(),
                source: error.into(),
            },
        })
    }

    /// Ends what scenarios have left.
    pub(crate) async fn end(&self) {
        warn_of(self.provider.close().await);
    }
}

/// There is no cluster for a scenario.
pub(super) struct NotTaken {
    /// What could not be removed of it.
    pub(super) left: Option<String>,
    pub(super) problem: ClusterProblem,
}

/// A scenario's cluster, and what becomes of it afterwards.
pub(super) struct ClusterLease(Box<dyn Lease>);

impl ClusterLease {
    pub(super) fn cluster(&self) -> Arc<dyn Cluster> {
        self.0.cluster()
    }

    /// Leaves the cluster as it is, and says where, if the backend can; another one ends.
    pub(super) async fn keep(self) -> Option<Kept> {
        match self.0.keep().await {
            Ok(status) => {
                let status = status?;
                Some(Kept {
                    name: status.name,
                    kubeconfig: status.kubeconfig,
                    expires: status.expires?,
                })
            }
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keep a cluster; it ends"
                );
                None
            }
        }
    }

    /// Leaves the cluster: its own ends, and so does one that is to be removed; a shared one is cleared of the scenario's objects
    /// for the next. What could not be removed comes back.
    pub(super) async fn leave(
        self,
        scenario: &Scenario,
        removes: bool,
        timeouts: &Timeouts,
    ) -> Option<String> {
        let mut is_clean = false;
        if self.0.is_shared() && !removes {
            let cleaned =
                clean::clean(&self.cluster().client(), &scenario.objects(), timeouts).await;
            is_clean = cleaned.is_ok();
            if let Err(error) = cleaned {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "clear a shared cluster; the next scenario gets a new one"
                );
            }
        }
        let left = self.0.give_back(is_clean).await.err()?;
        Some(error_chain(&left))
    }
}

fn warn_of(stopped: Result<(), StopError>) {
    if let Err(error) = stopped {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "remove a cluster; `setpoint reap` tries again"
        );
    }
}

fn control_plane_options(chosen: &ClusterOptions) -> ControlPlaneOptions {
    let mut plane = ControlPlaneOptions::default();
    if let Some(period) = chosen.hpa_sync_period {
        plane.hpa_sync_period = period.duration(plane.hpa_sync_period);
    }
    if let Some(stabilization) = chosen.downscale_stabilization {
        plane.hpa_downscale_stabilization = stabilization.duration(plane.hpa_sync_period);
    }
    plane.api_server_flags = feature_gates(&chosen.api_server_feature_gates);
    plane.controller_manager_flags = feature_gates(&chosen.controller_manager_feature_gates);
    plane
}

/// The flag that sets feature gates, if there are some to set.
fn feature_gates(chosen: &BTreeMap<String, bool>) -> Vec<String> {
    let gates: Vec<String> = chosen
        .iter()
        .map(|(gate, is_on)| format!("{gate}={is_on}"))
        .collect();
    let flag = format!("--feature-gates={}", gates.join(","));
    if gates.is_empty() {
        Vec::new()
    } else {
        vec![flag]
    }
}

/// What the images of objects are on a node: the programs of the table, and for all others the stand-in, as the
/// process kubelet lets pods of unknown images just become ready.
fn images(
    objects: impl Iterator<Item = Value>,
    table: &ImageTable,
    stand_in: (LocalImage, Vec<String>),
) -> Vec<KindImage> {
    let mut references = BTreeSet::new();
    for object in objects {
        image_names(&object, &mut references);
    }
    let mut images: BTreeMap<(PathBuf, Vec<String>), KindImage> = BTreeMap::new();
    for reference in references {
        let (image, arguments) = match table.resolve(&reference) {
            Some(known) => (known.clone(), Vec::new()),
            None => stand_in.clone(),
        };
        let key = (image.program.clone(), arguments.clone());
        let made = images.entry(key).or_insert_with(|| KindImage {
            references: Vec::new(),
            image,
            arguments,
        });
        made.references.push(reference);
    }
    images.into_values().collect()
}

/// The images of an object's containers.
pub(crate) fn image_names(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(containers) = fields.get("containers").and_then(Value::as_array) {
                let named = containers
                    .iter()
                    .filter_map(|container| container["image"].as_str());
                references.extend(named.map(str::to_owned));
            }
            fields
                .values()
                .for_each(|field| image_names(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| image_names(item, references)),
        _ => {}
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;
    use setpoint_cluster::ImageRoot;

    use super::*;

    /// A scenario with these keys beside those that it needs.
    pub(in crate::run) fn document(rest: &str) -> Document {
        let text = format!("{{apiVersion: setpoint.dev/v1alpha1, scenario: x, steps: [], {rest}}}");
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn what_a_port_forward_does_not_carry_is_skipped_on_kind_alone() {
        let all = document("needs: [custom-metrics, mint, many-connections]");
        assert_eq!(ClusterKind::Local.lacks(&all), None);
        let reason = ClusterKind::Kind.lacks(&all).unwrap().to_string();
        assert!(
            reason.starts_with("kind can't do many-connections: a port-forward"),
            "{reason}"
        );
        let fewer = document("needs: [custom-metrics, mint]");
        assert_eq!(ClusterKind::Kind.lacks(&fewer), None);
    }

    #[test]
    fn a_cluster_of_others_lacks_their_keys_and_flags() {
        let lacks = |rest: &str| {
            ClusterKind::Existing
                .lacks(&document(rest))
                .map(|reason| reason.to_string())
        };
        assert_eq!(lacks("needs: [custom-metrics, hpa]"), None);
        let reason = lacks("needs: [mint]").unwrap();
        assert_eq!(
            reason,
            "existing can't do mint: its authorities keep their keys to themselves"
        );
        let flags = "cluster: {hpaSyncPeriod: 1s}";
        assert!(lacks(flags).is_some());
        assert_eq!(ClusterKind::Kind.lacks(&document(flags)), None);
        assert!(lacks("install: walkthrough-scrape").is_some());
    }

    #[test]
    fn feature_gates_are_set_for_the_program_that_they_are_of() {
        let one =
            document("cluster: {controllerManagerFeatureGates: {HPAScaleToZero: false, A: true}}");
        let plane = control_plane_options(&one.cluster);
        let flags = ["--feature-gates=A=true,HPAScaleToZero=false"];
        assert_eq!(plane.controller_manager_flags, flags);
        assert!(plane.api_server_flags.is_empty());
        assert!(ClusterKind::Existing.lacks(&one).is_some());
        let other = document("cluster: {apiServerFeatureGates: {HPAScaleToZero: true}}");
        let plane = control_plane_options(&other.cluster);
        assert_eq!(
            plane.api_server_flags,
            ["--feature-gates=HPAScaleToZero=true"]
        );
        assert!(plane.controller_manager_flags.is_empty());
    }

    #[test]
    fn every_image_that_manifests_name_has_a_program_and_one_program_is_one_image() {
        let program = |name: &str| LocalImage {
            program: name.into(),
            root: ImageRoot::Empty,
        };
        let mut table = ImageTable::default();
        table.insert("example.org/adapter", program("/bin/adapter"));
        let pod = |image: &str| json!({"kind": "Pod", "spec": {"containers": [{"name": "a", "image": image}]}});
        let deployment = json!({"kind": "Deployment", "spec": {"template": pod("web:v1")}});
        let objects = [
            pod("example.org/adapter:v1"),
            deployment,
            pod("luxas/demo:v2"),
        ];
        let stand_in = (program("/bin/setpoint"), vec!["sample-app".to_owned()]);
        let images = images(objects.into_iter(), &table, stand_in);
        let told: Vec<_> = images
            .iter()
            .map(|image| {
                (
                    image.image.program.to_str().unwrap(),
                    image.references.join(" "),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("/bin/adapter", "example.org/adapter:v1".to_owned()),
                ("/bin/setpoint", "luxas/demo:v2 web:v1".to_owned()),
            ]
        );
    }
}
