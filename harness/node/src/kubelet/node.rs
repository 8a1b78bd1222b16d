//! The Node, and the scheduler's part: binding pods to it.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Binding, Node as ApiNode, ObjectReference, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Api, Patch, PatchParams, PostParams};
use kube::{Client, ResourceExt};
use serde_json::json;
use setpoint_support::backoff;
use tokio::time::{Instant, sleep_until};

use super::context::{KubeletConfig, Node};
use super::events::Severity;
use super::pod::{FIRST_RETRY, LAST_RETRY};
use crate::failure::{Failure, failed};

/// What the node offers: enough for whatever a test asks for. Requests have no effect; a container
/// without a limit is told these amounts.
pub(super) const ALLOCATABLE: [(&str, &str); 3] = [
    ("cpu", "64"),
    ("memory", "256Gi"),
    ("ephemeral-storage", "256Gi"),
];
/// How many pods the node takes.
const PODS: u32 = 250;

/// Creates the Node and says that it is ready.
pub(super) async fn register(config: &KubeletConfig) -> Result<(), Failure> {
    let name = &config.node_name;
    let doing = || format!("register node `{name}`");
    let nodes: Api<ApiNode> = Api::all(config.client.clone());
    let node = node(config);
    let applied = nodes.create(&PostParams::default(), &node).await;
    match applied {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.is_already_exists() => {}
        Err(error) => return Err(failed(doing())(error)),
    }
    let status = json!({"status": node.status});
    nodes
        .patch_status(name, &PatchParams::default(), &Patch::Strategic(status))
        .await
        .map(drop)
        .map_err(failed(doing()))
}

fn node(config: &KubeletConfig) -> ApiNode {
    let now = Time(jiff::Timestamp::now());
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": now, "lastTransitionTime": now})
    };
    // More than a machine of tests has.
    let mut resources = json!({"pods": PODS.to_string()});
    for (name, quantity) in ALLOCATABLE {
        resources[name] = json!(quantity);
    }
    let node = json!({
        "metadata": {
            "name": config.node_name,
            "labels": {"kubernetes.io/hostname": config.node_name, "kubernetes.io/os": "linux",
                "kubernetes.io/arch": architecture()},
        },
        "status": {
            "capacity": resources,
            "allocatable": resources,
            "addresses": [
                {"type": "InternalIP", "address": config.node_ip},
                {"type": "Hostname", "address": config.node_name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": config.port}},
            "nodeInfo": {
                "architecture": architecture(), "operatingSystem": "linux",
                "bootID": "", "machineID": "", "systemUUID": "", "kernelVersion": "", "osImage": "",
                "containerRuntimeVersion": concat!("setpoint://", env!("CARGO_PKG_VERSION")),
                "kubeletVersion": concat!("v", env!("CARGO_PKG_VERSION"), "-setpoint"),
                "kubeProxyVersion": "",
            },
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
        },
    });
    // The document above is one; a test holds it to that.
    serde_json::from_value(node).unwrap_or_default()
}

/// Go's name of this machine's architecture.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Whether a pod without a node is to get one.
pub(super) fn is_bindable(pod: &Pod) -> bool {
    let gates = pod
        .spec
        .as_ref()
        .and_then(|spec| spec.scheduling_gates.as_ref());
    pod.metadata.deletion_timestamp.is_none() && gates.is_none_or(Vec::is_empty)
}

/// Binds a pod to this node, however often that takes. One that has gone or has been bound meanwhile is left as it is.
pub(super) async fn bind(node: Arc<Node>, pod: Pod) {
    for pause in backoff(FIRST_RETRY, LAST_RETRY) {
        let bound = post_binding(&node.config.client, &node.config.node_name, &pod).await;
        let Err(error) = bound else { return };
        if is_settled(&error) {
            return;
        }
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        tracing::warn!(namespace, name, %error, "bind a pod; trying again");
        let why = format!("bind to {}: {error}", node.config.node_name);
        node.events
            .record(&pod, None, Severity::Warning, "FailedScheduling", why);
        sleep_until(Instant::now() + pause).await;
    }
}

/// Whether a binding that failed needs no other: the pod is gone, or another of its name is there, or it is bound.
fn is_settled(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_not_found() || status.is_conflict())
}

async fn post_binding(client: &Client, node: &str, pod: &Pod) -> Result<(), kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), &pod.namespace().unwrap_or_default());
    let binding = Binding {
        metadata: kube::api::ObjectMeta {
            name: pod.metadata.name.clone(),
            namespace: pod.metadata.namespace.clone(),
            uid: pod.metadata.uid.clone(),
            ..Default::default()
        },
        target: ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(node.to_owned()),
            ..ObjectReference::default()
        },
    };
    let (name, params) = (pod.name_any(), PostParams::default());
    pods.create_subresource::<_, serde_json::Value>("binding", &name, &params, &binding)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_binding_that_may_still_succeed_is_tried_again() {
        let answered = |code: u16, reason: &str| {
            let status = kube::core::Status::failure("no", reason).with_code(code);
            is_settled(&kube::Error::Api(status.boxed()))
        };
        assert!(answered(404, "NotFound"));
        assert!(answered(409, "Conflict"));
        assert!(!answered(500, "InternalError"));
        assert!(!answered(429, "TooManyRequests"));
    }
}
