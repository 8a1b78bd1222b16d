//! The downward API's fields, after `pkg/fieldpath` and `podFieldSelectorRuntimeValue` of the kubelet.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv4Addr;

use k8s_openapi::api::core::v1::Pod;

/// What fields are read from.
pub(crate) struct FieldContext<'p> {
    pub(crate) pod: &'p Pod,
    pub(crate) pod_ip: Option<Ipv4Addr>,
    pub(crate) node_ip: Ipv4Addr,
}

/// The downward API has no such field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fieldPath \"{0}\" not supported")]
pub(crate) struct FieldError(String);

/// The value of a field by its path.
pub(crate) fn value(path: &str, fields: &FieldContext<'_>) -> Result<String, FieldError> {
    let metadata = &fields.pod.metadata;
    let spec = fields.pod.spec.as_ref();
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    if let Some((map, key)) = subscript(path) {
        let map = match map {
            "metadata.labels" => metadata.labels.as_ref(),
            "metadata.annotations" => metadata.annotations.as_ref(),
            _ => return Err(FieldError(path.to_owned())),
        };
        return Ok(text(map.and_then(|map| map.get(key))));
    }
    Ok(match path {
        "metadata.name" => text(metadata.name.as_ref()),
        "metadata.namespace" => text(metadata.namespace.as_ref()),
        "metadata.uid" => text(metadata.uid.as_ref()),
        "metadata.labels" => format_map(metadata.labels.as_ref()),
        "metadata.annotations" => format_map(metadata.annotations.as_ref()),
        "spec.nodeName" => text(spec.and_then(|spec| spec.node_name.as_ref())),
        "spec.serviceAccountName" => text(spec.and_then(|spec| spec.service_account_name.as_ref())),
        "status.hostIP" | "status.hostIPs" => fields.node_ip.to_string(),
        "status.podIP" | "status.podIPs" => {
            fields.pod_ip.map(|ip| ip.to_string()).unwrap_or_default()
        }
        _ => return Err(FieldError(path.to_owned())),
    })
}

/// `metadata.labels['app']` as map and key.
fn subscript(path: &str) -> Option<(&str, &str)> {
    let (map, rest) = path.split_once("['")?;
    Some((map, rest.strip_suffix("']")?))
}

/// `FormatMap`: one `key="value"` a line, sorted, the value quoted as Go quotes it.
fn format_map(map: Option<&BTreeMap<String, String>>) -> String {
    let mut out = String::new();
    for (key, value) in map.into_iter().flatten() {
        if !out.is_empty() {
            out.push('\n');
        }
        // Writing to a String can't fail.
        let _ = write!(out, "{key}={}", quote(value));
    }
    out
}

/// `strconv.Quote` for what occurs in labels and annotations.
fn quote(value: &str) -> String {
    let mut out = String::from('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_control() => {
                // Writing to a String can't fail.
                let _ = write!(out, "\\x{:02x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_have_the_values_that_the_kubelet_gives_them() {
        let pod: Pod = serde_json::from_value(json!({
            "metadata": {"name": "web-1", "namespace": "shop", "uid": "u", "labels": {"app": "web"},
                "annotations": {"note": "a \"b\"\nc"}},
            "spec": {"containers": [], "nodeName": "n", "serviceAccountName": "sa"},
        }))
        .expect("a pod");
        let fields = FieldContext {
            pod: &pod,
            pod_ip: Some(Ipv4Addr::new(10, 244, 0, 7)),
            node_ip: Ipv4Addr::new(172, 30, 0, 2),
        };
        for (path, expected) in [
            ("metadata.name", "web-1"),
            ("metadata.namespace", "shop"),
            ("metadata.uid", "u"),
            ("metadata.labels['app']", "web"),
            ("metadata.labels['none']", ""),
            ("metadata.annotations", "note=\"a \\\"b\\\"\\nc\""),
            ("spec.nodeName", "n"),
            ("spec.serviceAccountName", "sa"),
            ("status.podIP", "10.244.0.7"),
            ("status.hostIP", "172.30.0.2"),
        ] {
            assert_eq!(value(path, &fields), Ok(expected.to_owned()), "{path}");
        }
        assert!(value("spec.containers", &fields).is_err());
    }
}
