//! Telling the API server about a pod.

use std::net::Ipv4Addr;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodCondition, PodStatus};
use kube::ResourceExt;
use kube::api::{Api, DeleteParams, Patch, PatchParams, Preconditions};
use serde_json::json;

use crate::kubelet::plan::PodPlan;
use crate::kubelet::status::{self, PodFacts, Snapshot};

/// Writes a pod's status, and removes the pod in the end.
pub(super) struct Reporter {
    api: Api<Pod>,
    node_ip: Ipv4Addr,
    start: Timestamp,
    /// Those that were reported last.
    conditions: Vec<PodCondition>,
}

impl Reporter {
    pub(super) fn new(api: Api<Pod>, node_ip: Ipv4Addr) -> Self {
        Self {
            api,
            node_ip,
            start: Timestamp::now(),
            conditions: Vec::new(),
        }
    }

    /// Reports how the pod is; whether that arrived.
    pub(super) async fn report(
        &mut self,
        pod: &Pod,
        plan: &PodPlan,
        containers: &[Snapshot],
        ip: Option<Ipv4Addr>,
        ending: bool,
    ) -> bool {
        // Ours come first: the pod's own may be older than what was reported last.
        let mut old = self.conditions.clone();
        let live = pod.status.as_ref();
        old.extend(
            live.and_then(|status| status.conditions.clone())
                .unwrap_or_default(),
        );
        let gates = plan.readiness_gates.iter();
        let facts = PodFacts {
            containers,
            restart_policy: plan.restart_policy,
            readiness_gates: gates.map(|gate| gate.condition_type.as_str()).collect(),
            ending,
            ip,
            node_ip: self.node_ip,
            start: self.start,
            generation: pod.metadata.generation,
            now: Timestamp::now(),
        };
        let status = status::of(&facts, &old);
        self.conditions = status.conditions.clone().unwrap_or_default();
        self.patch(pod, &status).await
    }

    /// Reports that the pod can't be run; whether that arrived.
    pub(super) async fn refuse(&self, pod: &Pod, reason: &str, message: &str) -> bool {
        let status = status::failed(reason, message, self.node_ip, self.start, &self.conditions);
        self.patch(pod, &status).await
    }

    /// Whether the status arrived, or there is nothing left that it could arrive at.
    async fn patch(&self, pod: &Pod, status: &PodStatus) -> bool {
        let patch = json!({"metadata": {"uid": pod.metadata.uid}, "status": status});
        let (name, params) = (pod.name_any(), PatchParams::default());
        let patch = Patch::Strategic(patch);
        let patched = self.api.patch_status(&name, &params, &patch).await;
        done_or_gone(patched, &name, "report a pod's status; trying again")
    }

    /// Removes the pod from the API server, now that all its containers have ended; whether it is gone.
    pub(super) async fn delete(&self, pod: &Pod) -> bool {
        let params = DeleteParams {
            grace_period_seconds: Some(0),
            preconditions: Some(Preconditions {
                uid: pod.metadata.uid.clone(),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        let name = pod.name_any();
        let deleted = self.api.delete(&name, &params).await;
        done_or_gone(deleted, &name, "remove a pod; trying again")
    }
}

/// An answer that there is no such pod, or another one of its name, is as good as done.
fn done_or_gone<T>(result: kube::Result<T>, pod: &str, doing: &'static str) -> bool {
    match result {
        Ok(_) => true,
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => true,
        Err(error) => {
            tracing::warn!(pod, %error, "{doing}");
            false
        }
    }
}
