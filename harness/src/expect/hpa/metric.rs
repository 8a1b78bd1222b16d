//! The metrics of an HPA, by type and name. Pure.

use std::fmt;

use k8s_openapi::api::autoscaling::v2::{
    MetricSpec, MetricStatus, MetricTarget, MetricValueStatus,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the HPA controller gets a metric from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub(crate) enum MetricType {
    /// custom.metrics.k8s.io, averaged over the target's pods.
    Pods,
    /// custom.metrics.k8s.io, of one object.
    Object,
    /// external.metrics.k8s.io.
    External,
    /// metrics.k8s.io, averaged over the target's pods.
    Resource,
    /// metrics.k8s.io, of one container of each pod.
    ContainerResource,
}

shown_as_written!(MetricType);

/// A metric of an HPA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetricName {
    pub(crate) type_: MetricType,
    pub(crate) name: String,
}

impl MetricName {
    fn new(type_: MetricType, name: &str) -> Self {
        let name = name.to_owned();
        Self { type_, name }
    }

    pub(super) fn is(&self, name: &str, type_: Option<MetricType>) -> bool {
        self.name == name && type_.is_none_or(|type_| type_ == self.type_)
    }

    /// What a specification asks for; none where it is of a type that is not known here.
    pub(super) fn of_spec(spec: &MetricSpec) -> Option<Self> {
        name_and_target(spec).map(|(name, _)| name)
    }
}

/// A specification's metric and its target; none where it is of a type that is not known here.
pub(crate) fn name_and_target(spec: &MetricSpec) -> Option<(MetricName, &MetricTarget)> {
    if let Some(pods) = &spec.pods {
        let name = MetricName::new(MetricType::Pods, &pods.metric.name);
        return Some((name, &pods.target));
    }
    if let Some(object) = &spec.object {
        let name = MetricName::new(MetricType::Object, &object.metric.name);
        return Some((name, &object.target));
    }
    if let Some(external) = &spec.external {
        let name = MetricName::new(MetricType::External, &external.metric.name);
        return Some((name, &external.target));
    }
    if let Some(resource) = &spec.resource {
        let name = MetricName::new(MetricType::Resource, &resource.name);
        return Some((name, &resource.target));
    }
    let container = spec.container_resource.as_ref()?;
    let name = MetricName::new(MetricType::ContainerResource, &container.name);
    Some((name, &container.target))
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The metric that a status is of, and its average value or value. The HPA controller leaves the
/// status of a metric that it could not get empty: that is none.
pub(super) fn current(status: &MetricStatus) -> Option<(MetricName, String)> {
    let (metric, value) = name_and_value(status)?;
    let quantity = value.average_value.as_ref().or(value.value.as_ref())?;
    Some((metric, quantity.0.clone()))
}

/// A status's metric and what was measured; none where the HPA controller left it empty.
pub(crate) fn name_and_value(status: &MetricStatus) -> Option<(MetricName, &MetricValueStatus)> {
    if let Some(pods) = &status.pods {
        let name = MetricName::new(MetricType::Pods, &pods.metric.name);
        return Some((name, &pods.current));
    }
    if let Some(object) = &status.object {
        let name = MetricName::new(MetricType::Object, &object.metric.name);
        return Some((name, &object.current));
    }
    if let Some(external) = &status.external {
        let name = MetricName::new(MetricType::External, &external.metric.name);
        return Some((name, &external.current));
    }
    if let Some(resource) = &status.resource {
        let name = MetricName::new(MetricType::Resource, &resource.name);
        return Some((name, &resource.current));
    }
    let container = status.container_resource.as_ref()?;
    let name = MetricName::new(MetricType::ContainerResource, &container.name);
    Some((name, &container.current))
}
