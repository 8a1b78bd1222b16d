//! The metrics that rules make of series.

mod carried;
mod remark;
mod resolved;

use std::fmt;
use std::sync::Arc;

use crate::destination::SeriesQuery;
use crate::origins::{Origins, Yield};
use crate::query::MetricQuery;
use crate::resources::{GroupResource, RestMapper};
use crate::rule::Rule;
use crate::series::SeriesNames;

use carried::Carried;
pub(crate) use carried::Labels;
pub use remark::Remark;
pub use resolved::{Items, MetricError, ResolvedQuery, Values};
pub(crate) use resolved::{counted, truncated};

/// A metric of one kind of object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MetricInfo {
    /// The resource of the objects.
    pub group_resource: Arc<GroupResource>,
    /// Whether the objects live in namespaces.
    pub namespaced: bool,
    /// The name of the metric.
    pub metric: Arc<str>,
}

impl fmt::Display for MetricInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.group_resource, self.metric)
    }
}

/// The custom metrics of a cluster at one point in time, immutable once they are made by
/// [`Rules::discover`](crate::Rules::discover). The default has none.
#[derive(Debug, Default)]
pub struct Metrics {
    mapper: Arc<RestMapper>,
    origins: Origins<MetricInfo>,
}

impl Metrics {
    /// The metrics that rules make of series.
    pub(crate) fn new<'a>(
        rules: &[Arc<Rule>],
        series_of: impl Fn(&SeriesQuery) -> Option<&'a SeriesNames>,
        mapper: Arc<RestMapper>,
    ) -> Self {
        let add = |origins: &mut Origins<MetricInfo>, rule: &Arc<Rule>, series: &SeriesNames| {
            let carried = carried::by_labels(rule, series, &mapper);
            origins.add(rule, series, |metric, labels| {
                let Carried { resources, labels } = &carried[labels];
                let info = move |group_resource: &Arc<GroupResource>| {
                    let info = MetricInfo {
                        // In prometheus-adapter a metric is namespaced if any label of its series
                        // names other objects than these, as the label of this resource does.
                        namespaced: !group_resource.is_root_scoped(),
                        group_resource: group_resource.clone(),
                        metric: metric.clone(),
                    };
                    (info, labels.clone())
                };
                resources.iter().map(info)
            });
            // Before the cluster's resources are known, there is nothing to say of them.
            if !mapper.resources().is_empty() {
                origins.remark_on_unknown(rule, &mapper);
                if let Some(remark) = without_namespace(rule, &carried, &mapper) {
                    origins.remark(remark);
                }
            }
        };
        let origins = Origins::of(rules, series_of, add);
        Self { mapper, origins }
    }

    /// All metrics, sorted by resource and name: the content of the discovery documents.
    pub fn iter(&self) -> impl Iterator<Item = &MetricInfo> {
        self.origins.metrics()
    }

    /// What is wrong with some of the series and metrics, in words: names that are left out, and
    /// metrics that several series or rules give; some of each kind.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.origins.remarks()
    }

    /// How much each rule gives, in the order of the configuration.
    #[must_use]
    pub fn yields(&self) -> &[Yield] {
        self.origins.yields()
    }

    /// Finds what gives the metric that a request asks for: a series and a rule, and where several
    /// do, those to ask where the ones before have no value. The later rule stands first, as it
    /// wins in prometheus-adapter (`basicSeriesRegistry.SetSeries`). At most eight are asked.
    ///
    /// # Errors
    /// [`MetricError::NoSuchMetric`] if the cluster has no such resource, or no rule gives the
    /// metric for it.
    pub fn resolve<'a>(
        &'a self,
        query: &'a MetricQuery,
    ) -> Result<Vec<ResolvedQuery<'a>>, MetricError> {
        let unknown = || MetricError::NoSuchMetric {
            metric: query.metric.clone(),
            group_resource: query.group_resource.clone(),
        };
        let resource = self
            .mapper
            .resource(&query.group_resource)
            .ok_or_else(unknown)?;
        let info = MetricInfo {
            group_resource: Arc::new(resource.group_resource()),
            namespaced: query.namespace.is_some(),
            metric: query.metric.as_str().into(),
        };
        let resolved = |origin| ResolvedQuery::new(query, resource, origin, &self.mapper);
        let candidates: Vec<_> = self.origins.of_metric(&info).map(resolved).collect();
        if candidates.is_empty() {
            return Err(unknown());
        }
        Ok(candidates)
    }
}

/// A remark on a rule whose metrics need a label for namespaces that it doesn't have.
fn without_namespace(rule: &Rule, carried: &[Carried], mapper: &RestMapper) -> Option<String> {
    let namespaces = GroupResource::new("", "namespaces");
    let mut resources = carried.iter().flat_map(|carried| &carried.resources);
    let resource = resources.find(|resource| !resource.is_root_scoped())?;
    rule.resources.label(&namespaces, mapper).err()?;
    let query = rule.series_query();
    Some(format!(
        "the rule for `{query}` has no label for namespaces, so its metrics of {resource} are listed and have no values; \
         add an override such as `namespace: {{resource: namespace}}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::tests::cluster;
    use crate::series::tests::names;
    use crate::{Objects, Rules, Selector};

    fn discovered(rules: &str, found: &[(&str, &[&str])]) -> Metrics {
        let rules = Rules::parse(&format!("rules: [{rules}]")).unwrap();
        let series = names(found);
        rules.discover(|_| Some(&series), Arc::new(cluster()))
    }

    fn metrics(rules: &str, found: &[(&str, &[&str])]) -> Vec<String> {
        let metrics = discovered(rules, found);
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
        let found: [(&str, &[&str]); 2] = [
            ("load", &["namespace", "pod", "deployment", "instance"]),
            ("disk", &["node"]),
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
            metrics(overrides, &[("load", &["ns", "app", "pod"])]),
            ["namespaces/load (root)", "deployments.apps/load"]
        );
    }

    #[test]
    fn filters_and_names_are_those_of_the_rule() {
        let rule = "{seriesQuery: x, seriesFilters: [{isNot: '^go_'}], resources: {template: '<<.Resource>>'}, \
             name: {matches: '^(.*)_total$', as: '${1}_per_second'}, metricsQuery: x}";
        let found: [(&str, &[&str]); 3] = [
            ("http_total", &["pod"]),
            ("go_x_total", &["pod"]),
            ("gauge", &["pod"]),
        ];
        assert_eq!(metrics(rule, &found), ["pods/http_per_second"]);
    }

    #[test]
    fn a_name_that_lacks_a_group_is_told_with_its_cure() {
        let rule = "{seriesQuery: x, resources: {template: '<<.Resource>>'}, name: {matches: '^(.*)_total$', as: '$1_per_second'}, metricsQuery: x}";
        let found = discovered(rule, &[("http_total", &["pod"])]);
        let said: Vec<_> = found.remarks().collect();
        assert_eq!(
            said,
            [
                "the rule for `x` gives metrics such as ``, which no path of the API can name",
                "the rule for `x`: in name.as `$1_per_second` the group `1_per_second` is empty, because name.matches has no group of this name; write `${1}_per_second`",
            ]
        );
        let none = discovered(rule, &[("http", &["pod"])]);
        assert_eq!(none.remarks().count(), 0, "it names no series");
    }

    const COUNTER: &str = "{seriesQuery: c, seriesFilters: [{is: '_total$'}], resources: {template: '<<.Resource>>'}, \
         name: {matches: '^(.*)_total$'}, metricsQuery: 'rate(<<.Series>>)'}";
    const GAUGE: &str = "{seriesQuery: g, seriesFilters: [{isNot: '_total$'}], resources: {template: '<<.Resource>>'}, metricsQuery: '<<.Series>>'}";

    #[test]
    fn all_that_give_a_metric_are_kept_and_the_later_rule_stands_first() {
        let query = MetricQuery {
            group_resource: GroupResource::parse("pods"),
            namespace: Some("shop".to_owned()),
            objects: Objects::Named("web".to_owned()),
            metric: "requests".to_owned(),
            metric_selector: Selector::default(),
        };
        let found: [(&str, &[&str]); 2] = [("requests", &["pod"]), ("requests_total", &["pod"])];
        for (rules, expected) in [
            (
                format!("{COUNTER}, {GAUGE}"),
                ["requests", "rate(requests_total)"],
            ),
            (
                format!("{GAUGE}, {COUNTER}"),
                ["rate(requests_total)", "requests"],
            ),
        ] {
            let metrics = discovered(&rules, &found);
            let candidates = metrics.resolve(&query).unwrap();
            let asked: Vec<_> = candidates
                .iter()
                .map(|candidate| candidate.promql(&["web".to_owned()]).unwrap())
                .collect();
            assert_eq!(asked, expected);
            assert_eq!(metrics.iter().count(), 1, "listed once");
        }
        let clashing = discovered(&format!("{COUNTER}, {GAUGE}"), &found);
        let said = "pods/requests is requests by the rule for `g`, and where that has no value requests_total by the rule for `c`";
        assert_eq!(clashing.remarks().collect::<Vec<_>>(), [said]);
        let counts = |metrics: &Metrics| -> Vec<_> {
            let counts = metrics.yields().iter();
            counts
                .map(|counts| (counts.metrics, counts.clashes))
                .collect()
        };
        assert_eq!(counts(&clashing), [(1, 1), (1, 1)]);
        let other = [("requests", &["pod"][..]), ("load", &["pod", "namespace"])];
        let alone = discovered(&format!("{COUNTER}, {GAUGE}"), &other);
        assert_eq!(counts(&alone), [(0, 0), (3, 0)]);
        assert_eq!(discovered(GAUGE, &found).remarks().count(), 0);
    }

    #[test]
    fn an_override_to_a_resource_that_isnt_there_is_told_until_it_appears() {
        let rule = "{seriesQuery: x, resources: {template: '<<.Resource>>', overrides: {ing: {group: extensions, resource: deployment}, w: {resource: widget}}}, metricsQuery: x}";
        let metrics = discovered(rule, &[("load", &["pod", "ing", "w"])]);
        assert_eq!(metrics.iter().count(), 1);
        let said: Vec<_> = metrics.remarks().collect();
        assert_eq!(
            said,
            [
                "the rule for `x`: label `ing` is to name deployment.extensions, which the cluster doesn't have; there is deployments.apps; it is looked for again at each relist",
                "the rule for `x`: label `w` is to name widget, which the cluster doesn't have; it is looked for again at each relist",
            ]
        );
    }

    #[test]
    fn a_rule_without_a_label_for_namespaces_is_told_with_the_cure() {
        let rule =
            "{seriesQuery: x, resources: {overrides: {p: {resource: pod}}}, metricsQuery: x}";
        let said: Vec<_> = discovered(rule, &[("load", &["p"])]).remarks().collect();
        assert!(
            said[0].contains("no label for namespaces")
                && said[0].contains("{resource: namespace}"),
            "{said:?}"
        );
        let nodes = rule.replace("pod", "node");
        assert_eq!(discovered(&nodes, &[("load", &["p"])]).remarks().count(), 0);
    }

    #[test]
    fn a_label_that_the_series_carries_goes_before_one_that_it_doesnt() {
        let asked = |resources: &str, labels: &[&str]| {
            let rule = format!(
                "{{seriesQuery: x, resources: {{{resources}}}, metricsQuery: '<<.LabelMatchers>> by <<.GroupBy>>'}}"
            );
            let metrics = discovered(&rule, &[("load", labels)]);
            let query = MetricQuery {
                group_resource: GroupResource::parse("pods"),
                namespace: Some("shop".to_owned()),
                objects: Objects::Named("web".to_owned()),
                metric: "load".to_owned(),
                metric_selector: Selector::default(),
            };
            let candidates = metrics.resolve(&query).unwrap();
            candidates[0].promql(&["web".to_owned()]).unwrap()
        };
        let two = "overrides: {a_ns: {resource: namespace}, b_ns: {resource: namespace}, p: {resource: pod}}";
        let by =
            |namespace: &str, pod: &str| format!("{namespace}=\"shop\",{pod}=\"web\" by {pod}");
        assert_eq!(asked(two, &["b_ns", "p"]), by("b_ns", "p"));
        assert_eq!(asked(two, &["a_ns", "b_ns", "p"]), by("a_ns", "p"));
        assert_eq!(asked(two, &["p"]), by("a_ns", "p"));
        let both = "template: '<<.Resource>>', overrides: {p: {resource: pod}}";
        assert_eq!(asked(both, &["namespace", "pod"]), by("namespace", "pod"));
        assert_eq!(
            asked(both, &["namespace", "pod", "p"]),
            by("namespace", "p")
        );
    }

    #[test]
    fn a_metric_that_no_path_can_name_is_refused() {
        let rule = "{seriesQuery: x, resources: {template: '<<.Resource>>'}, name: {matches: '^a(.*)', as: '$1'}, metricsQuery: x}";
        let slash = rule.replace("'$1'", "'a/$1'");
        let found: [(&str, &[&str]); 2] = [("a", &["pod"]), ("ab", &["pod"])];
        assert_eq!(metrics(rule, &found), ["pods/b"]);
        let said = |rule: &str, found| {
            discovered(rule, found)
                .remarks()
                .collect::<Vec<_>>()
                .join(";")
        };
        assert!(said(rule, &found).contains("such as ``, which no path"));
        assert!(said(&slash, &found).contains("such as `a/b`, which no path"));
        assert!(said(rule, &[("a b", &["pod"])]).contains("1 series such as \"a b\""));
    }
}
