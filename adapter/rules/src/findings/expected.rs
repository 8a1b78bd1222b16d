//! What rules give as far as that is known without series.

use crate::destination::Destination;
use crate::resources::GroupResource;
use crate::usage::Consumers;

use super::finding::At;
use super::subject::{Looked, MAX_RESOURCES, objects_with_namespaces, subjects};

/// What rules give as far as that is known without series.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// Custom metrics by the resource of their objects, sorted.
    pub custom: Vec<(GroupResource, String)>,
    /// External metrics, sorted.
    pub external: Vec<String>,
    /// How many rules for custom metrics have others, whose names depend on the series.
    pub unknown_custom: usize,
    /// How many rules for external metrics do.
    pub unknown_external: usize,
    /// The resources whose objects the rules for custom metrics name, sorted.
    pub resources: Vec<GroupResource>,
}

impl Expected {
    pub(crate) fn of(looked: &Looked<'_>) -> Self {
        let mut expected = Self::default();
        for subject in subjects(looked) {
            // It gives no metrics, whatever the series are.
            if subject.unnameable().is_some() {
                continue;
            }
            let metric = subject.metric();
            match (subject.is_external(), metric) {
                (true, Some(metric)) => expected.external.push(metric),
                (true, None) => expected.unknown_external += 1,
                (false, metric) => {
                    let resources = objects_with_namespaces(&subject.rule.resources);
                    let resources = resources.into_iter().map(|(resource, _)| resource);
                    let resources: Vec<_> = resources.take(MAX_RESOURCES).collect();
                    // A template may name any resource.
                    let is_open = metric.is_none() || subject.rule.resources.has_template();
                    expected.unknown_custom += usize::from(is_open);
                    if let Some(metric) = metric {
                        let metrics = resources.iter().cloned();
                        expected
                            .custom
                            .extend(metrics.map(|of| (of, metric.clone())));
                    }
                    expected.resources.extend(resources);
                }
            }
        }
        expected.custom.sort();
        expected.custom.dedup();
        expected.external.sort();
        expected.external.dedup();
        expected.resources.sort();
        expected.resources.dedup();
        expected
    }
}

/// A query of each rule, as a usual request makes it, and who is asked, as at relists.
pub(crate) fn sample_queries(looked: &Looked<'_>) -> Vec<(At, Destination, String)> {
    let subjects = subjects(looked);
    let usage = looked.usage().map(|usage| usage.queries);
    let usage = usage.unwrap_or_default();
    let of_usage = looked
        .usage
        .and_then(|rules| rules.asks(Consumers::Nodes).ok());
    let of_usage = of_usage.unwrap_or_default();
    let rules = subjects
        .iter()
        .map(|subject| (&subject.rule.series_asked().to, &subject.query));
    let queries = rules.chain(usage.iter().map(|query| (&of_usage, query)));
    let sample = queries.filter_map(|(to, query)| {
        let mut made = query.samples.iter();
        let made = made.find_map(|sample| sample.query.as_ref().ok())?;
        Some((query.at.clone(), to.clone(), made.clone()))
    });
    sample.collect()
}
