//! Generated rules.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::world::{Family, World};

/// A rule of custom or of external metrics.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    series_query: String,
    filters: Vec<(&'static str, String)>,
    template: Option<&'static str>,
    overrides: Vec<(String, Option<&'static str>, &'static str)>,
    namespaced: Option<bool>,
    matches: Option<String>,
    named: Option<&'static str>,
    query: String,
}

/// Queries of custom rules; SERIES is the series with the matchers.
const CUSTOM: [&str; 30] = [
    "sum(SERIES) by (<<.GroupBy>>)",
    "sum by (<<.GroupBy>>) (rate(SERIES[2m]))",
    "avg by (<<.GroupBy>>) (SERIES)",
    "max(SERIES) by (<<.GroupBy>>)",
    "count(SERIES) by (<<.GroupBy>>)",
    "sum(SERIES) by (<<index .GroupBySlice 0>>)",
    "sum(SERIES) by (<<range $i, $l := .GroupBySlice>><<if $i>>,<<end>><<$l>><<end>>)",
    "SERIES",
    "sum(<<.Series>>{<<range $l, $v := .LabelValuesByName>><<$l>>=~\"<<$v>>\",<<end>>}) by (<<.GroupBy>>)",
    "100 * sum(SERIES) by (<<.GroupBy>>) / 3",
    "sum(SERIES) by (<<.GroupBy>>) / count(SERIES) by (<<.GroupBy>>)",
    "sum(max_over_time(SERIES[2m])) by (<<.GroupBy>>)",
    "<<if eq .GroupBy \"pod\" \"kube_pod\">>sum<<else>>max<<end>>(SERIES) by (<<.GroupBy>>)",
    "<<- /* a comment */ ->> sum(SERIES) by (<<.GroupBy | printf \"%s\">>)",
    "sum(SERIES)",
    "sum(SERIES) by (<<.GroupBy>>) > 5",
    "sum(SERIES) by (<<.GroupBy>>) > bool 5",
    "quantile(0.5, SERIES) by (<<.GroupBy>>)",
    "topk(1, SERIES)",
    "scalar(sum(SERIES))",
    "vector(1)",
    "SERIES[1m]",
    "sum({__name__=<<printf \"%q\" .Series>>,<<.LabelMatchers>>}) by (<<.GroupBy>>)",
    "<<with .LabelMatchers>>sum(<<$.Series>>{<<.>>}) by (<<$.GroupBy>>)<<end>>",
    "sum(SERIES) by (<<.GroupBy>>,topic,verb)",
    "sum(<<.Series>>) by (<<.GroupBy>>)",
    "label_replace(sum(SERIES) by (<<.GroupBy>>), \"more\", \"$1\", \"<<.GroupBy>>\", \"(.*)\")",
    "<<define \"matchers\">>{<<.LabelMatchers>>}<<end>>sum(<<.Series>><<template \"matchers\" .>>) by (<<.GroupBy>>)",
    "<<$m := .LabelMatchers>>sum(<<.Series>>{<<slice $m 0 (len $m)>>}) by (<<html .GroupBy>>)",
    "sum(SERIES) by (<<.GroupBy>>) or sum(SERIES) by (namespace)",
];

/// Queries of external rules.
const EXTERNAL: [&str; 16] = [
    "sum(SERIES)",
    "sum(SERIES) by (topic)",
    "sum(SERIES) by (<<.GroupBy>>)",
    "SERIES",
    "max(SERIES) without (topic, partition)",
    "sum(rate(SERIES[2m])) by (namespace)",
    "scalar(sum(SERIES))",
    "sum(<<.Series>>{<<range $l, $v := .LabelValuesByName>><<if ne $l \"topic\">><<$l>>=~\"<<$v>>\",<<end>><<end>>})",
    "sum(SERIES) or vector(0)",
    "max(SERIES) > 5",
    "avg(SERIES) by (topic) / 3",
    "sum(<<.Series>>)",
    "<<len .GroupBySlice>> + sum(SERIES)",
    "SERIES[1m]",
    "count_values(\"value\", SERIES)",
    "<<if .LabelMatchers>>sum(SERIES)<<else>>max(<<.Series>>)<<end>>",
];

pub(crate) fn rule(world: &World, external: bool) -> impl Strategy<Value = Rule> + use<> {
    let queries: &[&'static str] = if external { &EXTERNAL } else { &CUSTOM };
    let queries = queries.to_vec();
    select(world.families.clone()).prop_flat_map(move |family| {
        let names = named(&family);
        let labels = (
            prop::option::weighted(0.6, template()),
            overrides(&family),
            prop::option::weighted(0.3, any::<bool>()),
        );
        let filters = vec(filter(&family), 0..=2);
        let series_query = series_query(&family);
        (
            series_query,
            filters,
            labels,
            names,
            select(queries.clone()),
        )
            .prop_map(
                |(
                    series_query,
                    filters,
                    (template, overrides, namespaced),
                    (matches, named),
                    query,
                )| {
                    Rule {
                        series_query,
                        filters,
                        template,
                        overrides,
                        namespaced,
                        matches,
                        named,
                        query: query.replace("SERIES", "<<.Series>>{<<.LabelMatchers>>}"),
                    }
                },
            )
    })
}

fn series_query(family: &Family) -> impl Strategy<Value = String> + use<> {
    let name = &family.name;
    let labels: Vec<String> = family
        .labels
        .iter()
        .map(|label| format!("{label}!=\"\""))
        .collect();
    let labels = labels.join(",");
    let first = name.split('_').next().unwrap_or_default();
    let comma = if labels.is_empty() { "" } else { "," };
    select(vec![
        name.clone(),
        format!("{name}{{{labels}}}"),
        format!("{{__name__=~\"^{first}_.*\"{comma}{labels}}}"),
        format!("{{__name__=~\"^(?i:gen).*\"{comma}{labels}}}"),
        format!("{{__name__=\"{name}\"{comma}{labels}}}"),
        format!("{{__name__=~\"{first}.+\",__name__!~\".*_total$\"}}"),
        "{namespace!=\"\",__name__!~\"^container_.*\"}".to_owned(),
        format!("{name}{{namespace=~\"shop|bank\",pod!~\"api.*\"}}"),
    ])
}

fn filter(family: &Family) -> impl Strategy<Value = (&'static str, String)> + use<> {
    let first = family.name.split('_').next().unwrap_or_default();
    let patterns = vec![
        format!("^{first}_"),
        "_total$".to_owned(),
        "(?i)GEN".to_owned(),
        "^[[:alpha:]]+_".to_owned(),
        "\\d".to_owned(),
        "^\\w+$".to_owned(),
        format!("\\Q{first}_\\E"),
        "^\\pL+_".to_owned(),
        "(hits|queue)".to_owned(),
        "^.{3,12}$".to_owned(),
        "[^a-z_]".to_owned(),
        "_(?P<last>[a-z]+)$".to_owned(),
        "\\Bsum\\b".to_owned(),
        "(?U)^.+_\\z".to_owned(),
    ];
    (select(vec!["is", "isNot"]), select(patterns))
}

fn template() -> impl Strategy<Value = &'static str> {
    select(vec![
        "<<.Resource>>",
        "kube_<<.Resource>>",
        "exported_<<.Resource>>",
        "kube_<<.Group>>_<<.Resource>>",
        "<<if .Group>>kube_<<.Group>>_<<.Resource>><<else>>kube_<<.Resource>><<end>>",
        "<<printf \"kube_%s\" .Resource>>",
        "<<.Resource>><<.Group>>",
    ])
}

/// Some labels of the series, and some that none has.
fn overrides(
    family: &Family,
) -> impl Strategy<Value = Vec<(String, Option<&'static str>, &'static str)>> + use<> {
    let mut all = Vec::new();
    for label in &family.labels {
        let kind = label.rsplit('_').next().unwrap_or(label);
        let resources: &[(Option<&str>, &str)] = match kind {
            "namespace" => &[
                (None, "namespace"),
                (None, "namespaces"),
                (Some(""), "Namespace"),
            ],
            "pod" => &[(None, "pod"), (None, "pods"), (None, "Pods")],
            "node" => &[(None, "node")],
            "service" => &[(None, "service"), (None, "services")],
            "deployment" => &[
                (Some("apps"), "deployment"),
                (Some("apps"), "deployments"),
                (None, "deployment"),
            ],
            "statefulset" => &[(Some("apps"), "statefulset"), (None, "service")],
            "ingress" => &[(Some("networking.k8s.io"), "ingress"), (None, "ingresses")],
            "job" => &[(Some("batch"), "jobs")],
            "clusterrole" => &[(Some("rbac.authorization.k8s.io"), "clusterrole")],
            "persistentvolume" => &[(None, "persistentvolume")],
            "topic" => &[(None, "service"), (None, "configmap")],
            _ => &[],
        };
        for (group, resource) in resources {
            all.push(((*label).to_owned(), *group, *resource));
        }
    }
    all.push(("nobody".to_owned(), None, "replicationcontroller"));
    let most = all.len().min(4);
    prop::sample::subsequence(all, 0..=most).prop_map(|mut overrides| {
        // A label names one resource; which of two labels of one resource counts is by chance there.
        let mut known = std::collections::BTreeSet::new();
        overrides.retain(|(label, ..)| known.insert(label.clone()));
        let mut known = std::collections::BTreeSet::new();
        overrides.retain(|(_, _, resource)| {
            let singular = resource.to_lowercase();
            let singular = singular.trim_end_matches("es").trim_end_matches('s');
            known.insert(singular.to_owned())
        });
        overrides
    })
}

/// `matches` and `as`. What gives several series one name begins with `one`: then the other adapter asks the last of them, and
/// ours the next where that has no value.
fn named(family: &Family) -> impl Strategy<Value = (Option<String>, Option<&'static str>)> + use<> {
    let first = family.name.split('_').next().unwrap_or_default();
    let all: [(Option<&str>, Option<&str>); 19] = [
        (None, None),
        (None, Some("$0")),
        (None, Some("${0}_x")),
        (None, Some("A-$0")),
        (None, Some("${0}.dotted")),
        (None, Some("$0${10}${none}")),
        (Some(""), None),
        (Some(".*"), None),
        (Some("^(.*)_total$"), None),
        (Some("^FIRST_(.*)$"), None),
        (Some("^FIRST_(.*)$"), Some("${1}_per_second")),
        (
            Some("^(?P<first>[^_]+)_(?P<rest>.*)$"),
            Some("${first}_${rest}"),
        ),
        (Some("^(.*?)(_total|_bytes)?$"), Some("$0")),
        (Some("^(.*):(.*)$"), Some("one_$1")),
        (Some("[a-z]+"), Some("one_$0")),
        (Some("(?i)^gen_(.*)"), Some("one_$1_")),
        (Some("(x)*$"), Some("one$1")),
        (None, Some("one$$1")),
        (None, Some("one${1")),
    ];
    let all = all.map(|(matches, named)| (matches.map(|text| text.replace("FIRST", first)), named));
    select(all.to_vec())
}

/// A text as YAML.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Rule {
    /// `as` of the rule with a number: no two rules give one metric.
    fn named(&self, number: usize) -> Option<String> {
        match (self.named, self.matches.as_deref()) {
            (None, _) if number == 0 => None,
            (None, Some(matches)) if matches.contains('(') => Some(format!("${{1}}_{number}")),
            (None, _) => Some(format!("${{0}}_{number}")),
            (Some(named), _) => Some(format!("{named}.{number}")),
        }
    }

    /// Writes the rule with a number as YAML.
    pub(crate) fn write(&self, f: &mut fmt::Formatter<'_>, number: usize) -> fmt::Result {
        writeln!(f, "- seriesQuery: {}", quoted(&self.series_query))?;
        if !self.filters.is_empty() {
            writeln!(f, "  seriesFilters:")?;
        }
        for (key, regex) in &self.filters {
            writeln!(f, "  - {key}: {}", quoted(regex))?;
        }
        if self.template.is_some() || self.namespaced.is_some() || !self.overrides.is_empty() {
            writeln!(f, "  resources:")?;
        }
        if let Some(template) = self.template {
            writeln!(f, "    template: {}", quoted(template))?;
        }
        if let Some(namespaced) = self.namespaced {
            writeln!(f, "    namespaced: {namespaced}")?;
        }
        if !self.overrides.is_empty() {
            writeln!(f, "    overrides:")?;
        }
        for (label, group, resource) in &self.overrides {
            let group = group.map_or(String::new(), |group| format!("group: '{group}', "));
            writeln!(f, "      {label}: {{{group}resource: {resource}}}")?;
        }
        let named = self.named(number);
        if self.matches.is_some() || named.is_some() {
            writeln!(f, "  name:")?;
        }
        if let Some(matches) = &self.matches {
            writeln!(f, "    matches: {}", quoted(matches))?;
        }
        if let Some(named) = named {
            writeln!(f, "    as: {}", quoted(&named))?;
        }
        writeln!(f, "  metricsQuery: {}", quoted(&self.query))
    }
}
