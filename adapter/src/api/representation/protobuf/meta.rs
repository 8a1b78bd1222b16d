//! Messages of `k8s.io/apimachinery` (`pkg/apis/meta/v1/generated.proto`).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use prost::Message;
use serde::Deserialize;

/// `ListMeta`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ListMeta {
    #[prost(string, required, tag = "1")]
    self_link: String,
    #[prost(string, required, tag = "2")]
    resource_version: String,
    #[prost(string, required, tag = "3")]
    r#continue: String,
}

/// `ObjectMeta`, as far as metrics have it.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ObjectMeta {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(string, required, tag = "2")]
    generate_name: String,
    #[prost(string, required, tag = "3")]
    namespace: String,
    #[prost(string, required, tag = "4")]
    self_link: String,
    #[prost(string, required, tag = "5")]
    uid: String,
    #[prost(string, required, tag = "6")]
    resource_version: String,
    #[prost(int64, required, tag = "7")]
    generation: i64,
    #[prost(message, required, tag = "8")]
    creation_timestamp: Time,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
}

/// `Time`: whole seconds, as in JSON; empty for no time.
#[derive(Message, Deserialize)]
#[serde(from = "Option<Timestamp>")]
pub(super) struct Time {
    #[prost(int64, optional, tag = "1")]
    seconds: Option<i64>,
    #[prost(int32, optional, tag = "2")]
    nanos: Option<i32>,
}

impl From<Option<Timestamp>> for Time {
    fn from(time: Option<Timestamp>) -> Self {
        Self {
            seconds: time.map(Timestamp::as_second),
            nanos: time.map(|_| 0),
        }
    }
}

/// `Duration`, in nanoseconds.
#[derive(Message, Deserialize)]
#[serde(from = "SignedDuration")]
pub(super) struct Duration {
    #[prost(int64, required, tag = "1")]
    duration: i64,
}

impl From<SignedDuration> for Duration {
    fn from(duration: SignedDuration) -> Self {
        let nanos = i64::try_from(duration.as_nanos());
        Self {
            duration: nanos.unwrap_or(i64::MAX),
        }
    }
}

/// `resource.Quantity` (`pkg/api/resource/generated.proto`).
#[derive(PartialEq, Message, Deserialize)]
#[serde(from = "String")]
pub(super) struct Quantity {
    #[prost(string, required, tag = "1")]
    string: String,
}

impl From<String> for Quantity {
    fn from(string: String) -> Self {
        Self { string }
    }
}

/// `LabelSelector`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LabelSelector {
    #[prost(btree_map = "string, string", tag = "1")]
    match_labels: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "2")]
    match_expressions: Vec<LabelSelectorRequirement>,
}

/// `LabelSelectorRequirement`.
#[derive(Message, Deserialize)]
#[serde(default)]
pub(super) struct LabelSelectorRequirement {
    #[prost(string, required, tag = "1")]
    key: String,
    #[prost(string, required, tag = "2")]
    operator: String,
    #[prost(string, repeated, tag = "3")]
    values: Vec<String>,
}

/// `Status`.
#[derive(Message, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    #[prost(message, required, tag = "1")]
    metadata: ListMeta,
    #[prost(string, required, tag = "2")]
    status: String,
    #[prost(string, required, tag = "3")]
    message: String,
    #[prost(string, required, tag = "4")]
    reason: String,
    #[prost(message, optional, tag = "5")]
    details: Option<StatusDetails>,
    #[prost(int32, required, tag = "6")]
    code: i32,
}

/// `StatusDetails`.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusDetails {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(string, required, tag = "2")]
    group: String,
    #[prost(string, required, tag = "3")]
    kind: String,
    #[prost(message, repeated, tag = "4")]
    causes: Vec<StatusCause>,
    #[prost(int32, required, tag = "5")]
    retry_after_seconds: i32,
    #[prost(string, required, tag = "6")]
    uid: String,
}

/// `StatusCause`.
#[derive(Message, Deserialize)]
#[serde(default)]
struct StatusCause {
    #[prost(string, required, tag = "1")]
    reason: String,
    #[prost(string, required, tag = "2")]
    message: String,
    #[prost(string, required, tag = "3")]
    field: String,
}
