//! What is expected of a pod.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Span;

/// A pod that has these labels and isn't on its way out; if there are several, one of them must be all of this.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodExpectation {
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// Labels that it has.
    pub labels: BTreeMap<String, String>,
    /// Its phase, such as `Pending`.
    pub phase: Option<String>,
    /// Whether it is ready.
    pub ready: Option<bool>,
    /// One of its containers.
    pub container: Option<ContainerExpectation>,
    /// Something that was told of it.
    pub event: Option<EventExpectation>,
    /// Time until then.
    pub within: Option<Span>,
}

/// A container of a pod.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerExpectation {
    /// Its name.
    pub name: String,
    /// Whether it is ready.
    pub ready: Option<bool>,
    /// Why it isn't running, such as `ContainerCreating` or `CrashLoopBackOff`.
    pub waiting: Option<String>,
    /// How often it was started again, at least.
    pub restarts: Option<i32>,
    /// What a line of its log must hold; that of its run before counts too.
    pub log: Option<String>,
}

/// An event.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventExpectation {
    /// Its reason, such as `FailedMount`.
    pub reason: String,
    /// What its message must hold.
    pub message: Option<String>,
}

fn default_namespace() -> String {
    "default".to_owned()
}
