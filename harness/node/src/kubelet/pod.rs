//! One pod from its binding to its removal.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::json;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::container::{self, Surroundings};
use super::events::Severity;
use super::field::Facts;
use super::files::{self, Volumes};
use super::launch::Sandbox;
use super::plan::PodPlan;
use super::status::{self, PodFacts, Snapshot};
use super::{Node, UNSUPPORTED_FIELD};
use crate::proxy::{PodHosts, ServiceNames, rewrite_in_place};

/// How soon a step that failed is tried again, doubled up to the longest (`exponentialbackoff` of the kubelet).
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(500);
pub(super) const LAST_RETRY: Duration = Duration::from_secs(122);

type Latest = watch::Receiver<Option<Arc<Pod>>>;

/// Whether nothing of a pod will run again.
pub(super) fn is_over(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

/// Runs a pod until it is gone from the API server.
pub(super) async fn run(node: Arc<Node>, pod: Arc<Pod>, mut latest: Latest) {
    let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
    let uid = pod.uid().unwrap_or_default();
    let spec = pod.spec.clone().unwrap_or_default();
    let containers = spec.containers.iter();
    node.config.registry.add(
        &namespace,
        &name,
        &uid,
        containers.clone().map(|container| container.name.as_str()),
    );
    let mut images = containers.filter_map(|container| container.image.as_deref());
    let is_real = images.any(|image| node.config.images.resolve(image).is_some());
    let plan = if is_real {
        PodPlan::of(spec)
    } else {
        Ok(PodPlan::simulated(&spec))
    };
    let api = Api::namespaced(node.config.client.clone(), &namespace);
    let mut work = Work {
        node: Arc::clone(&node),
        api,
        conditions: Vec::new(),
        start: Timestamp::now(),
        pod,
    };
    if pod_is_leaving(&latest).is_none() && !is_over(&work.pod) {
        match plan {
            Ok(plan) => work.live(plan, is_real, &mut latest).await,
            Err(refused) => work.refuse(&refused).await,
        }
    }
    leaving(&mut latest).await;
    if latest.borrow().is_some() {
        work.delete().await;
    }
    node.config.registry.remove(&namespace, &name, &uid);
    let folder = node.config.paths.pod(&uid);
    if let Err(error) = std::fs::remove_dir_all(&folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "remove a pod's files");
    }
}

/// How long the pod's containers have to end, if they are to.
fn pod_is_leaving(latest: &Latest) -> Option<Duration> {
    let pod = latest.borrow();
    let Some(pod) = pod.as_ref() else {
        return Some(Duration::ZERO);
    };
    pod.metadata.deletion_timestamp.as_ref()?;
    let seconds = pod.metadata.deletion_grace_period_seconds;
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
    Some(Duration::from_secs(seconds.unwrap_or_default()))
}

async fn leaving(latest: &mut Latest) {
    while pod_is_leaving(latest).is_none() {
        if latest.changed().await.is_err() {
            return;
        }
    }
}

struct Work {
    node: Arc<Node>,
    api: Api<Pod>,
    pod: Arc<Pod>,
    start: Timestamp,
    /// Those that were reported last.
    conditions: Vec<PodCondition>,
}

/// What a pod that lives consists of.
struct Body {
    plan: PodPlan,
    is_real: bool,
    host_name: String,
    containers: Vec<Snapshot>,
    volumes: Volumes,
    sandbox: Option<Sandbox>,
    ip: Option<Ipv4Addr>,
}

impl Work {
    /// Fails a pod whose specification asks for what isn't there.
    async fn refuse(&mut self, fields: &[String]) {
        let message = format!(
            "the process kubelet of backend `local` does not support {}",
            fields.join(", ")
        );
        self.tell(Severity::Warning, UNSUPPORTED_FIELD, message.clone());
        let now = Timestamp::now();
        let node_ip = self.node.config.node_ip;
        let status = status::failed(UNSUPPORTED_FIELD, &message, node_ip, now, &self.conditions);
        let mut retry = FIRST_RETRY;
        while !self.patch(&status).await {
            wait(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    /// From the sandbox to the end of the last container.
    async fn live(&mut self, plan: PodPlan, is_real: bool, latest: &mut Latest) {
        let containers = plan.containers.iter();
        let containers = containers.map(|plan| Snapshot::creating(&plan.name, &plan.image));
        let mut body = Body {
            containers: containers.collect(),
            host_name: plan.hostname.clone().unwrap_or_else(|| self.pod.name_any()),
            volumes: Volumes::of(&plan),
            plan,
            is_real,
            sandbox: None,
            ip: None,
        };
        self.report(&body, false).await;
        if self.prepare(&mut body, latest).await {
            self.run_containers(&mut body, latest).await;
        } else {
            // Nothing has run; the end reports that nothing does.
            self.report(&body, true).await;
        }
        if let Some(sandbox) = body.sandbox.take() {
            sandbox.close().await;
        }
        if let Some(ip) = body.ip {
            self.node.config.network.detach_pod(ip).await;
        }
    }

    /// Sandbox, address, volumes and hosts file, each tried until it is there; whether all are, or the pod is to go before.
    async fn prepare(&self, body: &mut Body, latest: &mut Latest) -> bool {
        let mut retry = FIRST_RETRY;
        // An attempt is never left half-way: its address would be nobody's to give back.
        while let Err(why) = self.connect(body).await {
            self.tell(Severity::Warning, "FailedCreatePodSandBox", why);
            tokio::select! {
                () = leaving(latest) => return false,
                () = wait(retry) => {}
            }
            retry = (retry * 2).min(LAST_RETRY);
        }
        tokio::select! {
            // One that is to go gets no files any more.
            biased;
            () = leaving(latest) => false,
            () = self.fill(body) => true,
        }
    }

    /// Volumes and hosts file, tried until they are there.
    async fn fill(&self, body: &mut Body) {
        if !body.is_real {
            return;
        }
        let mut changes = self.node.changes.subscribe();
        let mut retry = FIRST_RETRY;
        while let Err(why) = self.write_files(body).await {
            self.tell(Severity::Warning, "FailedMount", why);
            // A change of what the volumes hold is a reason to try again at once.
            let _ = timeout(retry, self.concerning_change(&mut changes, &body.volumes)).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    async fn connect(&self, body: &mut Body) -> Result<(), String> {
        let network = &self.node.config.network;
        let failed = |error: &(dyn std::error::Error + 'static)| {
            format!(
                "Failed to create pod sandbox: {}",
                setpoint_support::error_chain(error)
            )
        };
        if !body.is_real {
            body.ip = Some(network.reserve_address().map_err(|error| failed(&error))?);
            return Ok(());
        }
        let sandbox = Sandbox::open(&body.host_name)
            .await
            .map_err(|error| failed(&error))?;
        let attached = network.attach_pod(sandbox.pid()).await;
        body.ip = Some(attached.map_err(|error| failed(&error))?);
        body.sandbox = Some(sandbox);
        Ok(())
    }

    async fn write_files(&self, body: &mut Body) -> Result<(), String> {
        let mut names = self.node.config.names.clone();
        let names = names.wait_for(Option::is_some).await;
        let names = names
            .map_err(|_| "the Services' names are not known".to_owned())?
            .clone();
        let uid = self.pod.uid().unwrap_or_default();
        let etc = self.node.config.paths.etc(&uid);
        let hosts = self.hosts(body, names.as_deref());
        files::write_etc(&etc, &body.host_name, &hosts, &body.plan)
            .map_err(|error| format!("write {}: {error}", etc.display()))?;
        self.write_volumes(body).await
    }

    async fn write_volumes(&self, body: &mut Body) -> Result<(), String> {
        let facts = Facts {
            pod: &self.pod,
            pod_ip: body.ip,
            node_ip: self.node.config.node_ip,
        };
        body.volumes.write(&self.node, &body.plan, &facts).await
    }

    fn hosts(&self, body: &Body, names: Option<&ServiceNames>) -> String {
        names.cloned().unwrap_or_default().hosts_file(&PodHosts {
            namespace: &self.pod.namespace().unwrap_or_default(),
            hostname: &body.host_name,
            address: IpAddr::V4(body.ip.unwrap_or(Ipv4Addr::UNSPECIFIED)),
            aliases: &body.plan.host_aliases,
        })
    }

    /// Returns when something has changed that a volume holds.
    async fn concerning_change(
        &self,
        changes: &mut broadcast::Receiver<super::Change>,
        volumes: &Volumes,
    ) {
        let namespace = self.pod.namespace().unwrap_or_default();
        loop {
            match changes.recv().await {
                Ok(change) if volumes.names().concern(&change, &namespace) => return,
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    /// Starts all containers and follows them, and what they look at, to their end.
    async fn run_containers(&mut self, body: &mut Body, latest: &mut Latest) {
        let (stop, stopping) = watch::channel(None);
        let (updates, mut updated) = mpsc::unbounded_channel();
        let mut containers = self.start_containers(body, &stopping, updates);
        let mut changes = self.node.changes.subscribe();
        let mut names = self.node.config.names.clone();
        let mut renew = self.node.config.renew_tokens.clone();
        renew.mark_unchanged();
        let mut retry_report = None;
        let mut retry_volumes = None;
        // Whatever changed between the first write and the subscription above.
        let mut stale = true;
        loop {
            if std::mem::take(&mut stale) && body.is_real && stop.borrow().is_none() {
                let written = self.write_volumes(body).await;
                retry_volumes = written.is_err().then(|| Instant::now() + FIRST_RETRY * 4);
                if let Err(why) = written {
                    self.tell(Severity::Warning, "FailedMount", why);
                }
            }
            let renewal = body.volumes.next_renewal().map(Instant::from_std);
            tokio::select! {
                ended = containers.join_next() => if ended.is_none() { break },
                Some(snapshot) = updated.recv() => {
                    take(&mut body.containers, snapshot);
                    while let Ok(snapshot) = updated.try_recv() {
                        take(&mut body.containers, snapshot);
                    }
                    retry_report = self.report_or_retry(body, &stop).await;
                }
                () = at(retry_report) => retry_report = self.report_or_retry(body, &stop).await,
                Ok(()) = latest.changed() => {
                    let pod = latest.borrow_and_update().clone();
                    if let Some(pod) = pod {
                        stale = pod.metadata.labels != self.pod.metadata.labels
                            || pod.metadata.annotations != self.pod.metadata.annotations;
                        let gates = !body.plan.readiness_gates.is_empty();
                        self.pod = pod;
                        if gates {
                            retry_report = self.report_or_retry(body, &stop).await;
                        }
                    }
                    let grace = pod_is_leaving(latest);
                    if grace.is_some() {
                        stop.send_if_modified(|stop| std::mem::replace(stop, grace) != grace);
                    }
                }
                () = self.concerning_change(&mut changes, &body.volumes) => stale = true,
                () = at(retry_volumes.or(renewal)) => stale = true,
                Ok(()) = renew.changed() => {
                    body.volumes.forget_tokens();
                    stale = true;
                }
                Ok(()) = names.changed() => {
                    let names = names.borrow_and_update().clone();
                    self.rewrite_hosts(body, names.as_deref());
                }
            }
        }
        while let Ok(snapshot) = updated.try_recv() {
            take(&mut body.containers, snapshot);
        }
        let mut retry = FIRST_RETRY;
        while !self.report(body, true).await && latest.borrow().is_some() {
            wait(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    fn start_containers(
        &self,
        body: &Body,
        stop: &watch::Receiver<Option<Duration>>,
        updates: mpsc::UnboundedSender<Snapshot>,
    ) -> JoinSet<()> {
        let around = Surroundings {
            node: Arc::clone(&self.node),
            pod: Arc::clone(&self.pod),
            ip: body.ip.unwrap_or(Ipv4Addr::UNSPECIFIED),
            sandbox: body.sandbox.as_ref().map(Sandbox::pid),
            host_name: body.host_name.clone(),
            service_links: body.plan.service_links,
            restart_policy: body.plan.restart_policy,
            grace: body.plan.grace,
            stop: stop.clone(),
            updates,
        };
        let plans = body.plan.containers.iter().cloned();
        plans
            .map(|plan| container::run(plan, around.clone()))
            .collect()
    }

    fn rewrite_hosts(&self, body: &Body, names: Option<&ServiceNames>) {
        if !body.is_real {
            return;
        }
        let uid = self.pod.uid().unwrap_or_default();
        let path = self.node.config.paths.etc(&uid).join("hosts");
        if let Err(error) = rewrite_in_place(&path, &self.hosts(body, names)) {
            tracing::warn!(path = %path.display(), %error, "rewrite a pod's hosts file");
        }
    }

    async fn report_or_retry(
        &mut self,
        body: &Body,
        stop: &watch::Sender<Option<Duration>>,
    ) -> Option<Instant> {
        let ending = stop.borrow().is_some();
        let reported = self.report(body, ending).await;
        (!reported).then(|| Instant::now() + FIRST_RETRY)
    }

    /// Tells the API server how the pod is; whether that worked.
    async fn report(&mut self, body: &Body, ending: bool) -> bool {
        // Ours come first: the pod's own may be older than what was reported last.
        let live = self
            .pod
            .status
            .as_ref()
            .and_then(|status| status.conditions.clone());
        let mut old = self.conditions.clone();
        old.extend(live.unwrap_or_default());
        let facts = PodFacts {
            containers: &body.containers,
            restart_policy: body.plan.restart_policy,
            readiness_gates: body
                .plan
                .readiness_gates
                .iter()
                .map(|gate| gate.condition_type.as_str())
                .collect(),
            ending,
            ip: body.ip,
            node_ip: self.node.config.node_ip,
            start: self.start,
            generation: self.pod.metadata.generation,
            now: Timestamp::now(),
        };
        let status = status::of(&facts, &old);
        self.conditions = status.conditions.clone().unwrap_or_default();
        self.patch(&status).await
    }

    /// Whether the status arrived, or there is nothing left that it could arrive at.
    async fn patch(&self, status: &k8s_openapi::api::core::v1::PodStatus) -> bool {
        let patch = json!({"metadata": {"uid": self.pod.metadata.uid}, "status": status});
        let (name, params) = (self.pod.name_any(), PatchParams::default());
        match self
            .api
            .patch_status(&name, &params, &Patch::Strategic(patch))
            .await
        {
            Ok(_) => true,
            Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => true,
            Err(error) => {
                tracing::warn!(pod = name, %error, "report a pod's status; trying again");
                false
            }
        }
    }

    /// Removes the pod from the API server: all its containers have ended.
    async fn delete(&self) {
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: self.pod.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let mut retry = FIRST_RETRY;
        loop {
            match self.api.delete(&self.pod.name_any(), &params).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => {
                    return;
                }
                Err(error) => {
                    tracing::warn!(pod = self.pod.name_any(), %error, "remove a pod; trying again");
                }
            }
            wait(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    fn tell(&self, severity: Severity, reason: &'static str, message: impl Into<String>) {
        self.node
            .events
            .tell(&self.pod, None, severity, reason, message);
    }
}

fn take(containers: &mut [Snapshot], snapshot: Snapshot) {
    let mut same = containers.iter_mut();
    if let Some(container) = same.find(|container| container.name == snapshot.name) {
        *container = snapshot;
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn wait(pause: Duration) {
    sleep_until(Instant::now() + pause).await;
}
