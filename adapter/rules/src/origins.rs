//! Which series and rules give which metrics.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::Arc;

use crate::destination::SeriesQuery;
use crate::metrics::Labels;
use crate::path::is_path_segment;
use crate::resources::{GroupResource, RestMapper};
use crate::rule::{LabelError, Rule, Unknown};
use crate::series::{Refused, SeriesNames};

/// Where the values of a metric come from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// The name of the series.
    pub(crate) series: Arc<str>,
    pub(crate) rule: Arc<Rule>,
    /// Labels of the series that name objects in place of those of the rule.
    pub(crate) labels: Labels,
}

impl Origin {
    /// The label that names the objects of a resource.
    pub(crate) fn label(
        &self,
        resource: &GroupResource,
        mapper: &RestMapper,
    ) -> Result<String, LabelError> {
        let mut carried = self.labels.iter().flat_map(|labels| labels.iter());
        match carried.find(|(known, _)| **known == *resource) {
            Some((_, label)) => Ok(label.to_string()),
            None => self.rule.resources.label(resource, mapper),
        }
    }
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

/// Metrics `M` with their origins, sorted by metric. Of one metric, what is asked first stands first.
#[derive(Debug)]
pub(crate) struct Origins<M> {
    sorted: Vec<(M, Origin)>,
    refused: BTreeSet<String>,
    /// In the order of the configuration.
    yields: Vec<Yield>,
}

/// How many rules and series are asked for one metric: each costs a query.
const MAX_CANDIDATES: usize = 8;

/// How many remarks of one kind there are.
const MAX_REMARKS: usize = 10;

impl<M> Default for Origins<M> {
    fn default() -> Self {
        Self {
            sorted: Vec::new(),
            refused: BTreeSet::new(),
            yields: Vec::new(),
        }
    }
}

impl<M: Ord + Display> Origins<M> {
    /// The origins that `add` adds for each rule whose series are known. The later rule stands
    /// first, as it wins in prometheus-adapter (`basicSeriesRegistry.SetSeries`).
    pub(crate) fn of<'a>(
        rules: &[Arc<Rule>],
        series_of: impl Fn(&SeriesQuery) -> Option<&'a SeriesNames>,
        add: impl Fn(&mut Self, &Arc<Rule>, &SeriesNames),
    ) -> Self {
        let mut origins = Self::default();
        for rule in rules.iter().rev() {
            if let Some(series) = series_of(rule.series_asked()) {
                let assumed = rule.assumed_series().filter(|_| series.is_empty());
                add(&mut origins, rule, assumed.unwrap_or(series));
            }
        }
        // Keeps the order of those with equal names.
        origins.sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        origins.sorted.shrink_to_fit();
        origins.yields = origins.counted(rules);
        origins
    }

    /// Adds the metrics that a rule makes of series, the last first. `metrics_of` gives them, each
    /// with its labels, for the name that the rule gives, and the position of the series' labels in
    /// [`SeriesNames::by_labels`].
    pub(crate) fn add<I: IntoIterator<Item = (M, Labels)>>(
        &mut self,
        rule: &Arc<Rule>,
        series: &SeriesNames,
        mut metrics_of: impl FnMut(Arc<str>, usize) -> I,
    ) {
        let (mut refused, mut is_named) = (None, false);
        for (name, labels) in series.iter().rev() {
            let Some(metric) = rule.metric_name(name) else {
                continue;
            };
            is_named = true;
            if !is_path_segment(&metric) {
                refused.get_or_insert(metric);
                continue;
            }
            let metric: Arc<str> = if *metric == **name {
                name.clone()
            } else {
                metric.into()
            };
            for (metric, labels) in metrics_of(metric, labels) {
                let origin = Origin {
                    series: name.clone(),
                    rule: rule.clone(),
                    labels,
                };
                self.sorted.push((metric, origin));
            }
        }
        let query = rule.series_query();
        if let Some(problem) = rule.empty_part().filter(|_| is_named) {
            self.refused
                .insert(format!("the rule for `{query}`: {problem}"));
        }
        if let Some(metric) = refused {
            self.refused.insert(format!("the rule for `{query}` gives metrics such as `{metric}`, which no path of the API can name"));
        }
        let Refused { series, example } = series.refused();
        if *series > 0 {
            self.refused.insert(format!("`{query}` selects {series} series such as {example:?}, whose names PromQL takes in quotes only, which metricsQuery can't do"));
        }
    }

    /// Says something of a rule.
    pub(crate) fn remark(&mut self, remark: String) {
        self.refused.insert(remark);
    }

    /// Says which resources of a rule the cluster doesn't have.
    pub(crate) fn remark_on_unknown(&mut self, rule: &Rule, mapper: &RestMapper) {
        let query = rule.series_query();
        for Unknown {
            label,
            resource,
            elsewhere,
        } in rule.resources.unknown(mapper)
        {
            let hint = elsewhere.map_or(String::new(), |other| format!("; there is {other}"));
            self.remark(format!("the rule for `{query}`: label `{label}` is to name {resource}, which the cluster doesn't have{hint}; it is looked for again at each relist"));
        }
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

    /// How much each rule gives, in the order of the configuration.
    pub(crate) fn yields(&self) -> &[Yield] {
        &self.yields
    }

    /// The metrics, sorted.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = &M> {
        self.by_metric().map(|(metric, _)| metric)
    }

    /// The origins of a metric, the one to ask first standing first; at most eight.
    pub(crate) fn of_metric(&self, metric: &M) -> impl Iterator<Item = &Origin> {
        let first = self.sorted.partition_point(|(known, _)| known < metric);
        self.sorted[first..]
            .iter()
            .take_while(move |(known, _)| known == metric)
            .take(MAX_CANDIDATES)
            .map(|(_, origin)| origin)
    }

    /// What is wrong with some of the series and metrics, in words: names that are left out, and
    /// metrics that several series or rules give; some of each kind.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = String> {
        let refused = self.refused.iter().cloned();
        let clashes = self
            .by_metric()
            .filter(|(_, origins)| origins.len() > 1)
            .take(MAX_REMARKS);
        refused
            .take(MAX_REMARKS)
            .chain(clashes.map(|(metric, origins)| {
                let origin = |(_, Origin { series, rule, .. }): &(M, Origin)| {
                    format!("{series} by the rule for `{}`", rule.series_query())
                };
                let asked: Vec<_> = origins.iter().take(MAX_CANDIDATES).map(origin).collect();
                let asked = asked.join(", and where that has no value ");
                format!("{metric} is {asked}")
            }))
    }

    fn by_metric(&self) -> impl Iterator<Item = (&M, &[(M, Origin)])> {
        let of_one = self.sorted.chunk_by(|(a, _), (b, _)| a == b);
        of_one.filter_map(|origins| Some((&origins.first()?.0, origins)))
    }
}
