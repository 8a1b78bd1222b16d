//! What changes of Deployments and HPAs while a scenario runs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Another number of replicas of a Deployment is wanted or ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaChange {
    /// Since the scenario's start.
    pub seconds: f64,
    /// Namespace and name.
    pub deployment: String,
    /// The wanted number.
    pub replicas: i32,
    /// The ready ones.
    pub ready: i32,
}

/// An HPA has another status or other limits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HpaChange {
    /// Since the scenario's start.
    pub seconds: f64,
    /// Namespace and name.
    pub hpa: String,
    /// What it scales: namespace and name.
    pub scales: String,
    /// The fewest replicas that it may ask for.
    pub least: i32,
    /// The most.
    pub most: i32,
    /// Its metrics, in the order of its specification.
    pub metrics: Vec<HpaMetric>,
}

/// A metric of an HPA.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HpaMetric {
    /// Its type and name.
    pub name: String,
    /// What the HPA controller measured last; none where it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<f64>,
    /// What it should be: a value, an average value, or a part of what pods request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
}
