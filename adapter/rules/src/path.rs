//! Paths of API requests, split as `apiserver/pkg/endpoints/request/requestinfo.go` splits them.

use percent_encoding::percent_decode_str;

/// The path of a request, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiPath {
    /// Below `/apis/<group>/<version>/`.
    Resource(ResourcePath),
    /// Any other path, such as `/readyz` or `/apis/<group>/<version>` itself.
    Other(String),
}

/// A path below `/apis/<group>/<version>/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourcePath {
    /// The API group.
    pub group: String,
    /// The version of the group.
    pub version: String,
    /// The namespace.
    pub namespace: Option<String>,
    /// The segments after the version and, where one stands before more, the namespace: resource,
    /// name, subresource and what follows.
    pub parts: Vec<String>,
}

/// A path that can't be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid percent escape in the path")]
pub struct InvalidPath;

impl ApiPath {
    /// Parses the path of a URL.
    ///
    /// # Errors
    /// A percent escape without two hexadecimal digits, or one for bytes that aren't UTF-8.
    pub fn parse(path: &str) -> Result<Self, InvalidPath> {
        // Split first: a decoded slash must not become a separator.
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(percent_decoded)
            .collect::<Result<_, _>>()?;
        match segments.as_slice() {
            [prefix, group, version, rest @ ..] if prefix == "apis" && !rest.is_empty() => {
                Ok(Self::Resource(ResourcePath::new(group, version, rest)))
            }
            _ => percent_decoded(path).map(Self::Other),
        }
    }
}

impl ResourcePath {
    fn new(group: &str, version: &str, segments: &[String]) -> Self {
        let (namespace, parts) = match segments {
            [first, namespace, next, ..] if first == "namespaces" => {
                // These two are subresources of the namespace itself.
                let of_namespace = next == "status" || next == "finalize";
                let skipped = if of_namespace { 0 } else { 2 };
                (Some(namespace), &segments[skipped..])
            }
            [first, namespace] if first == "namespaces" => (Some(namespace), segments),
            _ => (None, segments),
        };
        Self {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.cloned(),
            parts: parts.to_vec(),
        }
    }

    /// The resource, with its group where the API names one: `deployments.apps`.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.part(0)
    }

    /// The name of the object; `*` for all in requests for metrics, empty where the path ends
    /// before.
    #[must_use]
    pub fn name(&self) -> &str {
        self.part(1)
    }

    /// The subresource, which is the metric in requests for metrics; empty where the path ends
    /// before.
    #[must_use]
    pub fn subresource(&self) -> &str {
        self.part(2)
    }

    fn part(&self, index: usize) -> &str {
        self.parts.get(index).map_or("", String::as_str)
    }
}

/// Decodes percent escapes strictly, as Go's `url.PathUnescape` does.
///
/// # Errors
/// An escape without two hexadecimal digits, or one for bytes that aren't UTF-8.
pub fn percent_decoded(text: &str) -> Result<String, InvalidPath> {
    let begins_with_digits = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(begins_with_digits) {
        return Err(InvalidPath);
    }
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| InvalidPath)
}

/// Whether a name can be a segment of a path in Kubernetes (`path.IsValidPathSegmentName`).
pub(crate) fn is_path_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && may_be_in_segment(name)
}

/// Whether a segment of a path may hold a text.
pub(crate) fn may_be_in_segment(text: &str) -> bool {
    !text.contains(['/', '%'])
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The path of a resource.
    pub(crate) fn resource(path: &str) -> ResourcePath {
        match ApiPath::parse(path) {
            Ok(ApiPath::Resource(path)) => path,
            other => panic!("{path} is no path of a resource: {other:?}"),
        }
    }

    #[test]
    fn an_escaped_slash_is_no_separator_and_an_escaped_name_is_decoded() {
        let path = "/apis/custom.metrics.k8s.io/v1beta1/namespaces/a%2Fb/pods/%2A/m%C3%A9";
        let path = resource(path);
        assert_eq!(path.namespace.as_deref(), Some("a/b"));
        assert_eq!(path.parts, ["pods", "*", "mé"]);
    }

    #[test]
    fn a_path_has_a_resource_a_name_and_a_subresource_as_far_as_it_goes() {
        let parts = |path: &str| {
            let path = format!("/apis/custom.metrics.k8s.io/v1beta1/namespaces/shop/{path}");
            let path = resource(&path);
            [path.resource(), path.name(), path.subresource()].map(str::to_owned)
        };
        assert_eq!(parts("pods/web-1/load"), ["pods", "web-1", "load"]);
        assert_eq!(parts("pods/web-1"), ["pods", "web-1", ""]);
        assert_eq!(parts("pods"), ["pods", "", ""]);
    }

    #[test]
    fn what_is_below_no_version_of_an_api_is_another_path() {
        for path in [
            "/apis/custom.metrics.k8s.io/v1beta1",
            "/api/custom.metrics.k8s.io/v1beta1/pods",
            "/healthz",
        ] {
            assert_eq!(ApiPath::parse(path), Ok(ApiPath::Other(path.to_owned())));
        }
    }

    #[test]
    fn only_whole_escapes_are_decoded() {
        for text in ["%", "a%4", "%zz", "%4g", "%ff", "%+1"] {
            assert_eq!(percent_decoded(text), Err(InvalidPath), "{text}");
        }
        assert_eq!(percent_decoded("%25zz"), Ok("%zz".to_owned()));
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/apis/g/v)?(/[a-z%0-9*é]{0,4}){0,8}") {
            let _ = ApiPath::parse(&path);
        }
    }
}
