//! Pods that never get ready, however long they are waited for: the cluster says so itself. Pure.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;

use super::pods::container_statuses;
use crate::outcome::ClusterProblem;

/// Why a container waits for an image that it won't get. `ErrImagePull` is not among them: the kubelet tries once more, and calls it
/// `ImagePullBackOff` then (`pkg/kubelet/images/types.go`).
const NO_IMAGE: [&str; 5] = [
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "ImageInspectError",
    "SignatureValidationFailed",
];

/// The image that a pod's container can't have, as the kubelet says.
pub(super) fn without_image(pod: &Pod, container: &str) -> Option<ClusterProblem> {
    let mut statuses = container_statuses(pod).iter();
    let status = statuses.find(|status| status.name == container)?;
    let waiting = status.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref()?;
    NO_IMAGE.contains(&reason).then(|| ClusterProblem::NoImage {
        pod: pod.name_any(),
        image: status.image.clone(),
        reason: reason.to_owned(),
        message: waiting.message.clone().unwrap_or_default(),
    })
}

/// Whether a Deployment makes pods with this container.
pub(super) fn makes(deployment: &Deployment, container: &str) -> bool {
    let spec = deployment.spec.template.spec.as_ref();
    let has_it = |found: &Container| found.name == container;
    spec.is_some_and(|spec| spec.containers.iter().any(has_it))
}

/// The refusal that a Deployment gets no pods by, as its ReplicaSet's controller says.
pub(super) fn refusal(deployment: &Deployment) -> Option<ClusterProblem> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failed = conditions.iter().find(|condition| {
        condition.type_.as_deref() == Some("ReplicaFailure")
            && condition.status.as_deref() == Some("True")
    })?;
    Some(ClusterProblem::PodsRefused {
        deployment: deployment.name_any(),
        message: failed.message.clone().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::outcome::Kind;

    fn pod(state: Value) -> Pod {
        serde_json::from_value(
            json!({"metadata": {"name": "web-1"}, "status": {"containerStatuses": [{
                "name": "web", "state": state, "image": "r.example/web:v1", "imageID": "",
                "ready": false, "restartCount": 0,
            }]}}),
        )
        .unwrap()
    }

    #[test]
    fn an_image_that_the_kubelet_gave_up_is_told_and_one_that_it_still_tries_is_waited_for() {
        let waiting =
            |reason: &str| pod(json!({"waiting": {"reason": reason, "message": "not found"}}));
        for reason in NO_IMAGE {
            let problem = without_image(&waiting(reason), "web").unwrap();
            assert_eq!(problem.kind(), Kind::NoImage);
            let text = problem.to_string();
            for part in ["web-1", "r.example/web:v1", reason, "not found", "--image"] {
                assert!(text.contains(part), "{text}");
            }
        }
        for reason in ["ErrImagePull", "ContainerCreating", "CrashLoopBackOff"] {
            assert!(without_image(&waiting(reason), "web").is_none(), "{reason}");
        }
        assert!(without_image(&waiting("ImagePullBackOff"), "other").is_none());
        assert!(without_image(&pod(json!({"running": {}})), "web").is_none());
        assert!(without_image(&Pod::default(), "web").is_none());
    }

    fn deployment(conditions: Value) -> Deployment {
        serde_json::from_value(json!({"metadata": {"name": "web"},
            "spec": {"selector": {}, "template": {"spec": {"containers": [{"name": "web"}]}}},
            "status": {"conditions": conditions}}))
        .unwrap()
    }

    #[test]
    fn a_deployment_whose_pods_are_refused_says_by_whom() {
        let said = "pods \"web-1\" is forbidden: exceeded quota: few, requested: pods=1, used: pods=0, limited: pods=0";
        let condition = |status: &str| {
            json!([
                {"type": "Available", "status": "False", "message": "no"},
                {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": said},
            ])
        };
        let problem = refusal(&deployment(condition("True"))).unwrap();
        assert_eq!(problem.kind(), Kind::PodsRefused);
        let text = problem.to_string();
        assert!(
            text.contains(said) && text.contains("Deployment web"),
            "{text}"
        );
        assert!(refusal(&deployment(condition("False"))).is_none());
        assert!(refusal(&deployment(json!([]))).is_none());
        assert!(makes(&deployment(json!([])), "web"));
        assert!(!makes(&deployment(json!([])), "other"));
    }
}
