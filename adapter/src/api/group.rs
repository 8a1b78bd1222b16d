//! What an API group is to the server.

use axum::response::Response;
use futures::future::BoxFuture;
use setpoint_rules::ResourcePath;

use super::health::Check;
use super::status::ApiError;

/// An API group that the adapter serves. Adding one is an implementation, and an entry in the list
/// that `run` gives to [`Api`](super::Api).
pub(crate) trait ApiGroup: Send + Sync + 'static {
    /// The name, such as `custom.metrics.k8s.io`.
    fn name(&self) -> &'static str;

    /// The versions, the preferred one first.
    fn versions(&self) -> &'static [&'static str];

    /// The resources, in every version the same. Documents are made anew for each request, so their
    /// order must not change while the resources stay the same.
    fn resources(&self) -> Vec<DiscoveredResource>;

    /// What has to be true before the adapter is ready.
    fn checks(&self) -> Vec<Check>;

    /// Answers an authorized GET below one of the versions.
    fn get<'a>(
        &'a self,
        path: &'a ResourcePath,
        query_string: &'a str,
    ) -> BoxFuture<'a, Result<Response, ApiError>>;
}

/// A metric in the discovery documents: a subresource of the objects that have it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DiscoveredResource {
    /// The resource of the objects, such as `deployments.apps`.
    pub(crate) parent: String,
    /// The name of the metric.
    pub(crate) metric: String,
    pub(crate) namespaced: bool,
    /// The kind of the answer.
    pub(crate) kind: &'static str,
}
