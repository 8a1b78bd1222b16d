//! From a request for a metric that exists to its values
//! (`pkg/custom-provider/provider.go` of prometheus-adapter v0.12.0).

use std::collections::HashMap;

use jiff::Timestamp;
use setpoint_metrics_api::{MetricIdentifier, MetricValue, ObjectReference, Quantity};

use super::Remark;
use crate::attempts::Given;
use crate::config::{Instead, ValuePolicy};
use crate::destination::Destination;
use crate::headers::HeaderError;
use crate::origins::Origin;
use crate::query::{MetricQuery, Objects};
use crate::resources::{GroupResource, Resource, RestMapper};
use crate::rule::{Asked, PromqlError, Rule};
use crate::series::{Sample, written};

/// A request for a metric that exists, with one rule and one series that give its values.
#[derive(Debug)]
pub struct ResolvedQuery<'a> {
    query: &'a MetricQuery,
    resource: &'a Resource,
    origin: &'a Origin,
    mapper: &'a RestMapper,
}

/// The values of objects, collected from samples. It holds no more than the objects' names.
#[derive(Debug)]
pub struct Values<'a> {
    resolved: &'a ResolvedQuery<'a>,
    /// The label that names the objects.
    label: String,
    /// The label that names their namespace, and the namespace.
    namespace: Option<(String, &'a str)>,
    names: &'a [String],
    by_name: HashMap<&'a str, Option<(f64, Timestamp)>>,
    /// One of each kind.
    remarks: Vec<Remark>,
}

/// The values of objects.
#[derive(Debug)]
pub struct Items {
    /// In the order of the names.
    pub given: Given<MetricValue>,
    /// Why further objects have no value although they have a sample.
    pub left_out: Vec<MetricError>,
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
    /// None of the objects that a selector selects has a value, and the rule wants an error then.
    #[error(
        "the server could not find the metric {metric} for {group_resource}: none of the selected objects has a value now"
    )]
    NoValues {
        /// The metric.
        metric: String,
        /// The resource of the objects.
        group_resource: GroupResource,
    },
    /// A quantity can't hold the value: it is infinite, exceeds 64 bits of thousandths, or is no number and the rule
    /// wants an error then.
    #[error("{metric} of {name} has the value {}, which no quantity can express", written(*.value))]
    Unrepresentable {
        /// The metric.
        metric: String,
        /// The name of the object.
        name: String,
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
    ) -> Self {
        Self {
            query,
            resource,
            origin,
            mapper,
        }
    }

    /// The resource of the objects, as the cluster calls it.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        self.resource
    }

    /// The rule that gives the values.
    #[must_use]
    pub fn rule(&self) -> &Rule {
        &self.origin.rule
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
        let Origin { series, rule, .. } = self.origin;
        let label = |resource: &GroupResource| self.origin.label(resource, self.mapper);
        let asked = Asked {
            series,
            selector: &self.query.metric_selector,
            namespace: self.query.namespace.as_deref(),
            objects: Some((&group_resource, names)),
            container_label: "",
        };
        rule.metrics_query
            .render(&asked, label)
            .map_err(|error| self.no_query(error))
    }

    /// Who is asked, and by which headers: by those of the namespace of the objects, or of the one that is the object.
    ///
    /// # Errors
    /// A header that can't be sent.
    pub fn asks(&self) -> Result<Destination, HeaderError> {
        let is_namespace = self.resource.group_resource() == GroupResource::new("", "namespaces");
        let namespace = match &self.query.objects {
            Objects::Named(name) if is_namespace => Some(name),
            _ => self.query.namespace.as_ref(),
        };
        self.rule().asks(namespace.map(String::as_str))
    }

    /// Collects the values of objects from the samples of [`Self::promql`].
    ///
    /// # Errors
    /// [`MetricError::NoQuery`] if no label names the objects, or their namespace.
    pub fn values(&'a self, names: &'a [String]) -> Result<Values<'a>, MetricError> {
        let label = |resource: &GroupResource| {
            let label = self.origin.label(resource, self.mapper);
            label.map_err(|error| self.no_query(error.into()))
        };
        let namespace = self.query.namespace.as_deref();
        let of_namespace = || label(&GroupResource::new("", "namespaces"));
        Ok(Values {
            resolved: self,
            label: label(&self.resource.group_resource())?,
            namespace: namespace
                .map(|namespace| Ok((of_namespace()?, namespace)))
                .transpose()?,
            names,
            by_name: names.iter().map(|name| (name.as_str(), None)).collect(),
            remarks: Vec::new(),
        })
    }

    fn no_query(&self, source: PromqlError) -> MetricError {
        MetricError::NoQuery {
            metric: self.query.metric.clone(),
            group_resource: self.resource.group_resource(),
            source: Box::new(source),
        }
    }

    fn item(&self, name: &str, value: Quantity, timestamp: Timestamp) -> MetricValue {
        MetricValue {
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
            timestamp,
            window_seconds: self.rule().window_seconds,
            value,
        }
    }

    /// What a sample counts as. Left to itself, NaN is zero, as in prometheus-adapter
    /// (`prometheusProvider.metricFor`). What Go makes of infinities depends on the machine, so there is none for them.
    fn quantity(&self, name: &str, value: f64) -> Result<Quantity, MetricError> {
        let quantity = counted(value, self.rule().value_policy(), &Instead::Zero);
        quantity.ok_or_else(|| MetricError::Unrepresentable {
            metric: self.query.metric.clone(),
            name: name.to_owned(),
            value,
        })
    }
}

impl Values<'_> {
    /// Adds a sample. Of several samples for an object the last counts; those of other objects and
    /// of other namespaces don't.
    pub fn add(&mut self, sample: &Sample) {
        let of_namespace = self.namespace.as_ref().is_none_or(|(label, namespace)| {
            // Queries may drop the label.
            let found = sample.labels.get(label);
            found.is_none_or(|found| found == namespace)
        });
        let group_resource = || self.resolved.resource.group_resource();
        let Some(name) = sample.labels.get(&self.label) else {
            let label = self.label.clone();
            let group_resource = group_resource();
            self.remark(Remark::NoLabel {
                label,
                group_resource,
            });
            return;
        };
        let value = self.by_name.get_mut(name.as_str());
        let (Some(value), true) = (value, of_namespace) else {
            return;
        };
        let is_further = value.replace((sample.value, sample.timestamp)).is_some();
        let policy = self.resolved.rule().value_policy();
        let of = || format!("{} {name}", group_resource());
        let of_value = Remark::of_value(sample.value, policy, Instead::Zero, of);
        let several = is_further.then(|| Remark::Several {
            group_resource: group_resource(),
            name: name.clone(),
        });
        for remark in of_value.into_iter().chain(several) {
            self.remark(remark);
        }
    }

    fn remark(&mut self, remark: Remark) {
        let kind = remark.kind();
        if self.remarks.iter().all(|known| known.kind() != kind) {
            self.remarks.push(remark);
        }
    }

    /// The label that names the objects.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The objects without a sample so far.
    #[must_use]
    pub fn without_sample(&self) -> Vec<String> {
        let names = self.names.iter();
        let lack = names.filter(|name| matches!(self.by_name.get(name.as_str()), Some(None)));
        lack.cloned().collect()
    }

    /// What the samples say of the rule.
    #[must_use]
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The values, with the times of their samples. Objects without a sample are left out, unless the rule says what
    /// counts then, at `now`.
    ///
    /// # Errors
    /// [`MetricError::NoValue`] if the request names an object without a sample, [`MetricError::NoValues`] if the rule
    /// wants that of selected objects; [`MetricError::Unrepresentable`] if none of the values is a quantity.
    pub fn items(self, now: Timestamp) -> Result<Items, MetricError> {
        let ResolvedQuery {
            query, resource, ..
        } = self.resolved;
        let absent = self.resolved.rule().value_policy().absent.as_ref();
        let (mut values, mut left_out, mut of_samples) = (Vec::new(), Vec::new(), false);
        for name in self.names {
            let sample = self.by_name.get(name.as_str()).copied().flatten();
            let quantity = match sample {
                Some((value, _)) => self.resolved.quantity(name, value).map(Some),
                None => Ok(absent.and_then(Instead::value)),
            };
            match quantity {
                Ok(Some(quantity)) => {
                    of_samples |= sample.is_some();
                    // prometheus-adapter gives the time of the answer in place of that of the sample.
                    let timestamp = sample.map_or(now, |(_, timestamp)| timestamp);
                    values.push(self.resolved.item(name, quantity, timestamp));
                }
                Ok(None) => {}
                Err(error) => left_out.push(error),
            }
        }
        // One that can't be expressed isn't absent.
        if !of_samples && !left_out.is_empty() {
            return Err(left_out.swap_remove(0));
        }
        let (metric, group_resource) = (|| query.metric.clone(), || resource.group_resource());
        match &query.objects {
            Objects::Named(name) if values.is_empty() => Err(MetricError::NoValue {
                metric: metric(),
                group_resource: group_resource(),
                name: name.clone(),
            }),
            Objects::Selected(_) if values.is_empty() && absent == Some(&Instead::Error) => {
                Err(MetricError::NoValues {
                    metric: metric(),
                    group_resource: group_resource(),
                })
            }
            _ => Ok(Items {
                given: Given { values, of_samples },
                left_out,
            }),
        }
    }
}

/// What a value counts as by a policy, where NaN is `nan` unless it says otherwise; none for an error.
pub(crate) fn counted(value: f64, policy: &ValuePolicy, nan: &Instead) -> Option<Quantity> {
    let instead = policy.instead(value, nan);
    instead.map_or_else(|| truncated(value), Instead::value)
}

/// A value in thousandths, cut off below; none for what has no number of them in 64 bits.
pub(crate) fn truncated(value: f64) -> Option<Quantity> {
    let milli = value * 1000.0;
    if !(-9.2e18..=9.2e18).contains(&milli) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range was checked above"
    )]
    let milli = milli as i64;
    Some(Quantity::from_milli(milli))
}

#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod tests;
