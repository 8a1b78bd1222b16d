//! Requests and limits as variables and files (`resourceFieldRef`), after `ExtractContainerResourceValue` of
//! `pkg/api/v1/resource/helpers.go`.

use k8s_openapi::api::core::v1::{Pod, ResourceFieldSelector};

use super::node::ALLOCATABLE;
use crate::quantity::milli;

/// What a resource of a container is, in whole divisors. `own` is the container whose environment it is for; a file names
/// the one it means.
pub(super) fn value(
    selector: &ResourceFieldSelector,
    own: Option<&str>,
    pod: &Pod,
) -> Result<String, String> {
    let named = selector.container_name.as_deref();
    let wanted = named.filter(|name| !name.is_empty()).or(own);
    let wanted = wanted.unwrap_or_default();
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice());
    let mut containers = containers.unwrap_or_default().iter();
    let container = containers
        .find(|container| container.name == wanted)
        .ok_or_else(|| format!("container {wanted} not found"))?;
    let unsupported = || format!("unsupported container resource : {}", selector.resource);
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
    let read = |text: &str| milli(text).ok_or_else(|| format!("{text:?} is out of reach"));
    let mut amount = given.map_or(Ok(0), |given| read(&given.0))?;
    if amount == 0 && bound == "limits" {
        // `MergeContainerResourceLimits`: without a limit a container may have what the node has.
        amount = allocatable.map_or(Ok(0), |(_, all)| read(all))?;
    }
    let divisor = selector.divisor.as_ref();
    let mut divisor = divisor.map_or(Ok(0), |divisor| read(&divisor.0))?;
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

/// The quotient, rounded up.
fn up(amount: i128, divisor: i128) -> i128 {
    amount.div_euclid(divisor) + i128::from(amount.rem_euclid(divisor) != 0)
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
            Err("unsupported container resource : limits.pods".to_owned())
        );
        assert_eq!(
            value("other", "limits.cpu", "0"),
            Err("container other not found".to_owned())
        );
    }
}
