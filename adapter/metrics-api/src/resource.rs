//! `metrics.k8s.io` (`k8s.io/metrics/pkg/apis/metrics/v1beta1`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Duration, Item, Quantity, Time};

/// The API group.
pub const GROUP: &str = "metrics.k8s.io";

/// What an object takes of a resource.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// Cores.
    pub cpu: Quantity,
    /// Bytes.
    pub memory: Quantity,
}

/// The metadata of the object that values are about.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectMeta {
    /// The name of the object.
    pub name: String,
    /// Its namespace; none for nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The time of the answer, not of the object.
    pub creation_timestamp: Time,
    /// The labels of the object.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// What a container takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerMetrics {
    /// The name of the container.
    pub name: String,
    /// What it takes.
    pub usage: Usage,
}

/// What the containers of a pod take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodMetrics {
    /// The pod.
    pub metadata: ObjectMeta,
    /// When the oldest of the values was measured.
    pub timestamp: Time,
    /// The window of rates.
    pub window: Duration,
    /// Its containers.
    pub containers: Vec<ContainerMetrics>,
}

/// What a node takes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeMetrics {
    /// The node.
    pub metadata: ObjectMeta,
    /// When the older of the values was measured.
    pub timestamp: Time,
    /// The window of rates.
    pub window: Duration,
    /// What it takes.
    pub usage: Usage,
}

/// The answer to a request for pods.
pub type PodMetricsList = crate::List<PodMetrics>;

/// The answer to a request for nodes.
pub type NodeMetricsList = crate::List<NodeMetrics>;

/// Values of an object: an item of a list, and a document where one object is asked for.
pub trait ObjectMetrics: Item {
    /// The kind, such as `PodMetrics`.
    const KIND: &'static str;

    /// The object.
    fn metadata(&self) -> &ObjectMeta;

    /// The window of rates.
    fn window(&self) -> Duration;

    /// What the object takes, of all its containers.
    fn usage(&self) -> Usage;
}

impl Item for PodMetrics {
    const LIST_KIND: &'static str = "PodMetricsList";
    const API_VERSION: &'static str = "metrics.k8s.io/v1beta1";
}

impl Item for NodeMetrics {
    const LIST_KIND: &'static str = "NodeMetricsList";
    const API_VERSION: &'static str = "metrics.k8s.io/v1beta1";
}

impl ObjectMetrics for PodMetrics {
    const KIND: &'static str = "PodMetrics";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn window(&self) -> Duration {
        self.window
    }

    fn usage(&self) -> Usage {
        let sum = |of: fn(&Usage) -> &Quantity| {
            let containers = self.containers.iter();
            let sum = containers.fold(0_i64, |sum, container| {
                let milli = of(&container.usage).milli_value();
                sum.saturating_add(milli.unwrap_or(i64::MAX))
            });
            Quantity::from_milli(sum)
        };
        Usage {
            cpu: sum(|usage| &usage.cpu),
            memory: sum(|usage| &usage.memory).in_format(crate::Format::BinarySi),
        }
    }
}

impl ObjectMetrics for NodeMetrics {
    const KIND: &'static str = "NodeMetrics";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn window(&self) -> Duration {
        self.window
    }

    fn usage(&self) -> Usage {
        self.usage.clone()
    }
}

/// The document of one object.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<T> {
    kind: &'static str,
    api_version: &'static str,
    #[serde(flatten)]
    object: T,
}

impl<T: ObjectMetrics> From<T> for Document<T> {
    fn from(object: T) -> Self {
        Self {
            kind: T::KIND,
            api_version: T::API_VERSION,
            object,
        }
    }
}
