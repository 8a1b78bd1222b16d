//! Requests and limits as variables and files (`resourceFieldRef`), after `ExtractContainerResourceValue` of
//! `pkg/api/v1/resource/helpers.go`.

use k8s_openapi::api::core::v1::{Pod, ResourceFieldSelector};
use setpoint_metrics_api::Quantity;

use super::node::ALLOCATABLE;

/// Why a resource has no value, in the kubelet's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResourceError {
    #[error("container {0} not found")]
    NoContainer(String),
    #[error("unsupported container resource : {0}")]
    Unsupported(String),
    #[error("{0:?} is no quantity, or out of reach")]
    Quantity(String),
}

/// The amount of a container's resource, in whole divisors. `own` is the container whose environment
/// the value is for; files name their container in the selector.
pub(super) fn value(
    selector: &ResourceFieldSelector,
    own: Option<&str>,
    pod: &Pod,
) -> Result<String, ResourceError> {
    let named = selector.container_name.as_deref();
    let wanted = named.filter(|name| !name.is_empty()).or(own);
    let wanted = wanted.unwrap_or_default();
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice());
    let mut containers = containers.unwrap_or_default().iter();
    let container = containers
        .find(|container| container.name == wanted)
        .ok_or_else(|| ResourceError::NoContainer(wanted.to_owned()))?;
    let unsupported = || ResourceError::Unsupported(selector.resource.clone());
    let (bound, name) = selector.resource.split_once('.').ok_or_else(unsupported)?;
    let is_allocatable = |known: &&(&str, &str)| known.0 == name;
    let allocatable = ALLOCATABLE.iter().find(is_allocatable);
    if allocatable.is_none() && !name.starts_with("hugepages-") {
        return Err(unsupported());
    }
    let resources = container.resources.as_ref();
    let amounts = match bound {
        "limits" => resources.and_then(|resources| resources.limits.as_ref()),
        "requests" => resources.and_then(|resources| resources.requests.as_ref()),
        _ => return Err(unsupported()),
    };
    let given = amounts.and_then(|amounts| amounts.get(name));
    let mut amount = given.map_or(Ok(0), |given| milli(&given.0))?;
    if amount == 0 && bound == "limits" {
        // `MergeContainerResourceLimits`: without a limit a container may have what the node has.
        amount = allocatable.map_or(Ok(0), |(_, all)| milli(all))?;
    }
    let divisor = selector.divisor.as_ref();
    let mut divisor = divisor.map_or(Ok(0), |divisor| milli(&divisor.0))?;
    if divisor == 0 {
        divisor = 1_000;
    }
    // Processors are counted in thousandths, all else in whole ones.
    let (amount, divisor) = match name {
        "cpu" => (amount, divisor),
        _ => (up(amount, 1_000), up(divisor, 1_000)),
    };
    Ok(up(amount, divisor).to_string())
}

fn milli(text: &str) -> Result<i64, ResourceError> {
    let quantity: Option<Quantity> = text.parse().ok();
    let milli = quantity.and_then(|quantity| quantity.milli_value());
    milli.ok_or_else(|| ResourceError::Quantity(text.to_owned()))
}

/// The quotient, rounded up.
fn up(amount: i64, divisor: i64) -> i64 {
    amount.div_euclid(divisor) + i64::from(amount.rem_euclid(divisor) != 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// By the cases of Kubernetes' own `helpers_test.go`, and limits that aren't there.
    #[test]
    fn resources_have_the_values_that_the_kubelet_gives_them() {
        let pod: Pod = serde_json::from_value(json!({"spec": {"containers": [
            {"name": "bare"},
            {"name": "web", "resources": {
                "limits": {"cpu": "1500m", "memory": "100Mi", "hugepages-2Mi": "4Mi"},
                "requests": {"cpu": "9m", "memory": "1000k"},
            }},
        ]}}))
        .expect("a pod");
        let value = |container: &str, resource: &str, divisor: &str| {
            let selector =
                json!({"resource": resource, "divisor": divisor, "containerName": container});
            let selector = serde_json::from_value(selector).expect("a selector");
            value(&selector, Some("web"), &pod)
        };
        for (container, resource, divisor, expected) in [
            ("", "limits.cpu", "0", "2"),
            ("", "limits.cpu", "1m", "1500"),
            ("", "requests.cpu", "1", "1"),
            ("", "requests.cpu", "100m", "1"),
            ("web", "limits.memory", "1Mi", "100"),
            ("web", "limits.memory", "0", "104857600"),
            ("web", "requests.memory", "1Mi", "1"),
            ("web", "limits.hugepages-2Mi", "1Mi", "4"),
            ("bare", "limits.cpu", "1", "64"),
            ("bare", "limits.memory", "1Gi", "256"),
            ("bare", "requests.memory", "1Mi", "0"),
        ] {
            let found = value(container, resource, divisor);
            assert_eq!(found.as_deref(), Ok(expected), "{container} {resource}");
        }
        assert_eq!(
            value("", "limits.pods", "0"),
            Err(ResourceError::Unsupported("limits.pods".to_owned()))
        );
        assert_eq!(
            value("other", "limits.cpu", "0"),
            Err(ResourceError::NoContainer("other".to_owned()))
        );
    }
}
