//! What an API group is to the server.

use axum::response::Response;
use futures::future::BoxFuture;
use setpoint_rules::ResourcePath;

use super::status::ApiError;

/// An API group that the adapter serves. Adding one is an implementation, and an entry in the list
/// that `run` gives to [`Api`](super::Api).
pub(crate) trait ApiGroup: Send + Sync + 'static {
    /// The name, such as `custom.metrics.k8s.io`.
    fn name(&self) -> &'static str;

    /// The versions, the preferred one first.
    fn versions(&self) -> &'static [&'static str];

    /// What requests for values are counted under (`InstrumentRouteFunc`).
    fn component(&self) -> &'static str;

    /// Whether there are rules for it. Without them it isn't there, as in prometheus-adapter: the
    /// cluster's other server of the group may be meant, and an APIService that leads here by mistake
    /// says so in its condition.
    fn is_served(&self) -> bool;

    /// The resources, in every version the same. Documents are made anew for each request, so their
    /// order must not change while the resources stay the same.
    fn resources(&self) -> Vec<DiscoveredResource>;

    /// Answers an authorized GET below one of the versions.
    fn get<'a>(&'a self, request: GetRequest<'a>) -> BoxFuture<'a, Result<Response, ApiError>>;
}

/// A GET below a version of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GetRequest<'a> {
    pub(crate) path: &'a ResourcePath,
    /// May be empty, as the next.
    pub(crate) query_string: &'a str,
    /// The header `Accept`.
    pub(crate) accept: &'a str,
}

impl GetRequest<'_> {
    /// Whether events are asked for (`ListOptions.Watch`).
    pub(super) fn is_watch(&self) -> bool {
        let mut parameters = url::form_urlencoded::parse(self.query_string.as_bytes());
        let watch = parameters.find(|(key, _)| key == "watch");
        watch.is_some_and(|(_, value)| !matches!(&*value, "false" | "0"))
    }
}

/// A resource in the discovery documents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DiscoveredResource {
    /// Of a metric of objects, theirs, such as `deployments.apps`.
    pub(crate) resource: String,
    /// The name of a metric of objects.
    pub(crate) subresource: Option<String>,
    pub(crate) namespaced: bool,
    /// The kind of the answer.
    pub(crate) kind: &'static str,
    pub(crate) verbs: &'static [&'static str],
}

impl DiscoveredResource {
    /// Whether it is a resource with objects, and not a metric.
    pub(super) fn is_listed(&self) -> bool {
        self.subresource.is_none() && self.verbs.contains(&"list")
    }
}
