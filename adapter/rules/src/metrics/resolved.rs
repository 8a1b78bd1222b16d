//! From a request for a metric that exists to its values
//! (`pkg/custom-provider/provider.go` of prometheus-adapter v0.12.0).

use std::collections::BTreeMap;

use jiff::Timestamp;
use setpoint_metrics_api::{MetricIdentifier, MetricValue, ObjectReference, Quantity};

use super::Origin;
use crate::query::{MetricQuery, Objects};
use crate::resources::{GroupResource, Resource, RestMapper};
use crate::rule::PromqlError;
use crate::series::Sample;

/// A request for a metric that exists, with the rule that gives its values.
#[derive(Debug)]
pub struct ResolvedQuery<'a> {
    query: &'a MetricQuery,
    resource: &'a Resource,
    origin: &'a Origin,
    mapper: &'a RestMapper,
    /// The label that names the objects.
    label: String,
}

/// Why there are no values.
///
/// The messages are those of prometheus-adapter.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// No rule gives the metric for the resource, or no object is selected.
    #[error("the server could not find the metric {metric} for {group_resource}")]
    NoSuchMetric {
        /// The metric.
        metric: String,
        /// The resource of the objects.
        group_resource: GroupResource,
    },
    /// The rule gives no query for this request. Clients read that the metric doesn't exist; the
    /// source says what is wrong.
    #[error("the server could not find the metric {metric} for {group_resource}")]
    NoQuery {
        /// The metric.
        metric: String,
        /// The resource of the objects.
        group_resource: GroupResource,
        /// Why there is no query.
        #[source]
        source: Box<PromqlError>,
    },
    /// The metric exists, but has no value for the named object.
    #[error("the server could not find the metric {metric} for {group_resource} {name}")]
    NoValue {
        /// The metric.
        metric: String,
        /// The resource of the object.
        group_resource: GroupResource,
        /// The name of the object.
        name: String,
    },
    /// A quantity can't hold the value: it is infinite, or exceeds 64 bits of thousandths.
    #[error("{metric} has the value {value}, which no quantity can express")]
    Unrepresentable {
        /// The metric.
        metric: String,
        /// The value.
        value: f64,
    },
}

impl<'a> ResolvedQuery<'a> {
    pub(super) fn new(
        query: &'a MetricQuery,
        resource: &'a Resource,
        origin: &'a Origin,
        mapper: &'a RestMapper,
    ) -> Result<Self, MetricError> {
        let label = origin.rule.label(&resource.group_resource(), mapper);
        let label = label.map_err(|error| no_query(query, resource, error.into()))?;
        Ok(Self {
            query,
            resource,
            origin,
            mapper,
            label,
        })
    }

    /// The resource of the objects, as the cluster calls it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        self.resource
    }

    /// The PromQL query for the values of objects. `names` are the named object or those that the
    /// selector selects.
    ///
    /// # Errors
    /// [`MetricError::NoSuchMetric`] without names, [`MetricError::NoQuery`] if the rule gives
    /// none.
    pub fn promql(&self, names: &[String]) -> Result<String, MetricError> {
        let group_resource = self.resource.group_resource();
        if names.is_empty() {
            return Err(MetricError::NoSuchMetric {
                metric: self.query.metric.clone(),
                group_resource,
            });
        }
        let Origin { series, rule } = self.origin;
        rule.promql(series, &group_resource, self.query, names, self.mapper)
            .map_err(|error| no_query(self.query, self.resource, error))
    }

    /// The values of objects in the order of `names`, from the samples of [`Self::promql`]. Objects
    /// without a sample are left out; of several samples for an object the last counts.
    ///
    /// # Errors
    /// [`MetricError::NoValue`] if the request names an object without a sample,
    /// [`MetricError::Unrepresentable`] if a value is no quantity.
    pub fn items(
        &self,
        names: &[String],
        samples: &[Sample],
        now: Timestamp,
    ) -> Result<Vec<MetricValue>, MetricError> {
        let mut by_name: BTreeMap<&str, f64> = BTreeMap::new();
        for sample in samples {
            let name = sample.labels.get(&self.label);
            by_name.insert(name.map_or("", String::as_str), sample.value);
        }
        let items = names
            .iter()
            .filter_map(|name| Some((name, *by_name.get(name.as_str())?)))
            .map(|(name, value)| self.item(name, value, now))
            .collect::<Result<Vec<_>, _>>()?;
        match &self.query.objects {
            Objects::Named(name) if items.is_empty() => Err(MetricError::NoValue {
                metric: self.query.metric.clone(),
                group_resource: self.resource.group_resource(),
                name: name.clone(),
            }),
            _ => Ok(items),
        }
    }

    fn item(&self, name: &str, value: f64, now: Timestamp) -> Result<MetricValue, MetricError> {
        Ok(MetricValue {
            described_object: ObjectReference {
                kind: Some(self.resource.kind.clone()),
                namespace: self.query.namespace.clone(),
                name: Some(name.to_owned()),
                api_version: Some(self.resource.api_version()),
            },
            metric: MetricIdentifier {
                name: self.query.metric.clone(),
                selector: self.query.metric_selector.to_label_selector(),
            },
            // The time of the answer, not of the sample, as in prometheus-adapter.
            timestamp: now,
            window_seconds: None,
            value: quantity(&self.query.metric, value)?,
        })
    }
}

fn no_query(query: &MetricQuery, resource: &Resource, source: PromqlError) -> MetricError {
    MetricError::NoQuery {
        metric: query.metric.clone(),
        group_resource: resource.group_resource(),
        source: Box::new(source),
    }
}

/// A value in thousandths, cut off below, and zero for NaN, as in prometheus-adapter
/// (`prometheusProvider.metricFor`). What Go makes of infinities depends on the machine, so they
/// are errors here.
fn quantity(metric: &str, value: f64) -> Result<Quantity, MetricError> {
    if value.is_nan() {
        return Ok(Quantity::from_integer(0));
    }
    let milli = value * 1000.0;
    if !(-9.2e18..=9.2e18).contains(&milli) {
        return Err(MetricError::Unrepresentable {
            metric: metric.to_owned(),
            value,
        });
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let milli = milli as i64;
    Ok(Quantity::from_milli(milli))
}
