//! The metrics that rules make of series.

mod carried;
mod remark;
mod resolved;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::query::MetricQuery;
use crate::resources::{GroupResource, RestMapper};
use crate::rule::{LabelError, Rule};
use crate::series::{Refused, SeriesNames};

use carried::Carried;
pub use remark::Remark;
pub use resolved::{Items, MetricError, ResolvedQuery, Values};

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

/// The custom metrics of a cluster at one point in time, immutable once they are made by
/// [`Rules::discover`](crate::Rules::discover). The default has none.
#[derive(Debug, Default)]
pub struct Metrics {
    mapper: Arc<RestMapper>,
    /// Sorted by metric. Of one metric, what is asked first stands first.
    origins: Vec<(MetricInfo, Origin)>,
    refused: BTreeSet<String>,
    /// In the order of the configuration.
    yields: Vec<Yield>,
}

/// How much a rule gives.
#[derive(Debug, Clone)]
pub struct Yield {
    /// The rule.
    pub rule: Arc<Rule>,
    /// How many metrics it gives, each of one kind of object.
    pub metrics: usize,
    /// How many of them other series or rules give too.
    pub clashes: usize,
}

/// Where the values of a metric come from.
#[derive(Debug, Clone)]
struct Origin {
    /// The name of the series.
    series: Arc<str>,
    rule: Arc<Rule>,
    /// Labels of the series that name objects in place of those of the rule.
    labels: carried::Labels,
}

impl Origin {
    /// The label that names the objects of a resource.
    fn label(&self, resource: &GroupResource, mapper: &RestMapper) -> Result<String, LabelError> {
        let mut carried = self.labels.iter().flat_map(|labels| labels.iter());
        match carried.find(|(known, _)| **known == *resource) {
            Some((_, label)) => Ok(label.to_string()),
            None => self.rule.resources.label(resource, mapper),
        }
    }
}

/// How many rules and series are asked for one metric: each costs a query.
const MAX_CANDIDATES: usize = 8;

/// How many remarks of one kind there are.
const MAX_REMARKS: usize = 10;

impl Metrics {
    /// The metrics that rules make of series.
    pub(crate) fn new<'a>(
        rules: &[Arc<Rule>],
        series_of: impl Fn(&str) -> Option<&'a SeriesNames>,
        mapper: Arc<RestMapper>,
    ) -> Self {
        let mut metrics = Self {
            mapper,
            ..Self::default()
        };
        for rule in rules.iter().rev() {
            if let Some(series) = series_of(rule.series_query()) {
                metrics.add(rule, series);
            }
        }
        // Keeps the order of those with equal names.
        metrics.origins.sort_by(|(a, _), (b, _)| a.cmp(b));
        metrics.origins.shrink_to_fit();
        metrics.yields = metrics.counted(rules);
        metrics
    }

    fn counted(&self, rules: &[Arc<Rule>]) -> Vec<Yield> {
        let nothing = |rule: &Arc<Rule>| Yield {
            rule: rule.clone(),
            metrics: 0,
            clashes: 0,
        };
        let mut yields: Vec<_> = rules.iter().map(nothing).collect();
        for (_, origins) in self.by_metric() {
            let clashes = usize::from(origins.len() > 1);
            // Those of one rule stand together.
            for of_rule in origins.chunk_by(|(_, a), (_, b)| Arc::ptr_eq(&a.rule, &b.rule)) {
                let position = of_rule.first().map(|(_, origin)| origin.rule.position());
                if let Some(counted) = position.and_then(|position| yields.get_mut(position)) {
                    counted.metrics += 1;
                    counted.clashes += clashes;
                }
            }
        }
        yields
    }

    /// Adds the metrics that a rule makes of series, the last first.
    fn add(&mut self, rule: &Arc<Rule>, series: &SeriesNames) {
        let carried = carried::by_labels(rule, series, &self.mapper);
        let mut refused = None;
        for (name, labels) in series.iter().rev() {
            let Some(metric) = rule.metric_name(name) else {
                continue;
            };
            if !is_path_segment(&metric) {
                refused.get_or_insert(metric);
                continue;
            }
            let metric: Arc<str> = if *metric == **name {
                name.clone()
            } else {
                metric.into()
            };
            let Carried { resources, labels } = &carried[labels];
            for group_resource in resources {
                let info = MetricInfo {
                    // In prometheus-adapter a metric is namespaced if any label of its series names
                    // other objects than these, as the label of this resource does.
                    namespaced: !group_resource.is_root_scoped(),
                    group_resource: group_resource.clone(),
                    metric: metric.clone(),
                };
                let origin = Origin {
                    series: name.clone(),
                    rule: rule.clone(),
                    labels: labels.clone(),
                };
                self.origins.push((info, origin));
            }
        }
        let query = rule.series_query();
        if let Some(metric) = refused {
            self.refused.insert(format!("the rule for `{query}` gives metrics such as `{metric}`, which no path of the API can name"));
        }
        self.remark_on(rule, &carried);
        let Refused { series, example } = series.refused();
        if *series > 0 {
            self.refused.insert(format!("`{query}` selects {series} series such as {example:?}, whose names PromQL takes in quotes only, which metricsQuery can't do"));
        }
    }

    /// Remarks on the resources of a rule.
    fn remark_on(&mut self, rule: &Rule, carried: &[Carried]) {
        let query = rule.series_query();
        // Before the cluster's resources are known, there is nothing to say of them.
        if self.mapper.resources().is_empty() {
            return;
        }
        for unknown in rule.resources.unknown(&self.mapper) {
            self.refused
                .insert(format!("the rule for `{query}`: {unknown}"));
        }
        let namespaces = GroupResource::new("", "namespaces");
        let mut resources = carried.iter().flat_map(|carried| &carried.resources);
        if let Some(resource) = resources.find(|resource| !resource.is_root_scoped())
            && rule.resources.label(&namespaces, &self.mapper).is_err()
        {
            self.refused.insert(format!(
                "the rule for `{query}` has no label for namespaces, so its metrics of {resource} are listed and have no values; \
                 add an override such as `namespace: {{resource: namespace}}`"
            ));
        }
    }

    /// All metrics, sorted by resource and name: the content of the discovery documents.
    pub fn iter(&self) -> impl Iterator<Item = &MetricInfo> {
        self.by_metric().map(|(info, _)| info)
    }

    /// What is wrong with some of the series and metrics, in words: names that are left out, and
    /// metrics that several series or rules give; some of each kind.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let refused = self.refused.iter().cloned();
        refused
            .take(MAX_REMARKS)
            .chain(self.clashes().take(MAX_REMARKS).map(|origins| {
                let origin = |(_, Origin { series, rule, .. }): &(MetricInfo, Origin)| {
                    format!("{series} by the rule for `{}`", rule.series_query())
                };
                let asked: Vec<_> = origins.iter().take(MAX_CANDIDATES).map(origin).collect();
                let name = origins
                    .first()
                    .map(|(info, _)| format!("{}/{}", info.group_resource, info.metric));
                format!(
                    "{} is {}",
                    name.unwrap_or_default(),
                    asked.join(", and where that has no value ")
                )
            }))
    }

    /// Metrics that several series or rules give.
    fn clashes(&self) -> impl Iterator<Item = &[(MetricInfo, Origin)]> {
        self.by_metric()
            .map(|(_, origins)| origins)
            .filter(|origins| origins.len() > 1)
    }

    /// How much each rule gives, in the order of the configuration.
    #[must_use]
    pub fn yields(&self) -> &[Yield] {
        &self.yields
    }

    fn by_metric(&self) -> impl Iterator<Item = (&MetricInfo, &[(MetricInfo, Origin)])> {
        let of_one = self.origins.chunk_by(|(a, _), (b, _)| a == b);
        of_one.filter_map(|origins| Some((&origins.first()?.0, origins)))
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
        let first = self.origins.partition_point(|(known, _)| *known < info);
        let candidates: Vec<_> = self.origins[first..]
            .iter()
            .take_while(|(known, _)| *known == info)
            .take(MAX_CANDIDATES)
            .map(|(_, origin)| ResolvedQuery::new(query, resource, origin, &self.mapper))
            .collect();
        if candidates.is_empty() {
            return Err(unknown());
        }
        Ok(candidates)
    }
}

/// Whether a name can be a segment of a path in Kubernetes (`path.IsValidPathSegmentName`).
fn is_path_segment(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%'])
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
