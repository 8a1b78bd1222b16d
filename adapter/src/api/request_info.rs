//! What a request asks for, as Kubernetes' authorization sees it (`apiserver/pkg/endpoints/request/requestinfo.go`).

use percent::decode;

/// A request's attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestInfo {
    /// Something under `/apis/<group>/<version>/`.
    Resource(ResourceRequest),
    /// Any other path.
    Path {
        /// The decoded path.
        path: String,
        /// The HTTP method in lower case.
        verb: String,
    },
}

/// A request for a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceRequest {
    /// `get`, `list`, `create`, …
    pub verb: String,
    /// The API group.
    pub group: String,
    /// Its version.
    pub version: String,
    /// The namespace; empty for none.
    pub namespace: String,
    /// The resource, with its group if the API's paths name one: `deployments.apps`.
    pub resource: String,
    /// The subresource; of custom metrics it is the metric's name.
    pub subresource: String,
    /// The object's name, `*` for all.
    pub name: String,
    /// Everything after the version (and namespace).
    pub parts: Vec<String>,
}

impl RequestInfo {
    /// The attributes of a method and an undecoded path.
    ///
    /// # Errors
    /// A percent escape that is none, or that hides bytes which are no UTF-8.
    pub fn new(method: &http::Method, path: &str) -> Result<Self, BadPath> {
        // A decoded slash must not become a separator.
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(decode)
            .collect::<Result<_, _>>()?;
        let verb = method.as_str().to_ascii_lowercase();
        match segments.as_slice() {
            [prefix, group, version, rest @ ..] if prefix == "apis" && !rest.is_empty() => Ok(
                Self::Resource(resource_request(method, group, version, rest)),
            ),
            _ => Ok(Self::Path {
                path: decode(path)?,
                verb,
            }),
        }
    }
}

impl RequestInfo {
    /// What is to be done, in one word.
    #[must_use]
    pub fn verb(&self) -> &str {
        match self {
            Self::Resource(resource) => &resource.verb,
            Self::Path { verb, .. } => verb,
        }
    }
}

/// A path that can't be decoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid percent escape in the path")]
pub struct BadPath;

fn resource_request(
    method: &http::Method,
    group: &str,
    version: &str,
    rest: &[String],
) -> ResourceRequest {
    let mut parts = rest;
    let mut namespace = "";
    if let [first, name, below @ ..] = rest
        && first == "namespaces"
    {
        namespace = name;
        if below
            .first()
            .is_some_and(|step| step != "status" && step != "finalize")
        {
            parts = below;
        }
    }
    let part = |index: usize| parts.get(index).cloned().unwrap_or_default();
    let verb = match method.as_str() {
        "GET" | "HEAD" if parts.len() < 2 => "list",
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if parts.len() < 2 => "deletecollection",
        "DELETE" => "delete",
        _ => "",
    };
    ResourceRequest {
        verb: verb.to_owned(),
        group: group.to_owned(),
        version: version.to_owned(),
        namespace: namespace.to_owned(),
        resource: part(0),
        name: part(1),
        subresource: part(2),
        parts: parts.to_vec(),
    }
}

mod percent {
    use super::BadPath;

    /// The text behind percent escapes.
    pub(super) fn decode(text: &str) -> Result<String, BadPath> {
        let mut bytes = text.bytes();
        let mut decoded = Vec::with_capacity(text.len());
        while let Some(byte) = bytes.next() {
            decoded.push(match byte {
                b'%' => {
                    let digit = |byte: Option<u8>| {
                        byte.and_then(|byte| char::from(byte).to_digit(16))
                            .ok_or(BadPath)
                    };
                    let value = digit(bytes.next())? * 16 + digit(bytes.next())?;
                    u8::try_from(value).map_err(|_| BadPath)?
                }
                byte => byte,
            });
        }
        String::from_utf8(decoded).map_err(|_| BadPath)
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use proptest::prelude::*;

    use super::*;

    fn attributes(path: &str) -> String {
        match RequestInfo::new(&Method::GET, path) {
            Ok(RequestInfo::Resource(r)) => {
                format!(
                    "{} ns={} {}/{} name={}",
                    r.verb, r.namespace, r.resource, r.subresource, r.name
                )
            }
            Ok(RequestInfo::Path { path, verb }) => format!("{verb} {path}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn attributes_are_those_of_the_real_api_server() {
        let custom = "/apis/custom.metrics.k8s.io/v1beta1";
        for (path, expected) in [
            (
                "/namespaces/default/pods/*/http_requests",
                "get ns=default pods/http_requests name=*",
            ),
            (
                "/namespaces/default/pods/%2A/http_requests",
                "get ns=default pods/http_requests name=*",
            ),
            (
                "/namespaces/default/deployments.apps/web/rps",
                "get ns=default deployments.apps/rps name=web",
            ),
            (
                "/namespaces/default/metrics/rps",
                "get ns=default metrics/ name=rps",
            ),
            ("/nodes/n1/load", "get ns= nodes/load name=n1"),
            (
                "/namespaces/default",
                "get ns=default namespaces/ name=default",
            ),
            ("/nodes", "list ns= nodes/ name="),
            ("", "get /apis/custom.metrics.k8s.io/v1beta1"),
            ("/a%2Fb/c/d", "get ns= a/b/d name=c"),
            ("/%zz", "invalid percent escape in the path"),
            ("/%ff", "invalid percent escape in the path"),
        ] {
            assert_eq!(attributes(&format!("{custom}{path}")), expected, "{path}");
        }
        assert_eq!(
            attributes("/apis/custom.metrics.k8s.io"),
            "get /apis/custom.metrics.k8s.io"
        );
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in "(/[a-z%0-9*é]{0,4}){0,8}") {
            let _ = RequestInfo::new(&Method::GET, &path);
            let _ = RequestInfo::new(&Method::DELETE, &format!("/apis/g/v{path}"));
        }
    }
}
