//! The path that a test asks for.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use setpoint_rules::ApiPath;

use super::api_group::ApiGroup;
use super::document::MetricTest;

/// What can't stand in a segment of a path (RFC 3986).
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Why a test asks for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("a test needs `path`, or in place of it `metric` and `object`, `external`, or `usage`")]
    Nothing,
    #[error("`{key}` stands beside `{beside}`: a test asks for one thing")]
    Beside {
        key: &'static str,
        beside: &'static str,
    },
    #[error("`{0}` stands beside `path`, which says it already")]
    Twice(&'static str),
    #[error(
        "`object` is `{0}`: expected RESOURCE/NAME, such as pods/web-1, pods/* or deployments.apps/web"
    )]
    Object(String),
    #[error("`usage` is `{0}`: expected pods/*, pods/NAME, nodes/* or nodes/NAME")]
    Usage(String),
    #[error("a pod that is named is in a `namespace`")]
    NoNamespace,
    #[error("`external` needs the `namespace` of who asks, that of the HorizontalPodAutoscaler")]
    NobodyAsks,
    #[error(
        "`{0}` is no path of metrics: expected one below /apis/ and custom.metrics.k8s.io/v1beta1/ or v1beta2/, external.metrics.k8s.io/v1beta1/ or metrics.k8s.io/v1beta1/"
    )]
    Path(String),
}

/// The path of a test's request, with the query string where it has one, and the API group that answers it.
pub(super) fn target(test: &MetricTest) -> Result<(String, ApiGroup), RequestError> {
    let (mut target, group) = path(test)?;
    let of_series = match group {
        ApiGroup::External => "labelSelector",
        ApiGroup::Custom | ApiGroup::Resource => "metricLabelSelector",
    };
    for (key, parameter, value) in [
        ("label_selector", "labelSelector", &test.label_selector),
        (
            "metric_label_selector",
            of_series,
            &test.metric_label_selector,
        ),
    ] {
        let Some(value) = value else { continue };
        let meant = match group {
            ApiGroup::Custom => true,
            ApiGroup::External => key == "metric_label_selector",
            ApiGroup::Resource => key == "label_selector",
        };
        if !meant {
            let beside = match group {
                ApiGroup::External => "external",
                ApiGroup::Custom | ApiGroup::Resource => "usage",
            };
            return Err(RequestError::Beside { key, beside });
        }
        if target.contains(&format!("{parameter}=")) {
            return Err(RequestError::Twice(key));
        }
        let mark = if target.contains('?') { '&' } else { '?' };
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        target.push_str(&format!("{mark}{parameter}={value}"));
    }
    Ok((target, group))
}

fn path(test: &MetricTest) -> Result<(String, ApiGroup), RequestError> {
    let namespace = test.namespace.as_deref();
    let stands = [
        ("path", test.path.is_some()),
        ("metric", test.metric.is_some()),
        ("object", test.object.is_some()),
        ("external", test.external.is_some()),
        ("usage", test.usage.is_some()),
    ];
    let mut keys = stands
        .into_iter()
        .filter(|(_, stands)| *stands)
        .map(|(key, _)| key);
    let (first, second) = (keys.next(), keys.next());
    let refused = match (first, second) {
        (Some("path"), Some(key)) => Some(RequestError::Twice(key)),
        (Some("metric"), Some("object")) => keys.next().map(|key| RequestError::Beside {
            key,
            beside: "metric",
        }),
        (Some(beside), Some(key)) => Some(RequestError::Beside { key, beside }),
        _ => None,
    };
    if let Some(refused) = refused {
        return Err(refused);
    }
    match test {
        MetricTest {
            path: Some(path), ..
        } => {
            if namespace.is_some() {
                return Err(RequestError::Twice("namespace"));
            }
            Ok((path.clone(), known(path)?))
        }
        MetricTest {
            metric: Some(metric),
            object: Some(object),
            ..
        } => Ok((of_object(metric, object, namespace)?, ApiGroup::Custom)),
        MetricTest {
            external: Some(metric),
            ..
        } => Ok((of_external(metric, namespace)?, ApiGroup::External)),
        MetricTest {
            usage: Some(object),
            ..
        } => Ok((of_usage(object, namespace)?, ApiGroup::Resource)),
        _ => Err(RequestError::Nothing),
    }
}

/// The group of a path below one of its versions.
fn known(path: &str) -> Result<ApiGroup, RequestError> {
    let refused = || RequestError::Path(path.to_owned());
    let legal = |c: char| c.is_ascii_graphic();
    let below = path.strip_prefix("/apis/").ok_or_else(refused)?;
    let mut parts = below.splitn(3, '/');
    let mut next = || parts.next().filter(|part| !part.is_empty());
    let (Some(group), Some(version), Some(_)) = (next(), next(), next()) else {
        return Err(refused());
    };
    let group = ApiGroup::of(group).ok_or_else(refused)?;
    if !group.versions().contains(&version) || !path.chars().all(legal) {
        return Err(refused());
    }
    match ApiPath::parse(path.split('?').next().unwrap_or_default()) {
        Ok(ApiPath::Other(_)) => Err(refused()),
        // The adapter answers 400 to escapes that can't be decoded.
        Ok(ApiPath::Resource(_)) | Err(_) => Ok(group),
    }
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

fn of_external(metric: &str, namespace: Option<&str>) -> Result<String, RequestError> {
    let namespace = segment(namespace.ok_or(RequestError::NobodyAsks)?);
    let group = ApiGroup::External.name();
    let metric = segment(metric);
    Ok(format!(
        "/apis/{group}/v1beta1/namespaces/{namespace}/{metric}"
    ))
}

fn of_usage(object: &str, namespace: Option<&str>) -> Result<String, RequestError> {
    let refused = || RequestError::Usage(object.to_owned());
    let (resource, name) = object.split_once('/').ok_or_else(refused)?;
    if !["pods", "nodes"].contains(&resource) || name.is_empty() {
        return Err(refused());
    }
    let of_all = name == "*";
    let objects = match (resource, namespace) {
        ("pods", None) if !of_all => return Err(RequestError::NoNamespace),
        ("nodes", Some(_)) => {
            let (key, beside) = ("namespace", "usage: nodes");
            return Err(RequestError::Beside { key, beside });
        }
        (_, Some(namespace)) => format!("namespaces/{}/{resource}", segment(namespace)),
        (_, None) => resource.to_owned(),
    };
    let name = if of_all {
        String::new()
    } else {
        format!("/{}", segment(name))
    };
    let group = ApiGroup::Resource.name();
    Ok(format!("/apis/{group}/v1beta1/{objects}{name}"))
}

fn of_object(metric: &str, object: &str, namespace: Option<&str>) -> Result<String, RequestError> {
    let refused = || RequestError::Object(object.to_owned());
    let (resource, name) = object.split_once('/').ok_or_else(refused)?;
    if resource.is_empty() || name.is_empty() {
        return Err(refused());
    }
    let (resource, name, metric) = (segment(resource), segment(name), segment(metric));
    let objects = match (resource.as_str(), namespace) {
        ("namespaces" | "namespace", None) => format!("namespaces/{name}/metrics/{metric}"),
        (_, None) => format!("{resource}/{name}/{metric}"),
        (_, Some(namespace)) => {
            let namespace = segment(namespace);
            format!("namespaces/{namespace}/{resource}/{name}/{metric}")
        }
    };
    Ok(format!(
        "/apis/{}/v1beta2/{objects}",
        ApiGroup::Custom.name()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(test: &str) -> Result<String, RequestError> {
        let test: MetricTest =
            serde_saphyr::from_str(&format!("{{eval_time: 1m, {test}}}")).unwrap();
        target(&test).map(|(target, _)| target)
    }

    #[test]
    fn a_short_form_is_a_path() {
        let path = |rest: &str| Ok(format!("/apis/custom.metrics.k8s.io/v1beta2/{rest}"));
        assert_eq!(
            asked(
                "metric: load, object: pods/*, namespace: shop, label_selector: 'app in (a,b)', metric_label_selector: verb=GET"
            ),
            path(
                "namespaces/shop/pods/*/load?labelSelector=app%20in%20%28a%2Cb%29&metricLabelSelector=verb%3DGET"
            )
        );
        assert_eq!(
            asked("metric: load, object: nodes/n1"),
            path("nodes/n1/load")
        );
        assert_eq!(
            asked("metric: 'job:load', object: namespaces/shop"),
            path("namespaces/shop/metrics/job:load")
        );
        assert_eq!(
            asked("metric: a/b, object: pods/x, namespace: n"),
            path("namespaces/n/pods/x/a%2Fb")
        );
        let whole =
            "/apis/custom.metrics.k8s.io/v1beta1/namespaces/a/pods/*/load?labelSelector=a%3Db";
        assert_eq!(asked(&format!("path: '{whole}'")), Ok(whole.to_owned()));
        assert_eq!(
            asked(&format!("path: '{whole}', metric_label_selector: a=b")),
            Ok(format!("{whole}&metricLabelSelector=a%3Db"))
        );
    }

    #[test]
    fn a_short_form_of_an_external_metric_or_of_usage_is_a_path_of_its_group() {
        let path = |rest: &str| Ok(format!("/apis/{rest}"));
        for (test, expected) in [
            (
                "external: depth, namespace: shop, metric_label_selector: 'queue=a'",
                "external.metrics.k8s.io/v1beta1/namespaces/shop/depth?labelSelector=queue%3Da",
            ),
            (
                "usage: pods/*, namespace: shop, label_selector: app=web",
                "metrics.k8s.io/v1beta1/namespaces/shop/pods?labelSelector=app%3Dweb",
            ),
            ("usage: pods/*", "metrics.k8s.io/v1beta1/pods"),
            (
                "usage: pods/web-1, namespace: shop",
                "metrics.k8s.io/v1beta1/namespaces/shop/pods/web-1",
            ),
            ("usage: nodes/*", "metrics.k8s.io/v1beta1/nodes"),
            ("usage: nodes/n1", "metrics.k8s.io/v1beta1/nodes/n1"),
        ] {
            assert_eq!(asked(test), path(expected), "{test}");
            assert_eq!(asked(&format!("path: '/apis/{expected}'")), path(expected));
        }
    }

    #[test]
    fn what_asks_for_nothing_is_refused() {
        let whole =
            "/apis/custom.metrics.k8s.io/v1beta1/namespaces/a/pods/*/load?labelSelector=a%3Db";
        for (test, refused) in [
            ("metric: load", RequestError::Nothing),
            (
                "metric: load, object: pods",
                RequestError::Object("pods".to_owned()),
            ),
            (
                "metric: load, object: pods/",
                RequestError::Object("pods/".to_owned()),
            ),
            (
                &format!("path: '{whole}', namespace: a"),
                RequestError::Twice("namespace"),
            ),
            (
                &format!("path: '{whole}', label_selector: a=b"),
                RequestError::Twice("label_selector"),
            ),
            (
                "metric: load, object: pods/x, external: load, namespace: a",
                RequestError::Beside {
                    key: "external",
                    beside: "metric",
                },
            ),
            ("external: load", RequestError::NobodyAsks),
            (
                "external: load, namespace: a, label_selector: a=b",
                RequestError::Beside {
                    key: "label_selector",
                    beside: "external",
                },
            ),
            ("usage: pods/x", RequestError::NoNamespace),
            (
                "usage: nodes/x, namespace: a",
                RequestError::Beside {
                    key: "namespace",
                    beside: "usage: nodes",
                },
            ),
            (
                "usage: deployments/x",
                RequestError::Usage("deployments/x".to_owned()),
            ),
            (
                "usage: pods/x, namespace: a, metric_label_selector: a=b",
                RequestError::Beside {
                    key: "metric_label_selector",
                    beside: "usage",
                },
            ),
            ("path: /metrics", RequestError::Path("/metrics".to_owned())),
        ] {
            assert_eq!(asked(test), Err(refused), "{test}");
        }
        for path in ["v1", "v1/x", "v1beta2/", "v1beta2/a b/c"] {
            let path = format!("/apis/custom.metrics.k8s.io/{path}");
            assert_eq!(
                asked(&format!("path: '{path}'")),
                Err(RequestError::Path(path))
            );
        }
    }
}
