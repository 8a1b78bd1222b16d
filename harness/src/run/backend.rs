//! Where scenarios find their clusters: a fresh plane each, or kind clusters that they share.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use serde_json::Value;
use setpoint_cluster::kind::{self, KindCluster, KindImage, KindOptions, KindStatus};
use setpoint_cluster::local::{self, LocalCluster, LocalOptions};
use setpoint_cluster::provision::Binaries;
use setpoint_cluster::{Capability, Cluster, ControlPlaneOptions, ImageTable, LocalImage};

use super::{EnvironmentError, Progress, RunOptions, clean};
use crate::programs::ProgramError;
use crate::report::{Kept, SkipReason};
use crate::scenario::{ClusterOptions, Need, Scenario};

/// What clusters are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClusterKind {
    /// A real control plane in namespaces on this machine
    Local,
    /// A node in a container, by the `kind` command
    Kind,
}

impl ClusterKind {
    /// What such clusters can do beyond the seam.
    fn capabilities(self) -> &'static [Capability] {
        match self {
            Self::Local => &local::CAPABILITIES,
            Self::Kind => &kind::CAPABILITIES,
        }
    }

    /// Why a scenario can't be judged on such a cluster.
    #[must_use]
    pub fn lacks(self, needs: &[Need]) -> Option<SkipReason> {
        let offered = self.capabilities();
        needs.iter().find_map(|need| {
            let wanted = match need {
                Need::Mint => Capability::Mint,
                Need::ManyConnections => Capability::ManyConnections,
                _ => return None,
            };
            (!offered.contains(&wanted)).then(|| SkipReason::NotCapable {
                cluster: self.to_string(),
                need: need.to_string(),
            })
        })
    }
}

impl std::fmt::Display for ClusterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::Kind => "kind",
        })
    }
}

/// What scenarios run on.
#[derive(Clone)]
pub enum Backend {
    /// A real control plane of these programs for each, in namespaces on this machine.
    Local(Binaries),
    /// Kind clusters, each used by one scenario after another.
    Kind(Arc<KindPool>),
}

/// Kind clusters that have been started, for scenarios to share.
#[derive(Default)]
pub struct KindPool {
    kind: Option<PathBuf>,
    node_image: Option<String>,
    images: Vec<KindImage>,
    idle: Mutex<Vec<Arc<KindCluster>>>,
    started: AtomicU32,
}

/// A scenario's cluster, and what becomes of it afterwards.
pub(super) enum Ground {
    Own(Arc<LocalCluster>),
    Shared {
        cluster: Arc<KindCluster>,
        pool: Arc<KindPool>,
        /// The next scenario could not have it as it is.
        is_special: bool,
    },
}

impl Backend {
    /// Clusters of the `kind` command for these scenarios: their images are those that manifests name.
    ///
    /// # Errors
    /// When a program can't be read.
    pub fn kind(
        scenarios: &[Scenario],
        programs: &crate::programs::Programs,
        kind: Option<PathBuf>,
        node_image: Option<String>,
    ) -> Result<Self, ProgramError> {
        let objects = scenarios.iter().flat_map(Scenario::objects);
        let images = images(objects, &programs.images()?, programs.stand_in()?);
        Ok(Self::Kind(Arc::new(KindPool {
            kind,
            node_image,
            images,
            ..KindPool::default()
        })))
    }

    /// What it is.
    #[must_use]
    pub fn kind_of_cluster(&self) -> ClusterKind {
        match self {
            Self::Local(_) => ClusterKind::Local,
            Self::Kind(_) => ClusterKind::Kind,
        }
    }

    /// How many clusters may start before it is their scenarios' turn. A plane is three seconds of mostly waiting; a kind
    /// cluster is one that the scenarios before have left.
    pub(super) fn starts_ahead(&self) -> usize {
        match self {
            Self::Local(_) => 1,
            Self::Kind(_) => 0,
        }
    }

    /// A cluster for a scenario: a new one, or one that another scenario has left.
    pub(super) async fn take(
        &self,
        scenario: &Scenario,
        options: &RunOptions,
        progress: &Arc<dyn Progress>,
    ) -> Result<Ground, EnvironmentError> {
        let name = scenario.name();
        let plane = plane_options(&scenario.document.cluster);
        match self {
            Self::Local(binaries) => {
                progress.at(&name, "starting a control plane");
                let images = options.programs.images();
                let images = images.map_err(|error| EnvironmentError::new(&name, error))?;
                let mut local = LocalOptions::new(binaries.clone(), images);
                local.plane_binary = options.programs.plane.clone();
                local.plane = plane;
                // Given up half-way, a plane notices that its client is gone, and ends.
                let started = Box::pin(LocalCluster::start(local));
                match options.interrupted.run_until_cancelled(started).await {
                    Some(Ok(cluster)) => Ok(Ground::Own(Arc::new(cluster))),
                    Some(Err(error)) => Err(EnvironmentError::new(&name, error)),
                    None => Err(EnvironmentError::interrupted(&name)),
                }
            }
            Self::Kind(pool) => {
                let is_special = plane != ControlPlaneOptions::default();
                let cluster = match pool.take_idle(is_special) {
                    Some(cluster) => cluster,
                    None => Arc::new(pool.start(&name, plane, options, progress).await?),
                };
                Ok(Ground::Shared {
                    cluster,
                    pool: pool.clone(),
                    is_special,
                })
            }
        }
    }

    /// Ends what scenarios have left.
    pub(super) async fn end(&self) {
        let Self::Kind(pool) = self else { return };
        let idle = std::mem::take(&mut *locked(&pool.idle));
        let mut ending: FuturesUnordered<_> = idle.into_iter().map(stop).collect();
        while ending.next().await.is_some() {}
    }
}

impl KindPool {
    fn take_idle(&self, is_special: bool) -> Option<Arc<KindCluster>> {
        if is_special {
            return None;
        }
        locked(&self.idle).pop()
    }

    async fn start(
        &self,
        scenario: &str,
        plane: ControlPlaneOptions,
        options: &RunOptions,
        progress: &Arc<dyn Progress>,
    ) -> Result<KindCluster, EnvironmentError> {
        let count = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        let mut kind = KindOptions::new(&format!("run-{}-{count}", std::process::id()));
        kind.kind.clone_from(&self.kind);
        kind.node_image.clone_from(&self.node_image);
        kind.images.clone_from(&self.images);
        kind.plane = plane;
        kind.interrupted = options.interrupted.clone();
        let (told, name) = (progress.clone(), scenario.to_owned());
        kind.progress = Some(Arc::new(move |what| {
            told.at(&name, &format!("starting a kind cluster: {what}"));
        }));
        progress.at(scenario, "starting a kind cluster");
        let started = Box::pin(KindCluster::start(kind)).await;
        started.map_err(|error| EnvironmentError::new(scenario, error))
    }
}

impl Ground {
    pub(super) fn cluster(&self) -> Arc<dyn Cluster> {
        match self {
            Self::Own(cluster) => cluster.clone(),
            Self::Shared { cluster, .. } => cluster.clone(),
        }
    }

    /// Leaves a kind cluster as it is, and says where; another one ends.
    pub(super) async fn keep(self) -> Option<Kept> {
        let cluster = match self {
            Self::Own(cluster) => {
                stop(cluster).await;
                return None;
            }
            Self::Shared { cluster, .. } => Arc::into_inner(cluster)?,
        };
        match cluster.keep() {
            Ok(KindStatus {
                name,
                kubeconfig,
                expires,
                ..
            }) => Some(Kept {
                name,
                kubeconfig,
                expires,
            }),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "keep a kind cluster; it ends"
                );
                None
            }
        }
    }

    /// Leaves the cluster: its own ends, a shared one is cleared of the scenario's objects for the next.
    pub(super) async fn leave(self, scenario: &Scenario, interrupted: bool) {
        let (cluster, pool) = match self {
            Self::Own(cluster) => return stop(cluster).await,
            Self::Shared {
                cluster,
                is_special: true,
                ..
            } => return stop(cluster).await,
            Self::Shared { cluster, pool, .. } => (cluster, pool),
        };
        if interrupted {
            return stop(cluster).await;
        }
        match clean::clean(&cluster.client(), &scenario.objects()).await {
            Ok(()) => locked(&pool.idle).push(cluster),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "clear a shared cluster; the next scenario gets a new one"
                );
                stop(cluster).await;
            }
        }
    }
}

/// Ends a cluster and waits for that. Whoever else still holds it ends it by letting it go.
async fn stop<C: Cluster + 'static>(cluster: Arc<C>) {
    let Some(cluster) = Arc::into_inner(cluster) else {
        return;
    };
    if let Err(error) = Box::new(cluster).stop().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "remove a cluster; `setpoint reap` tries again"
        );
    }
}

fn plane_options(chosen: &ClusterOptions) -> ControlPlaneOptions {
    let mut plane = ControlPlaneOptions::default();
    if let Some(period) = chosen.hpa_sync_period {
        plane.hpa_sync_period = period.duration(plane.hpa_sync_period);
    }
    if let Some(stabilization) = chosen.downscale_stabilization {
        plane.hpa_downscale_stabilization = stabilization.duration(plane.hpa_sync_period);
    }
    plane
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
        named_images(&object, &mut references);
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
fn named_images(value: &Value, references: &mut BTreeSet<String>) {
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
                .for_each(|field| named_images(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| named_images(item, references)),
        _ => {}
    }
}

/// Nobody panics while holding it.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use setpoint_cluster::ImageRoot;

    use super::*;

    #[test]
    fn what_a_port_forward_does_not_carry_is_skipped_on_kind_alone() {
        let needs = [Need::CustomMetrics, Need::Mint, Need::ManyConnections];
        assert_eq!(ClusterKind::Local.lacks(&needs), None);
        let reason = ClusterKind::Kind.lacks(&needs).unwrap().to_string();
        assert_eq!(reason, "kind can't do many-connections");
        assert_eq!(ClusterKind::Kind.lacks(&needs[..2]), None);
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
