//! Which metrics there are: an immutable snapshot, and the task that renews it.

mod relist;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::naming::MetricNamer;
use crate::naming::is_root_scoped;
use crate::prometheus::Series;
use crate::provider::CustomMetricInfo;
use crate::rest_mapping::RestMapping;

pub use relist::{Registry, RelistOptions};

/// The metrics at one point in time, with what is needed to ask for them.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The cluster's resources that the metrics were made with.
    pub mapping: Arc<RestMapping>,
    metrics: BTreeMap<CustomMetricInfo, SeriesInfo>,
}

/// Where a metric comes from.
#[derive(Debug, Clone)]
pub struct SeriesInfo {
    /// The series' name.
    pub series: String,
    /// The rule.
    pub namer: Arc<MetricNamer>,
}

impl Snapshot {
    /// The metrics that rules make of series. Of two rules that give the same metric the later one counts, as
    /// in the Go adapter (`basicSeriesRegistry.SetSeries`).
    #[must_use]
    pub fn new<'a>(
        found: impl IntoIterator<Item = (&'a Arc<MetricNamer>, &'a [Series])>,
        mapping: Arc<RestMapping>,
    ) -> Self {
        let mut metrics = BTreeMap::new();
        for (namer, series) in found {
            for series in series.iter().filter(|series| namer.accepts(series)) {
                let Some(metric) = namer.metric_name(series) else {
                    continue;
                };
                let (resources, namespaced) = namer.resources(series, &mapping);
                for group_resource in resources {
                    let namespaced = namespaced && !is_root_scoped(&group_resource);
                    let info = CustomMetricInfo {
                        group_resource,
                        namespaced,
                        metric: metric.clone(),
                    };
                    metrics.insert(
                        info,
                        SeriesInfo {
                            series: series.name.clone(),
                            namer: namer.clone(),
                        },
                    );
                }
            }
        }
        Self { mapping, metrics }
    }

    /// All metrics, sorted.
    #[must_use]
    pub fn metrics(&self) -> Vec<CustomMetricInfo> {
        self.metrics.keys().cloned().collect()
    }

    /// Where a metric comes from.
    #[must_use]
    pub fn find(&self, info: &CustomMetricInfo) -> Option<&SeriesInfo> {
        self.metrics.get(info)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest_mapping::tests::cluster;

    fn namer(yaml: &str) -> Arc<MetricNamer> {
        Arc::new(MetricNamer::new(&serde_saphyr::from_str(yaml).unwrap()).unwrap())
    }

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

    fn metrics(namer: &Arc<MetricNamer>, found: &[Series]) -> Vec<String> {
        let snapshot = Snapshot::new([(namer, found)], Arc::new(cluster()));
        let shown = |info: &CustomMetricInfo| {
            format!(
                "{}/{}{}",
                info.group_resource,
                info.metric,
                if info.namespaced { "" } else { " (root)" }
            )
        };
        snapshot.metrics().iter().map(shown).collect()
    }

    #[test]
    fn labels_that_name_objects_make_metrics_of_them() {
        let template =
            namer("{seriesQuery: x, resources: {template: '<<.Resource>>'}, metricsQuery: x}");
        let found = [
            series("load", &["namespace", "pod", "deployment", "instance"]),
            series("disk", &["node"]),
        ];
        assert_eq!(
            metrics(&template, &found),
            [
                "namespaces/load (root)",
                "nodes/disk (root)",
                "pods/load",
                "deployments.apps/load"
            ]
        );
        let overrides = namer(
            "{seriesQuery: x, resources: {overrides: {ns: {resource: namespace}, app: {group: apps, resource: deployment}}}, metricsQuery: x}",
        );
        assert_eq!(
            metrics(&overrides, &[series("load", &["ns", "app", "pod"])]),
            ["namespaces/load (root)", "deployments.apps/load"]
        );
    }

    #[test]
    fn filters_and_names_are_those_of_the_rule() {
        let rule = namer(
            "{seriesQuery: x, seriesFilters: [{isNot: '^go_'}], resources: {template: '<<.Resource>>'}, \
             name: {matches: '^(.*)_total$', as: '${1}_per_second'}, metricsQuery: x}",
        );
        let found = [
            series("http_total", &["pod"]),
            series("go_x_total", &["pod"]),
            series("gauge", &["pod"]),
        ];
        assert_eq!(metrics(&rule, &found), ["pods/http_per_second"]);
    }
}
