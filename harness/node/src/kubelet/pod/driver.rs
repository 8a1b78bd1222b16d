use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::api::Api;
use setpoint_support::error_chain;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use super::machine::{Effect, Event, PodMachine};
use super::report::Reporter;
use crate::failure::Failure;
use crate::kubelet::clock::{Now, at};
use crate::kubelet::container::{self, ContainerContext};
use crate::kubelet::context::{Node, UNSUPPORTED_FIELD};
use crate::kubelet::field::FieldContext;
use crate::kubelet::files::{MountError, Volumes, write_etc};
use crate::kubelet::launch::Sandbox;
use crate::kubelet::objects::Change;
use crate::kubelet::plan::PodPlan;
use crate::kubelet::status::Snapshot;
use crate::proxy::{PodHosts, PublishedNames, rewrite_in_place};

/// Runs a pod until it is gone from the API server.
pub(in crate::kubelet) async fn run(
    node: Arc<Node>,
    pod: Arc<Pod>,
    latest: watch::Receiver<Option<Arc<Pod>>>,
) {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let uid = pod.uid().unwrap_or_default();
    let spec = pod.spec.clone().unwrap_or_default();
    let containers = spec.containers.iter();
    let names = containers.clone().map(|container| container.name.as_str());
    node.config.registry.add(&namespace, &name, &uid, names);
    let mut images = containers.filter_map(|container| container.image.as_deref());
    let is_real = images.any(|image| node.config.images.resolve(image).is_some());
    let (plan, refused) = if is_real {
        match PodPlan::of(spec) {
            Ok(plan) => (plan, None),
            Err(fields) => (PodPlan::default(), Some(refusal(&fields))),
        }
    } else {
        (PodPlan::simulated(&spec), None)
    };
    let has_readiness_gates = !plan.readiness_gates.is_empty();
    let mut machine = PodMachine::new(Arc::clone(&pod), is_real, has_readiness_gates);
    let mut effects = machine.start(refused.clone().map(|message| (UNSUPPORTED_FIELD, message)));
    let mut driver = Driver::new(Arc::clone(&node), pod, plan, is_real, refused, latest);
    while !machine.is_over() || !effects.is_empty() {
        let mut events = VecDeque::new();
        for effect in effects {
            events.extend(driver.carry_out(effect).await);
        }
        if events.is_empty() && !machine.is_over() {
            let (deadline, runs_containers) = (machine.deadline(), machine.runs_containers());
            events.push_back(driver.next_event(deadline, runs_containers).await);
        }
        effects = events
            .into_iter()
            .flat_map(|event| machine.on(event, Now::read().instant))
            .collect();
    }
    node.config.registry.remove(&namespace, &name, &uid);
    let folder = node.config.paths.pod(&uid);
    if let Err(error) = std::fs::remove_dir_all(&folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "remove a pod's files");
    }
}

fn refusal(fields: &[String]) -> String {
    format!(
        "the process kubelet of backend `local` does not support {}",
        fields.join(", ")
    )
}

/// Why a pod has no sandbox or no address.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("Failed to create pod sandbox: {}", error_chain(.0))]
    Sandbox(#[from] std::io::Error),
    #[error("Failed to create pod sandbox: {}", error_chain(.0))]
    Network(#[from] Failure),
}

struct Driver {
    node: Arc<Node>,
    pod: Arc<Pod>,
    plan: PodPlan,
    is_real: bool,
    /// Why the pod isn't run.
    refused: Option<String>,
    host_name: String,
    volumes: Volumes,
    sandbox: Option<Sandbox>,
    ip: Option<Ipv4Addr>,
    containers: JoinSet<()>,
    snapshots: watch::Sender<Vec<Snapshot>>,
    stop: watch::Sender<Option<Duration>>,
    reporter: Reporter,
    latest: watch::Receiver<Option<Arc<Pod>>>,
    snapshots_changed: watch::Receiver<Vec<Snapshot>>,
    /// Of Secrets and ConfigMaps, since the volumes were written last.
    changes: broadcast::Receiver<Change>,
    names: watch::Receiver<PublishedNames>,
    renew_tokens: watch::Receiver<u64>,
}

impl Driver {
    fn new(
        node: Arc<Node>,
        pod: Arc<Pod>,
        plan: PodPlan,
        is_real: bool,
        refused: Option<String>,
        latest: watch::Receiver<Option<Arc<Pod>>>,
    ) -> Self {
        let namespace = pod.namespace().unwrap_or_default();
        let api = Api::namespaced(node.config.client.clone(), &namespace);
        let containers = plan.containers.iter();
        let creating = containers.map(|plan| Snapshot::creating(&plan.name, &plan.image));
        let (snapshots, snapshots_changed) = watch::channel(creating.collect());
        let mut renew_tokens = node.config.renew_tokens.clone();
        renew_tokens.mark_unchanged();
        Self {
            reporter: Reporter::new(api, node.config.node_ip),
            host_name: plan.hostname.clone().unwrap_or_else(|| pod.name_any()),
            volumes: Volumes::of(&plan),
            changes: node.changes.subscribe(),
            names: node.config.names.clone(),
            stop: watch::Sender::new(None),
            sandbox: None,
            ip: None,
            containers: JoinSet::new(),
            node,
            pod,
            plan,
            is_real,
            refused,
            snapshots,
            snapshots_changed,
            latest,
            renew_tokens,
        }
    }

    /// Does one thing; what it led to, if the machine waits for that.
    async fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            // An attempt is never cancelled: its address would stay reserved.
            Effect::Connect => Some(match self.connect().await {
                Ok(()) => Event::Connected,
                Err(error) => Event::NotConnected(error.to_string()),
            }),
            Effect::Mount => {
                let mut latest = self.latest.clone();
                tokio::select! {
                    // One that is to go gets no files any more.
                    biased;
                    () = leaving(&mut latest) => None,
                    mounted = self.mount() => Some(self.mounted(mounted)),
                }
            }
            Effect::WriteVolumes => {
                self.changes = self.node.changes.subscribe();
                let written = self.write_volumes().await;
                Some(self.mounted(written))
            }
            Effect::ForgetTokens => {
                self.volumes.forget_tokens();
                None
            }
            Effect::RewriteHosts => {
                self.rewrite_hosts();
                None
            }
            Effect::StartContainers => {
                self.start_containers();
                None
            }
            Effect::StopContainers(left) => {
                self.stop.send_replace(Some(left));
                None
            }
            Effect::Report { ending } => Some(Event::Reported(self.report(ending).await)),
            Effect::ReportRefused => {
                let message = self.refused.as_deref().unwrap_or_default();
                let refused = self.reporter.refuse(&self.pod, UNSUPPORTED_FIELD, message);
                Some(Event::Reported(refused.await))
            }
            Effect::Disconnect => {
                self.disconnect().await;
                None
            }
            Effect::Delete => Some(Event::Deleted(self.reporter.delete(&self.pod).await)),
            Effect::Record {
                severity,
                reason,
                message,
            } => {
                let events = &self.node.events;
                events.record(&self.pod, None, severity, reason, message);
                None
            }
        }
    }

    /// Waits for whatever happens first.
    async fn next_event(&mut self, deadline: Option<Instant>, runs_containers: bool) -> Event {
        let names_of_volumes = self.volumes.names().clone();
        let namespace = self.pod.namespace().unwrap_or_default();
        loop {
            tokio::select! {
                Ok(()) = self.latest.changed() => {
                    let pod = self.latest.borrow_and_update().clone();
                    if let Some(pod) = &pod {
                        self.pod = Arc::clone(pod);
                    }
                    return Event::Pod(pod);
                }
                Ok(()) = self.snapshots_changed.changed() => return Event::ContainersChanged,
                ended = self.containers.join_next(), if runs_containers => {
                    if ended.is_none() {
                        return Event::ContainersEnded;
                    }
                }
                change = self.changes.recv() => match change {
                    Ok(change) if !names_of_volumes.concern(&change, &namespace) => {}
                    // After missed changes, any object may have changed.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {
                        return Event::ReferencesChanged;
                    }
                    // The kubelet ends, and this with it.
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                },
                Ok(()) = self.renew_tokens.changed() => return Event::RenewTokens,
                Ok(()) = self.names.changed() => return Event::NamesChanged,
                () = at(deadline) => return Event::Deadline,
            }
        }
    }

    async fn connect(&mut self) -> Result<(), ConnectError> {
        let network = &self.node.config.network;
        if !self.is_real {
            self.ip = Some(network.reserve_address()?);
            return Ok(());
        }
        let sandbox = Sandbox::open(&self.host_name).await?;
        self.ip = Some(network.attach_pod(sandbox.pid()).await?);
        self.sandbox = Some(sandbox);
        Ok(())
    }

    async fn disconnect(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            sandbox.close().await;
        }
        if let Some(ip) = self.ip.take() {
            self.node.config.network.detach_pod(ip).await;
        }
    }

    async fn mount(&mut self) -> Result<(), MountError> {
        self.changes = self.node.changes.subscribe();
        let mut names = self.names.clone();
        let known = names.wait_for(Option::is_some).await.is_ok();
        if !known {
            return Err(MountError::NoNames);
        }
        let uid = self.pod.uid().unwrap_or_default();
        let etc = self.node.config.paths.etc(&uid);
        let written = write_etc(&etc, &self.host_name, &self.hosts(), &self.plan);
        written.map_err(|source| MountError::Etc {
            folder: etc,
            source,
        })?;
        self.write_volumes().await
    }

    async fn write_volumes(&mut self) -> Result<(), MountError> {
        let fields = FieldContext {
            pod: &self.pod,
            pod_ip: self.ip,
            node_ip: self.node.config.node_ip,
        };
        self.volumes.write(&self.node, &self.plan, &fields).await
    }

    fn mounted(&self, written: Result<(), MountError>) -> Event {
        match written {
            Ok(()) => Event::Mounted {
                renew: self.volumes.next_renewal(),
            },
            Err(error) => Event::NotMounted(error.to_string()),
        }
    }

    fn hosts(&self) -> String {
        let names = self.names.borrow().as_deref().cloned();
        names.unwrap_or_default().hosts_file(&PodHosts {
            namespace: &self.pod.namespace().unwrap_or_default(),
            hostname: &self.host_name,
            address: IpAddr::V4(self.ip.unwrap_or(Ipv4Addr::UNSPECIFIED)),
            aliases: &self.plan.host_aliases,
        })
    }

    fn rewrite_hosts(&mut self) {
        let uid = self.pod.uid().unwrap_or_default();
        let path = self.node.config.paths.etc(&uid).join("hosts");
        if let Err(error) = rewrite_in_place(&path, &self.hosts()) {
            tracing::warn!(path = %path.display(), %error, "rewrite a pod's hosts file");
        }
    }

    fn start_containers(&mut self) {
        let context = ContainerContext {
            node: Arc::clone(&self.node),
            pod: Arc::clone(&self.pod),
            ip: self.ip.unwrap_or(Ipv4Addr::UNSPECIFIED),
            sandbox: self.sandbox.as_ref().map(Sandbox::pid),
            host_name: self.host_name.clone(),
            service_links: self.plan.service_links,
            restart_policy: self.plan.restart_policy,
            grace: self.plan.grace,
            stop: self.stop.subscribe(),
            snapshots: self.snapshots.clone(),
        };
        for plan in self.plan.containers.iter().cloned() {
            self.containers.spawn(container::run(plan, context.clone()));
        }
    }

    async fn report(&mut self, ending: bool) -> bool {
        let containers = self.snapshots_changed.borrow_and_update().clone();
        let (pod, plan) = (&self.pod, &self.plan);
        self.reporter
            .report(pod, plan, &containers, self.ip, ending)
            .await
    }
}

/// Returns when the pod is to be deleted, or is gone.
async fn leaving(latest: &mut watch::Receiver<Option<Arc<Pod>>>) {
    let is_leaving = |pod: &Option<Arc<Pod>>| {
        let pod = pod.as_deref();
        pod.is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())
    };
    // An error means that the kubelet ends, and this with it.
    let _ = latest.wait_for(is_leaving).await;
}
