//! The metrics that rules make of series.

mod resolved;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::query::MetricQuery;
use crate::resources::{GroupResource, RestMapper};
use crate::rule::Rule;
use crate::series::Series;

pub use resolved::{MetricError, ResolvedQuery};

/// A metric of one kind of object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricInfo {
    /// The resource of the objects.
    pub group_resource: GroupResource,
    /// Whether the objects live in namespaces.
    pub namespaced: bool,
    /// The name of the metric.
    pub metric: String,
}

/// The custom metrics of a cluster at one point in time, immutable once they are made by
/// [`Rules::discover`](crate::Rules::discover). The default has none.
#[derive(Debug, Default)]
pub struct Metrics {
    mapper: Arc<RestMapper>,
    origins: BTreeMap<MetricInfo, Origin>,
}

/// Where the values of a metric come from.
#[derive(Debug, Clone)]
struct Origin {
    /// The name of the series.
    series: String,
    rule: Arc<Rule>,
}

impl Metrics {
    pub(crate) fn new(mapper: Arc<RestMapper>) -> Self {
        Self {
            mapper,
            origins: BTreeMap::new(),
        }
    }

    /// Adds the metrics that a rule makes of series, in place of those of the same names.
    pub(crate) fn add(&mut self, rule: &Arc<Rule>, series: &[Series]) {
        for series in series {
            let Some(metric) = rule.metric_name(series) else {
                continue;
            };
            let (resources, namespaced) = rule.resources.of_series(series, &self.mapper);
            for group_resource in resources {
                let info = MetricInfo {
                    namespaced: namespaced && !group_resource.is_root_scoped(),
                    group_resource,
                    metric: metric.clone(),
                };
                let origin = Origin {
                    series: series.name.clone(),
                    rule: rule.clone(),
                };
                self.origins.insert(info, origin);
            }
        }
    }

    /// All metrics, sorted by resource and name: the content of the discovery documents.
    pub fn iter(&self) -> impl Iterator<Item = &MetricInfo> {
        self.origins.keys()
    }

    /// Finds the metric that a request asks for.
    ///
    /// # Errors
    /// [`MetricError::NoSuchMetric`] if the cluster has no such resource, or no rule gives the
    /// metric for it; [`MetricError::NoQuery`] if no label names its objects.
    pub fn resolve<'a>(&'a self, query: &'a MetricQuery) -> Result<ResolvedQuery<'a>, MetricError> {
        let unknown = || MetricError::NoSuchMetric {
            metric: query.metric.clone(),
            group_resource: query.group_resource.clone(),
        };
        let resource = self
            .mapper
            .resource(&query.group_resource)
            .ok_or_else(unknown)?;
        let info = MetricInfo {
            group_resource: resource.group_resource(),
            namespaced: query.namespace.is_some(),
            metric: query.metric.clone(),
        };
        let origin = self.origins.get(&info).ok_or_else(unknown)?;
        ResolvedQuery::new(query, resource, origin, &self.mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;
    use crate::resources::tests::cluster;

    fn series(name: &str, labels: &[&str]) -> Series {
        let labels = labels
            .iter()
            .map(|&label| (label.to_owned(), "x".to_owned()))
            .collect();
        Series {
            name: name.to_owned(),
            labels,
        }
    }

    fn metrics(rules: &str, found: &[Series]) -> Vec<String> {
        let rules = Rules::parse(&format!("rules: [{rules}]")).unwrap();
        let metrics = rules.discover(|_| found, Arc::new(cluster()));
        let shown = |info: &MetricInfo| {
            format!(
                "{}/{}{}",
                info.group_resource,
                info.metric,
                if info.namespaced { "" } else { " (root)" }
            )
        };
        metrics.iter().map(shown).collect()
    }

    #[test]
    fn labels_that_name_objects_make_metrics_of_them() {
        let template = "{seriesQuery: x, resources: {template: '<<.Resource>>'}, metricsQuery: x}";
        let found = [
            series("load", &["namespace", "pod", "deployment", "instance"]),
            series("disk", &["node"]),
        ];
        assert_eq!(
            metrics(template, &found),
            [
                "namespaces/load (root)",
                "nodes/disk (root)",
                "pods/load",
                "deployments.apps/load"
            ]
        );
        let overrides = "{seriesQuery: x, resources: {overrides: {ns: {resource: namespace}, app: {group: apps, resource: deployment}}}, metricsQuery: x}";
        assert_eq!(
            metrics(overrides, &[series("load", &["ns", "app", "pod"])]),
            ["namespaces/load (root)", "deployments.apps/load"]
        );
    }

    #[test]
    fn filters_and_names_are_those_of_the_rule() {
        let rule = "{seriesQuery: x, seriesFilters: [{isNot: '^go_'}], resources: {template: '<<.Resource>>'}, \
             name: {matches: '^(.*)_total$', as: '${1}_per_second'}, metricsQuery: x}";
        let found = [
            series("http_total", &["pod"]),
            series("go_x_total", &["pod"]),
            series("gauge", &["pod"]),
        ];
        assert_eq!(metrics(rule, &found), ["pods/http_per_second"]);
    }
}
