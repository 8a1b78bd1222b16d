//! Telling a status that the HPA controller wrote since from one of before.
//!
//! The HPA controller writes a status only where it differs from the one before, and a sync that
//! began before a scenario's step may end after it. So neither the time of a status nor that it did
//! not change proves that the controller has judged what the step did. An expectation therefore marks
//! the HPA first: it sets the condition `AbleToScale` to `Unknown` with a reason of its own.
//!
//! - Each sync sets `AbleToScale`, whatever it finds, before anything else
//!   (`reconcileAutoscaler` in `pkg/controller/podautoscaler/horizontal.go`), so the next one writes
//!   a status even if all else is as it was. The condition is not read by the controller.
//! - A sync that is under way has read the HPA before the mark, and writes with the resource version
//!   that it read: the API server refuses that status as a conflict. The controller reports it as an
//!   event `FailedUpdateStatus`, as `harness/tests/verdicts` sees, and syncs again a period later. What
//!   it has scaled by then stays.
//!
//! A status without the mark is thus of a sync that began after the mark. It takes one period of the
//! HPA controller, or two where a sync was under way, and asks nothing of the adapter or of Prometheus.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::time::timeout;

use super::metric::{MetricName, MetricType};
use crate::expect::condition::Condition;
use crate::outcome::ClusterProblem;
use crate::timeouts::Timeouts;

/// The reason of the condition that is marked.
const REASON: &str = "SetpointWaitsForSync";

/// Marks an HPA's status as one of before; none where there is no such HPA.
pub(super) async fn mark(
    hpas: &Api<HorizontalPodAutoscaler>,
    name: &str,
    timeouts: &Timeouts,
) -> Result<Option<HorizontalPodAutoscaler>, ClusterProblem> {
    let condition = json!({"type": "AbleToScale", "status": "Unknown", "reason": REASON,
        "message": "a scenario waits for the next sync of the HPA controller"});
    // Conditions are merged by their type.
    let patch = Patch::Strategic(json!({"status": {"conditions": [condition]}}));
    let parameters = PatchParams::default();
    let patched = async {
        match hpas.patch_status(name, &parameters, &patch).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            patched => patched.map(Some),
        }
    };
    timeouts
        .call(format!("mark the status of HPA {name}"), patched)
        .await
}

/// Whether a condition is the mark.
pub(super) fn is_marked(condition: &Condition) -> bool {
    condition.reason == REASON
}

/// Whether the adapter leaves a request for one of the HPA's metrics unanswered, or fails it: the HPA
/// controller waits for such an answer within its sync.
pub(super) async fn adapter_is_silent(
    client: &Client,
    hpa: &HorizontalPodAutoscaler,
    timeouts: &Timeouts,
) -> bool {
    let namespace = hpa.namespace().unwrap_or_default();
    let metrics = hpa.spec.metrics.as_deref();
    let metrics = metrics.unwrap_or_default().iter();
    for metric in metrics.filter_map(MetricName::of_spec) {
        for path in paths(&metric, &namespace) {
            if is_unanswered(client, &path, timeouts).await {
                return true;
            }
        }
    }
    false
}

/// Where a metric is served; a path that isn't there is answered too.
fn paths(metric: &MetricName, namespace: &str) -> Vec<String> {
    let name = &metric.name;
    match metric.type_ {
        MetricType::Pods | MetricType::Object => ["v1beta1", "v1beta2"]
            .map(|version| {
                format!(
                    "/apis/custom.metrics.k8s.io/{version}/namespaces/{namespace}/pods/*/{name}"
                )
            })
            .into(),
        MetricType::External => vec![format!(
            "/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}/{name}"
        )],
        MetricType::Resource | MetricType::ContainerResource => vec![format!(
            "/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
        )],
    }
}

async fn is_unanswered(client: &Client, path: &str, timeouts: &Timeouts) -> bool {
    let Ok(request) = http::Request::get(path).body(Vec::new()) else {
        return false;
    };
    match timeout(timeouts.metric, client.request_text(request)).await {
        Ok(Err(kube::Error::Api(status))) => status.code >= 500,
        // Whether the API server answers is not the adapter's affair.
        Ok(_) => false,
        Err(_) => true,
    }
}
