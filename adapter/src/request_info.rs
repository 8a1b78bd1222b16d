//! What a request asks for, as Kubernetes' authorization sees it
//! (`apiserver/pkg/endpoints/request/requestinfo.go`).

use http::Method;
use setpoint_rules::{ApiPath, InvalidPath, ResourcePath};

/// The attributes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestInfo {
    /// A request below `/apis/<group>/<version>/`.
    Resource(ResourceRequest),
    /// A request for any other path.
    Path {
        /// The decoded path.
        path: String,
        /// The HTTP method in lower case.
        verb: String,
    },
}

/// A request for a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResourceRequest {
    /// `get`, `list`, `create` and so on; empty for unknown methods.
    pub(crate) verb: &'static str,
    pub(crate) path: ResourcePath,
}

impl RequestInfo {
    /// The attributes of a method and the path of a URL.
    pub(crate) fn new(method: &Method, path: &str) -> Result<Self, InvalidPath> {
        Ok(match ApiPath::parse(path)? {
            ApiPath::Resource(path) => Self::Resource(ResourceRequest {
                verb: verb(method, &path),
                path,
            }),
            ApiPath::Other(path) => Self::Path {
                path,
                verb: method.as_str().to_ascii_lowercase(),
            },
        })
    }
}

fn verb(method: &Method, path: &ResourcePath) -> &'static str {
    let of_collection = path.parts.len() < 2;
    match method.as_str() {
        "GET" | "HEAD" if of_collection => "list",
        "GET" | "HEAD" => "get",
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if of_collection => "deletecollection",
        "DELETE" => "delete",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn attributes(path: &str) -> String {
        match RequestInfo::new(&Method::GET, path) {
            Ok(RequestInfo::Resource(ResourceRequest { verb, path })) => {
                format!(
                    "{verb} ns={} {}/{} name={}",
                    path.namespace.as_deref().unwrap_or_default(),
                    path.resource(),
                    path.subresource(),
                    path.name()
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
            (
                "/namespaces/default/status",
                "get ns=default namespaces/status name=default",
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
