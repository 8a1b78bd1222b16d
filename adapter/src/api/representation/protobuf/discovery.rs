//! Messages of discovery (`k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto`).

use prost::Message;
use serde::Deserialize;

/// `APIGroupList`.
#[derive(Message, Deserialize)]
#[serde(default)]
pub(super) struct ApiGroupList {
    #[prost(message, repeated, tag = "1")]
    groups: Vec<ApiGroup>,
}

/// `APIGroup`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ApiGroup {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    versions: Vec<GroupVersion>,
    #[prost(message, required, tag = "3")]
    preferred_version: GroupVersion,
}

/// `GroupVersionForDiscovery`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GroupVersion {
    #[prost(string, required, tag = "1")]
    group_version: String,
    #[prost(string, required, tag = "2")]
    version: String,
}

/// `APIResourceList`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ApiResourceList {
    #[prost(string, required, tag = "1")]
    group_version: String,
    #[prost(message, repeated, tag = "2")]
    resources: Vec<ApiResource>,
}

/// `APIResource`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ApiResource {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(bool, required, tag = "2")]
    namespaced: bool,
    #[prost(string, required, tag = "3")]
    kind: String,
    #[prost(message, optional, tag = "4")]
    verbs: Option<Verbs>,
    #[prost(string, required, tag = "6")]
    singular_name: String,
    #[prost(string, required, tag = "8")]
    group: String,
    #[prost(string, required, tag = "9")]
    version: String,
    #[prost(string, required, tag = "10")]
    storage_version_hash: String,
}

/// `Verbs`.
#[derive(Message, Deserialize)]
#[serde(from = "Vec<String>")]
struct Verbs {
    #[prost(string, repeated, tag = "1")]
    items: Vec<String>,
}

impl From<Vec<String>> for Verbs {
    fn from(items: Vec<String>) -> Self {
        Self { items }
    }
}
