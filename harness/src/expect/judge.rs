//! Pure judgement of objects: fits, or what is wrong in words.

use crate::quantity::milli;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::{HorizontalPodAutoscaler, MetricStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use super::Verdict;
use crate::scenario::{ConditionStatus, Expectation};

pub(super) fn wanted_replicas(deployment: &Deployment) -> i32 {
    deployment.spec.replicas.unwrap_or(1)
}

/// As many wanted and ready.
pub(super) fn replicas(deployment: Option<&Deployment>, number: i32) -> Verdict {
    let Some(deployment) = deployment else {
        return Err("there is no such Deployment".to_owned());
    };
    let wanted = wanted_replicas(deployment);
    let ready = deployment
        .status
        .as_ref()
        .and_then(|status| status.ready_replicas)
        .unwrap_or(0);
    if (wanted, ready) == (number, number) {
        Ok(())
    } else {
        Err(format!("{wanted} are wanted and {ready} ready"))
    }
}

/// What is expected of an HPA, in words.
pub(super) fn words(expectation: &Expectation) -> String {
    let Expectation::Hpa {
        condition,
        status,
        reason,
        message,
        current,
        ..
    } = expectation
    else {
        return String::new();
    };
    let mut words = Vec::new();
    if let Some(condition) = condition {
        let status = status.map_or_else(String::new, |status| format!("={status:?}"));
        words.push(format!("has {condition}{status}"));
    }
    words.extend(reason.as_ref().map(|reason| format!("by {reason}")));
    words.extend(
        message
            .as_ref()
            .map(|message| format!("saying `{message}`")),
    );
    words.extend(
        current
            .as_ref()
            .map(|current| format!("measures {current}")),
    );
    words.join(" ")
}

pub(super) fn hpa(hpa: Option<&HorizontalPodAutoscaler>, expected: &Expectation) -> Verdict {
    let Expectation::Hpa {
        condition,
        status,
        reason,
        message,
        current,
        tolerance,
        ..
    } = expected
    else {
        return Ok(());
    };
    let Some(hpa) = hpa else {
        return Err("there is no such HPA".to_owned());
    };
    let Some(now) = &hpa.status else {
        return Err("it has no status yet".to_owned());
    };
    if let Some(wanted) = current {
        let measured = now
            .current_metrics
            .as_deref()
            .unwrap_or_default()
            .first()
            .and_then(measured);
        let fits = measured
            .as_ref()
            .is_some_and(|quantity| is_near(&quantity.0, wanted, *tolerance));
        if !fits {
            let seen = measured.map_or_else(|| "nothing".to_owned(), |quantity| quantity.0);
            return Err(format!("it measures {seen}{}", why_inactive(hpa)));
        }
    }
    let Some(type_) = condition else {
        return Ok(());
    };
    let found = now
        .conditions
        .as_deref()
        .unwrap_or_default()
        .iter()
        .find(|found| found.type_ == *type_);
    let Some(found) = found else {
        return Err(format!("it has no condition {type_}"));
    };
    let found_message = found.message.clone().unwrap_or_default();
    let fits = status.is_none_or(|status| found.status == format!("{status:?}"))
        && reason
            .as_ref()
            .is_none_or(|reason| found.reason.as_ref() == Some(reason))
        && message
            .as_ref()
            .is_none_or(|words| found_message.contains(words));
    if fits {
        Ok(())
    } else {
        let reason = found.reason.clone().unwrap_or_default();
        Err(format!(
            "it has {type_}={} by {reason}: {found_message}",
            found.status
        ))
    }
}

/// Whether a quantity differs from what is wanted by no more than that part of it.
fn is_near(found: &str, wanted: &str, tolerance: f64) -> bool {
    let (Some(found), Some(wanted)) = (milli(found), milli(wanted)) else {
        return false;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "quantities of scenarios are small"
    )]
    let (difference, wanted) = (found.abs_diff(wanted) as f64, wanted as f64);
    difference <= wanted.abs() * tolerance
}

/// The average value, or the value, of a metric of any kind but Resource.
fn measured(metric: &MetricStatus) -> Option<Quantity> {
    let current = metric
        .pods
        .as_ref()
        .map(|pods| &pods.current)
        .or_else(|| metric.object.as_ref().map(|object| &object.current))
        .or_else(|| metric.external.as_ref().map(|external| &external.current))?;
    current
        .average_value
        .clone()
        .or_else(|| current.value.clone())
}

/// Why an HPA doesn't scale, where it says so.
fn why_inactive(hpa: &HorizontalPodAutoscaler) -> String {
    let conditions = hpa
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref());
    let inactive = conditions
        .unwrap_or_default()
        .iter()
        .find(|found| found.type_ == "ScalingActive" && found.status == "False");
    inactive.map_or_else(String::new, |found| {
        format!(
            "; it has ScalingActive=False by {}: {}",
            found.reason.as_deref().unwrap_or_default(),
            found.message.as_deref().unwrap_or_default()
        )
    })
}

pub(super) fn apiservice(
    service: Option<&APIService>,
    available: ConditionStatus,
    reason: Option<&str>,
    message: Option<&str>,
) -> Verdict {
    let Some(service) = service else {
        return Err("there is no such APIService".to_owned());
    };
    let conditions = service
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let Some(found) = conditions.iter().find(|found| found.type_ == "Available") else {
        return Err("it has no condition Available yet".to_owned());
    };
    let found_reason = found.reason.clone().unwrap_or_default();
    let found_message = found.message.clone().unwrap_or_default();
    if found.status == format!("{available:?}")
        && reason.is_none_or(|reason| reason == found_reason)
        && message.is_none_or(|message| found_message.contains(message))
    {
        return Ok(());
    }
    Err(format!(
        "it has Available={} by {found_reason}: {found_message}",
        found.status
    ))
}

pub(crate) fn has_ready_container(pod: &Pod, name: &str) -> bool {
    let statuses = pod
        .status
        .as_ref()
        .and_then(|status| status.container_statuses.as_deref())
        .unwrap_or_default();
    pod.metadata.deletion_timestamp.is_none()
        && statuses
            .iter()
            .any(|status| status.name == name && status.ready)
}

pub(super) fn pod_in_words(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let Some(status) = &pod.status else {
        return format!("{name} without status");
    };
    let containers = status
        .container_statuses
        .as_deref()
        .unwrap_or_default()
        .iter()
        .map(|container| {
            let waiting = container
                .state
                .as_ref()
                .and_then(|state| state.waiting.as_ref());
            let reason = waiting
                .and_then(|waiting| waiting.reason.clone())
                .unwrap_or_default();
            format!(
                "{} ready={} restarts={} {reason}",
                container.name, container.ready, container.restart_count
            )
        });
    let words = status
        .message
        .iter()
        .cloned()
        .chain(containers)
        .collect::<Vec<_>>()
        .join(", ");
    format!(
        "{name} {}: {words}",
        status.phase.as_deref().unwrap_or("Unknown")
    )
}
