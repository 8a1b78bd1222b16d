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
        let label = origin
            .rule
            .resources
            .label(&resource.group_resource(), mapper);
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
        let label = |resource: &GroupResource| rule.resources.label(resource, self.mapper);
        rule.metrics_query
            .render(series, &group_resource, self.query, names, label)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::resources::tests::cluster;
    use crate::{Metrics, Rules, Selector, Series};

    const RULES: &str = "rules: [{seriesQuery: load, resources: {overrides: {\
        namespace: {resource: namespace}, pod: {resource: pod}}}, \
        metricsQuery: 'avg(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'}]";

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        pairs.iter().map(owned).collect()
    }

    /// Pods in namespaces have the metric `load`.
    fn metrics() -> Metrics {
        let series = [Series {
            name: "load".to_owned(),
            labels: labels(&[("namespace", "shop"), ("pod", "web-1")]),
        }];
        let rules = Rules::parse(RULES).unwrap();
        rules.discover(|_| &series, Arc::new(cluster()))
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
            labels: labels(&[("pod", pod)]),
            value,
        }
    }

    /// The names and values of the items for the pods `web-1` and `web-2`.
    fn items(samples: &[Sample]) -> Result<Vec<(String, String)>, MetricError> {
        let (metrics, query) = (metrics(), query(Objects::Selected(Selector::default())));
        let names = ["web-1", "web-2"].map(str::to_owned);
        let resolved = metrics.resolve(&query).unwrap();
        let items = resolved.items(&names, samples, Timestamp::UNIX_EPOCH)?;
        let shown = |item: MetricValue| {
            let name = item.described_object.name.unwrap();
            (name, item.value.to_string())
        };
        Ok(items.into_iter().map(shown).collect())
    }

    #[test]
    fn items_are_in_the_order_of_the_names_and_the_last_sample_of_an_object_counts() {
        let samples = [
            sample("web-2", 1.0),
            sample("other", 2.0),
            sample("web-1", f64::NAN),
            sample("web-2", 2.0015),
        ];
        let expected = [("web-1", "0"), ("web-2", "2001m")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(items(&samples).unwrap(), expected);
        assert_eq!(items(&[]).unwrap(), []);
    }

    #[test]
    fn a_value_that_a_quantity_cant_hold_is_an_error() {
        for value in [f64::INFINITY, f64::NEG_INFINITY, 1e16, -1e16] {
            let error = items(&[sample("web-1", value)]).unwrap_err();
            assert!(
                matches!(error, MetricError::Unrepresentable { .. }),
                "{value}: {error}"
            );
        }
        assert!(items(&[sample("web-1", 9e15)]).is_ok());
    }

    #[test]
    fn a_named_object_without_a_sample_is_an_error_and_no_selected_object_is_no_metric() {
        let metrics = metrics();
        let named = query(Objects::Named("web-1".to_owned()));
        let names = ["web-1".to_owned()];
        let resolved = metrics.resolve(&named).unwrap();
        let no_value = resolved.items(&names, &[], Timestamp::UNIX_EPOCH);
        assert!(matches!(no_value, Err(MetricError::NoValue { .. })));
        let no_names = resolved.promql(&[]);
        assert!(matches!(no_names, Err(MetricError::NoSuchMetric { .. })));
    }

    #[test]
    fn a_request_that_the_rule_has_no_query_for_says_why_in_its_source() {
        use std::error::Error as _;

        let metrics = metrics();
        let mut compared = query(Objects::Selected(Selector::default()));
        compared.metric_selector = Selector::parse("code>400").unwrap();
        let error = metrics
            .resolve(&compared)
            .unwrap()
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
