//! From a request for a metric that exists to its values
//! (`pkg/custom-provider/provider.go` of prometheus-adapter v0.12.0).

use std::collections::HashMap;

use jiff::Timestamp;
use setpoint_metrics_api::{MetricIdentifier, MetricValue, ObjectReference, Quantity};

use super::Remark;
use crate::origins::Origin;
use crate::query::{MetricQuery, Objects};
use crate::resources::{GroupResource, Resource, RestMapper};
use crate::rule::{Asked, PromqlError, Rule};
use crate::series::Sample;

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
    by_name: HashMap<&'a str, Option<f64>>,
    /// One of each kind.
    remarks: Vec<Remark>,
}

/// The values of objects.
#[derive(Debug, Default)]
pub struct Items {
    /// In the order of the names.
    pub values: Vec<MetricValue>,
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
    /// A quantity can't hold the value: it is infinite, or exceeds 64 bits of thousandths.
    #[error("{metric} of {name} has the value {value}, which no quantity can express")]
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
            value: quantity(value).ok_or_else(|| MetricError::Unrepresentable {
                metric: self.query.metric.clone(),
                name: name.to_owned(),
                value,
            })?,
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
        if let (Some(value), true) = (value, of_namespace)
            && value.replace(sample.value).is_some()
        {
            let group_resource = group_resource();
            let name = name.clone();
            self.remark(Remark::Several {
                group_resource,
                name,
            });
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

    /// The values. Objects without a sample are left out.
    ///
    /// # Errors
    /// [`MetricError::NoValue`] if the request names an object without a sample;
    /// [`MetricError::Unrepresentable`] if none of the values is a quantity.
    pub fn items(self, now: Timestamp) -> Result<Items, MetricError> {
        let mut items = Items::default();
        for name in self.names {
            if let Some(Some(value)) = self.by_name.get(name.as_str()) {
                match self.resolved.item(name, *value, now) {
                    Ok(item) => items.values.push(item),
                    Err(error) => items.left_out.push(error),
                }
            }
        }
        let ResolvedQuery {
            query, resource, ..
        } = self.resolved;
        match (&query.objects, items.values.is_empty()) {
            (_, true) if !items.left_out.is_empty() => Err(items.left_out.swap_remove(0)),
            (Objects::Named(name), true) => Err(MetricError::NoValue {
                metric: query.metric.clone(),
                group_resource: resource.group_resource(),
                name: name.clone(),
            }),
            _ => Ok(items),
        }
    }
}

/// A value in thousandths, cut off below, and zero for NaN, as in prometheus-adapter
/// (`prometheusProvider.metricFor`). What Go makes of infinities depends on the machine, so there is
/// none for them here.
fn quantity(value: f64) -> Option<Quantity> {
    if value.is_nan() {
        return Some(Quantity::from_integer(0));
    }
    truncated(value)
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
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resources::tests::cluster;
    use crate::series::tests::names;
    use crate::{Metrics, Rules, Selector};

    const RULES: &str = "rules: [{seriesQuery: load, resources: {overrides: {\
        namespace: {resource: namespace}, pod: {resource: pod}}}, \
        metricsQuery: 'avg(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'}]";

    /// Pods in namespaces have the metric `load`.
    fn metrics() -> Metrics {
        let series = names(&[("load", &["namespace", "pod"])]);
        let rules = Rules::parse(RULES).unwrap();
        rules.discover(|_| Some(&series), Arc::new(cluster()))
    }

    fn query(objects: Objects) -> MetricQuery {
        MetricQuery {
            group_resource: GroupResource::parse("pod"),
            namespace: Some("shop".to_owned()),
            objects,
            metric: "load".to_owned(),
            metric_selector: Selector::default(),
        }
    }

    fn sample(pod: &str, value: f64) -> Sample {
        Sample {
            labels: [("pod".to_owned(), pod.to_owned())].into(),
            timestamp: Timestamp::UNIX_EPOCH,
            value,
        }
    }

    /// The values of these pods by these samples.
    fn answer(objects: Objects, pods: &[&str], samples: &[Sample]) -> Result<Items, MetricError> {
        let (metrics, query) = (metrics(), query(objects));
        let names: Vec<String> = pods.iter().map(|&pod| pod.to_owned()).collect();
        let candidates = metrics.resolve(&query)?;
        let mut values = candidates[0].values(&names)?;
        samples.iter().for_each(|sample| values.add(sample));
        values.items(Timestamp::UNIX_EPOCH)
    }

    /// The names and values of the pods `web-1` and `web-2`.
    fn items(samples: &[Sample]) -> Result<Vec<String>, MetricError> {
        let selected = Objects::Selected(Selector::default());
        let items = answer(selected, &["web-1", "web-2"], samples)?;
        let shown = |item: MetricValue| {
            let name = item.described_object.name.unwrap();
            format!("{name} {}", item.value)
        };
        Ok(items.values.into_iter().map(shown).collect())
    }

    #[test]
    fn results_that_a_rule_cant_mean_are_told_with_the_cure() {
        let (metrics, query) = (metrics(), query(Objects::Named("web-1".to_owned())));
        let names = ["web-1".to_owned()];
        let resolved = &metrics.resolve(&query).unwrap()[0];
        let mut values = resolved.values(&names).unwrap();
        values.add(&sample("web-1", 1.0));
        values.add(&sample("web-2", 1.0));
        assert_eq!(values.remarks(), []);
        for _ in 0..2 {
            values.add(&sample("web-1", 2.0));
            values.add(&Sample {
                labels: [].into(),
                timestamp: Timestamp::UNIX_EPOCH,
                value: 7.0,
            });
        }
        let said: Vec<_> = values.remarks().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("several results for pods web-1, of which the last counts"));
        assert!(said[1].starts_with("results without label `"), "{said:?}");
        assert_eq!(values.items(Timestamp::UNIX_EPOCH).unwrap().values.len(), 1);
    }

    #[test]
    fn items_are_in_the_order_of_the_names_and_the_last_sample_of_an_object_counts() {
        let samples = [
            sample("web-2", 1.0),
            sample("other", 2.0),
            sample("web-1", f64::NAN),
            sample("web-2", 2.0015),
        ];
        assert_eq!(items(&samples).unwrap(), ["web-1 0", "web-2 2001m"]);
        assert!(items(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_sample_of_another_namespace_is_no_value() {
        let of = |namespace: &str, value: f64| {
            let mut sample = sample("web-1", value);
            let label = ("namespace".to_owned(), namespace.to_owned());
            sample.labels.extend([label]);
            sample
        };
        let samples = [of("shop", 1.0), of("stranger", 2.0)];
        assert_eq!(items(&samples).unwrap(), ["web-1 1"]);
        assert!(items(&samples[1..]).unwrap().is_empty());
    }

    #[test]
    fn a_value_that_a_quantity_cant_hold_leaves_only_its_object_out() {
        for value in [f64::INFINITY, f64::NEG_INFINITY, 1e16, -1e16] {
            let samples = [sample("web-1", value), sample("web-2", 9e15)];
            assert_eq!(items(&samples).unwrap().len(), 1);
            let selected = Objects::Selected(Selector::default());
            let answer = answer(selected, &["web-1", "web-2"], &samples).unwrap();
            assert!(answer.left_out[0].to_string().contains("load of web-1"));
            let alone = items(&samples[..1]).unwrap_err();
            assert!(matches!(alone, MetricError::Unrepresentable { .. }));
        }
    }

    #[test]
    fn a_named_object_without_a_sample_is_an_error_and_no_selected_object_is_no_metric() {
        let named = Objects::Named("web-1".to_owned());
        let no_value = answer(named, &["web-1"], &[sample("web-2", 1.0)]);
        assert!(matches!(no_value, Err(MetricError::NoValue { .. })));
        let (metrics, query) = (metrics(), query(Objects::Selected(Selector::default())));
        let no_names = metrics.resolve(&query).unwrap()[0].promql(&[]);
        assert!(matches!(no_names, Err(MetricError::NoSuchMetric { .. })));
    }

    #[test]
    fn a_request_that_the_rule_has_no_query_for_says_why_in_its_source() {
        use std::error::Error as _;

        let metrics = metrics();
        let mut compared = query(Objects::Selected(Selector::default()));
        compared.metric_selector = Selector::parse("code>400").unwrap();
        let error = metrics.resolve(&compared).unwrap()[0]
            .promql(&["web-1".to_owned()])
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server could not find the metric load for pods"
        );
        let source = error.source().expect("the reason").to_string();
        assert!(source.contains("`code` is compared by < or >"), "{source}");
    }
}
