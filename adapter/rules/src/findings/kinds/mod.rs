//! The kinds of findings, each in a file of its own.

mod absent_needs_series;
mod clash;
mod counter;
mod every_series;
mod external_group_by;
mod fixed_series;
mod half_usage;
mod label_lost;
mod label_template;
mod missing_group;
mod never_matches;
mod no_container_label;
mod no_label_matchers;
mod no_namespace;
mod no_promql;
mod no_query;
mod no_resources;
mod no_usage;
mod no_vector;
mod not_judged;
mod query_fails;
mod series_query;
mod several_results;
mod short_window;
mod two_labels;
mod unknown_field;
mod unknown_resource;
mod unnameable;
mod unused_upstream;
mod wrong_label;

use crate::config::MetricsDiscoveryConfig;

use super::finding::{At, Finding, Kind, Severity};
use super::mapping::Mapping;
use super::subject::{Query, Subject};
use super::usage::{Measure, Usage};

/// A file that is no YAML, or holds no configuration. It is told by whoever reads the file.
pub static NOT_YAML: Kind = Kind {
    code: "not-yaml",
    severity: Severity::Error,
    about: "The file is no YAML, or not of the shape of a configuration.",
};

/// A rule that the adapter doesn't start with. It is told by whoever reads the file.
pub static REFUSED: Kind = Kind {
    code: "refused",
    severity: Severity::Error,
    about: "The adapter doesn't start with this. Mostly prometheus-adapter doesn't either; with an empty `seriesQuery` it does, and lists no metrics, because Prometheus refuses to look for such series.",
};

/// How findings of a kind are found.
pub(super) struct Check {
    kind: &'static Kind,
    look: Look,
}

enum Look {
    /// At each rule of `rules` and `externalRules`.
    Rule(fn(&Subject<'_>, &mut Told<'_>)),
    /// At the labels of each rule, and of each measure of `resourceRules`.
    Labels(fn(&Mapping<'_>, &mut Told<'_>)),
    /// At each query, those of `resourceRules` too.
    Query(fn(&Query<'_>, &mut Told<'_>)),
    /// At `resourceRules`.
    Usage(fn(&Usage<'_>, &mut Told<'_>)),
    /// At all rules together.
    All(fn(&[Subject<'_>], &mut Told<'_>)),
    /// At the configuration as it is written.
    Configuration(fn(&MetricsDiscoveryConfig, &mut Told<'_>)),
}

/// Where findings of a kind are told.
pub(super) struct Told<'a> {
    kind: &'static Kind,
    found: &'a mut Vec<Finding>,
}

impl Told<'_> {
    fn tell(&mut self, at: At, sentence: impl Into<String>, cure: impl Into<String>) {
        self.found
            .push(Finding::about(self.kind, at, sentence, cure));
    }
}

impl Check {
    pub(super) fn run(
        &self,
        config: &MetricsDiscoveryConfig,
        subjects: &[Subject<'_>],
        usage: Option<&Usage<'_>>,
        found: &mut Vec<Finding>,
    ) {
        let kind = self.kind;
        let mut told = Told { kind, found };
        match self.look {
            Look::Rule(look) => subjects.iter().for_each(|subject| look(subject, &mut told)),
            Look::Labels(look) => {
                let measures = usage.iter().flat_map(|usage| &usage.measures);
                let mappings = subjects.iter().map(Subject::mapping);
                let mappings = mappings.chain(measures.map(Measure::mapping));
                mappings.for_each(|mapping| look(&mapping, &mut told));
            }
            Look::Query(look) => {
                let of_usage = usage.iter().flat_map(|usage| &usage.queries);
                let queries = subjects.iter().map(|subject| &subject.query);
                queries
                    .chain(of_usage)
                    .for_each(|query| look(query, &mut told));
            }
            Look::Usage(look) => usage.iter().for_each(|usage| look(usage, &mut told)),
            Look::All(look) => look(subjects, &mut told),
            Look::Configuration(look) => look(config, &mut told),
        }
    }
}

/// All checks; findings of a rule stand in this order.
pub(super) static CHECKS: &[Check] = &[
    unused_upstream::CHECK,
    series_query::CHECK,
    every_series::CHECK,
    never_matches::CHECK,
    unnameable::CHECK,
    missing_group::CHECK,
    no_resources::CHECK,
    no_usage::CHECK,
    half_usage::CHECK,
    no_container_label::CHECK,
    label_template::CHECK,
    unknown_resource::CHECK,
    wrong_label::CHECK,
    two_labels::CHECK,
    no_namespace::CHECK,
    clash::CHECK,
    no_query::CHECK,
    unknown_field::CHECK,
    query_fails::CHECK,
    no_promql::CHECK,
    not_judged::CHECK,
    no_vector::CHECK,
    no_label_matchers::CHECK,
    external_group_by::CHECK,
    label_lost::CHECK,
    several_results::CHECK,
    fixed_series::CHECK,
    counter::CHECK,
    short_window::CHECK,
    absent_needs_series::CHECK,
];

/// All kinds of findings in configurations.
pub static KINDS: std::sync::LazyLock<Vec<&'static Kind>> = std::sync::LazyLock::new(|| {
    let told_elsewhere = [&NOT_YAML, &REFUSED];
    let looked_for = CHECKS.iter().map(|check| check.kind);
    told_elsewhere.into_iter().chain(looked_for).collect()
});

/// Whether rules with findings of a kind give no values at all, whatever the series are.
#[must_use]
pub fn leaves_nothing(kind: &Kind) -> bool {
    [
        &NOT_YAML,
        &REFUSED,
        no_query::CHECK.kind,
        unknown_field::CHECK.kind,
        no_resources::CHECK.kind,
        unnameable::CHECK.kind,
    ]
    .contains(&kind)
}

#[cfg(test)]
mod tests;
