//! The path that a test asks for.

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use setpoint_rules::{ApiPath, MetricValueList};

use super::document::MetricTest;

const GROUP: &str = "custom.metrics.k8s.io";

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
    #[error("a test needs `path`, or `metric` and `object` in place of it")]
    Nothing,
    #[error("`{0}` stands beside `path`, which says it already")]
    Twice(&'static str),
    #[error(
        "`object` is `{0}`: expected RESOURCE/NAME, such as pods/web-1, pods/* or deployments.apps/web"
    )]
    Object(String),
    #[error(
        "`{0}` is no path of metrics: expected one below /apis/custom.metrics.k8s.io/v1beta1/ or v1beta2/"
    )]
    Path(String),
    #[error("external metrics are not evaluated yet")]
    External,
}

/// The path of a test's request, with the query string where it has one.
pub(super) fn target(test: &MetricTest) -> Result<String, RequestError> {
    let mut target = match (&test.path, &test.metric, &test.object) {
        (Some(path), ..) => {
            let twice = [
                ("metric", test.metric.is_some()),
                ("object", test.object.is_some()),
                ("namespace", test.namespace.is_some()),
            ];
            if let Some((key, _)) = twice.into_iter().find(|(_, stands)| *stands) {
                return Err(RequestError::Twice(key));
            }
            known(path)?;
            path.clone()
        }
        (None, Some(metric), Some(object)) => of_object(metric, object, test.namespace.as_deref())?,
        (None, ..) => return Err(RequestError::Nothing),
    };
    for (key, parameter, value) in [
        ("label_selector", "labelSelector", &test.label_selector),
        (
            "metric_label_selector",
            "metricLabelSelector",
            &test.metric_label_selector,
        ),
    ] {
        let Some(value) = value else { continue };
        if target.contains(&format!("{parameter}=")) {
            return Err(RequestError::Twice(key));
        }
        let mark = if target.contains('?') { '&' } else { '?' };
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        target.push_str(&format!("{mark}{parameter}={value}"));
    }
    Ok(target)
}

/// Refuses paths that no request for values has.
fn known(path: &str) -> Result<(), RequestError> {
    let refused = || RequestError::Path(path.to_owned());
    if path.starts_with("/apis/external.metrics.k8s.io/") {
        return Err(RequestError::External);
    }
    let legal = |c: char| c.is_ascii_graphic();
    let of_group = path
        .strip_prefix(&format!("/apis/{GROUP}/"))
        .ok_or_else(refused)?;
    let (version, rest) = of_group.split_once('/').ok_or_else(refused)?;
    let served = MetricValueList::VERSIONS.contains(&version);
    if !served || rest.is_empty() || !path.chars().all(legal) {
        return Err(refused());
    }
    match ApiPath::parse(path.split('?').next().unwrap_or_default()) {
        Ok(ApiPath::Other(_)) => Err(refused()),
        // The adapter answers 400 to escapes that can't be decoded.
        Ok(ApiPath::Resource(_)) | Err(_) => Ok(()),
    }
}

fn of_object(metric: &str, object: &str, namespace: Option<&str>) -> Result<String, RequestError> {
    let segment = |text: &str| utf8_percent_encode(text, SEGMENT).to_string();
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
    Ok(format!("/apis/{GROUP}/v1beta2/{objects}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(test: &str) -> Result<String, RequestError> {
        let test: MetricTest =
            serde_saphyr::from_str(&format!("{{eval_time: 1m, {test}}}")).unwrap();
        target(&test)
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
                "path: /apis/external.metrics.k8s.io/v1beta1/namespaces/a/x",
                RequestError::External,
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
