//! Documents as Kubernetes' protobuf messages, which kube-controller-manager's clients ask for first.
//!
//! A message has the bytes that Go's generated code writes: every field that Go can't leave out is
//! there, even if empty (`generated.proto` of each API, and `runtime/serializer/protobuf` for the
//! envelope).

mod discovery;
mod meta;
mod metrics;

use prost::Message;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What every message begins with (`protoEncodingPrefix`).
const PREFIX: [u8; 4] = *b"k8s\0";

/// `runtime.TypeMeta`: what a document says of its type.
#[derive(Message, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct TypeMeta {
    #[prost(string, required, tag = "1")]
    api_version: String,
    #[prost(string, required, tag = "2")]
    kind: String,
}

/// `runtime.Unknown`: the envelope.
#[derive(Message)]
struct Unknown {
    #[prost(message, required, tag = "1")]
    type_meta: TypeMeta,
    #[prost(bytes = "vec", required, tag = "2")]
    raw: Vec<u8>,
    #[prost(string, required, tag = "3")]
    content_encoding: String,
    #[prost(string, required, tag = "4")]
    content_type: String,
}

/// A document in JSON as a message; none if its kind has no message.
pub(super) fn message_of(json: &[u8]) -> Option<Vec<u8>> {
    let type_meta: TypeMeta = serde_json::from_slice(json).ok()?;
    let raw = match (&*type_meta.api_version, &*type_meta.kind) {
        ("v1", "Status") => raw::<meta::Status>(json),
        ("v1", "APIGroupList") => raw::<discovery::ApiGroupList>(json),
        ("v1", "APIGroup") => raw::<discovery::ApiGroup>(json),
        ("v1", "APIResourceList") => raw::<discovery::ApiResourceList>(json),
        ("custom.metrics.k8s.io/v1beta1", "MetricValueList") => {
            raw::<metrics::List<metrics::MetricValueV1beta1>>(json)
        }
        ("custom.metrics.k8s.io/v1beta2", "MetricValueList") => {
            raw::<metrics::List<metrics::MetricValueV1beta2>>(json)
        }
        ("external.metrics.k8s.io/v1beta1", "ExternalMetricValueList") => {
            raw::<metrics::List<metrics::ExternalMetricValue>>(json)
        }
        ("metrics.k8s.io/v1beta1", "NodeMetricsList") => {
            raw::<metrics::List<metrics::NodeMetrics>>(json)
        }
        ("metrics.k8s.io/v1beta1", "PodMetricsList") => {
            raw::<metrics::List<metrics::PodMetrics>>(json)
        }
        ("metrics.k8s.io/v1beta1", "NodeMetrics") => raw::<metrics::NodeMetrics>(json),
        ("metrics.k8s.io/v1beta1", "PodMetrics") => raw::<metrics::PodMetrics>(json),
        _ => None,
    }?;
    let unknown = Unknown {
        type_meta,
        raw,
        content_encoding: String::new(),
        content_type: String::new(),
    };
    let mut message = PREFIX.to_vec();
    unknown.encode(&mut message).ok()?;
    Some(message)
}

fn raw<M: Message + DeserializeOwned>(json: &[u8]) -> Option<Vec<u8>> {
    let message: M = serde_json::from_slice(json).ok()?;
    Some(message.encode_to_vec())
}

#[cfg(test)]
mod tests;
