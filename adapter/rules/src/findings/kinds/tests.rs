mod labels;
mod names;
mod refused;
mod usage;

use super::*;
use crate::{RuleFile, Rules};

/// The codes of what is found in a rule of `rules`.
fn codes(rule: &str) -> Vec<&'static str> {
    codes_of(&format!("rules: [{rule}]"))
}

fn codes_of(configuration: &str) -> Vec<&'static str> {
    let rules =
        Rules::parse(configuration).unwrap_or_else(|error| panic!("{configuration}: {error}"));
    let found = rules.findings().iter();
    found.map(|finding| finding.kind.code).collect()
}

/// A rule for pods with this query.
fn with_query(query: &str) -> String {
    format!(
        "{{seriesQuery: 'hits{{namespace!=\"\",pod!=\"\"}}', resources: {{template: '<<.Resource>>'}}, metricsQuery: '{query}'}}"
    )
}

/// A rule of this `seriesQuery`.
fn with_series(series: &str) -> String {
    format!(
        "{{seriesQuery: '{series}', resources: {{template: '<<.Resource>>'}}, metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}}) by (<<.GroupBy>>)'}}"
    )
}

const GOOD: &str = "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)";

#[test]
fn a_good_rule_has_no_findings() {
    assert_eq!(codes(&with_query(GOOD)), [""; 0]);
    for query in [
        "100 * sum by (<<.GroupBy>>) (a{<<.LabelMatchers>>}) / sum by (<<.GroupBy>>) (b{<<.LabelMatchers>>})",
        "<<.Series>>{<<.LabelMatchers>>}",
        "histogram_quantile(0.9, sum by (le, <<.GroupBy>>) (rate(<<.Series>>{<<.LabelMatchers>>}[5m])))",
        "sum by (pod) (x{<<.LabelMatchers>>}) * on (pod) group_left (node) y",
        "max_over_time(avg by (pod) (x{<<range $l, $v := .LabelValuesByName>><<$l>>=\"<<$v>>\",<<end>>})[5m:1m])",
    ] {
        assert_eq!(codes(&with_query(query)), [""; 0], "{query}");
    }
}

#[test]
fn queries_whose_results_belong_to_no_object_or_are_mixed_are_found() {
    for (query, expected) in [
        ("sum(<<.Series>>{<<.LabelMatchers>>})", &["label-lost"][..]),
        (
            "histogram_quantile(0.9, sum by (le) (rate(x{<<.LabelMatchers>>}[2m])))",
            &["label-lost"],
        ),
        ("sum(<<.Series>>) by (<<.GroupBy>>)", &["no-label-matchers"]),
        (
            "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>, route)",
            &["several-results"],
        ),
        (
            "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>, namespace)",
            &[],
        ),
        (
            "sum(rate(<<.Series>>{<<.LabelMatchers>>}[1m])) by (<<.GroupBy>>)",
            &["short-window"],
        ),
        (
            "sum(hits_total{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
            &["counter-without-rate"],
        ),
        (
            "sum(<<.Series>>{<<.LabelMatchers>>} by (<<.GroupBy>>)",
            &["no-promql"],
        ),
        ("<<index .GroupBySlice 3>>", &["query-fails"]),
        ("<<.Serie>>", &["unknown-field"]),
        ("", &["no-query"]),
    ] {
        assert_eq!(codes(&with_query(query)), expected, "{query}");
    }
}

#[test]
fn selectors_that_find_nothing_or_everything_are_found() {
    for (series, expected) in [
        (
            "{namespace!=\"\",__name__!~\"^container_.*\"}",
            &["every-series"][..],
        ),
        ("{__name__=~\".+\"}", &["every-series"]),
        ("{__name__!~\"x\"}", &["series-query", "every-series"]),
        ("{__name__=~\"^http_.*\",pod!=\"\"}", &[]),
        ("sum(x)", &["series-query"]),
        ("x{pod!=\"\"", &["series-query"]),
        ("x{a=\"b\",a=\"c\"}", &["never-matches"]),
        ("x{pod=\"\",pod!=\"\"}", &["never-matches"]),
    ] {
        assert_eq!(codes(&with_series(series)), expected, "{series}");
    }
    let left_out = "{seriesQuery: x_total, name: {matches: '^(.*)_count$'}, resources: {template: '<<.Resource>>'}, metricsQuery: 'rate(<<.Series>>{<<.LabelMatchers>>}[2m])'}";
    assert_eq!(codes(left_out), ["never-matches"]);
    let filtered = left_out.replace(
        "name: {matches: '^(.*)_count$'}",
        "seriesFilters: [{isNot: _total$}]",
    );
    assert_eq!(codes(&filtered), ["never-matches"]);
}

#[test]
fn labels_that_name_nothing_or_something_else_are_found() {
    let with_resources = |series: &str, resources: &str| {
        format!("{{seriesQuery: '{series}', resources: {{{resources}}}, metricsQuery: '{GOOD}'}}")
    };
    for (series, resources, expected) in [
        (
            "x",
            "template: '<<.Resource>>.name'",
            &["label-template"][..],
        ),
        (
            "x",
            "overrides: {p: {resource: pod}}",
            &["no-namespace-label"],
        ),
        ("x", "overrides: {n: {resource: node}}", &[]),
        (
            "x",
            "overrides: {ns: {resource: namespace}, w: {resource: widget}}",
            &["unknown-resource"],
        ),
        (
            "x",
            "overrides: {ns: {resource: namespace}, ing: {group: extensions, resource: ingress}}",
            &["unknown-resource"],
        ),
        (
            "x",
            "overrides: {namespace: {resource: namespace}, pod: {resource: node}}",
            &["wrong-label"],
        ),
        (
            "x{kubernetes_namespace!=\"\",kubernetes_pod_name!=\"\"}",
            "template: '<<.Resource>>'",
            &["wrong-label"],
        ),
        (
            "x{exported_pod!=\"\",pod!=\"\"}",
            "template: '<<.Resource>>'",
            &[],
        ),
        ("x", "", &["no-resources"]),
    ] {
        let rule = with_resources(series, resources);
        assert_eq!(codes(&rule), expected, "{rule}");
    }
}

#[test]
fn rules_for_external_metrics_have_findings_of_their_own() {
    let of = |rule: &str| codes_of(&format!("externalRules: [{rule}]"));
    let good = "{seriesQuery: 'backlog{topic!=\"\"}', resources: {namespaced: false}, metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>})'}";
    assert_eq!(of(good), [""; 0]);
    assert_eq!(
        of(&good.replace("namespaced: false", "")),
        ["no-namespace-label"]
    );
    assert_eq!(
        of(&good.replace("sum(", "sum by (<<.GroupBy>>) (")),
        ["external-group-by"]
    );
    assert_eq!(
        of(&good.replace("{<<.LabelMatchers>>}", "")),
        ["no-label-matchers"]
    );
}

#[test]
fn rules_that_give_one_metric_or_one_value_to_all_are_found() {
    let named = |series: &str, name: &str| {
        format!(
            "{{seriesQuery: '{series}', name: {{as: {name}}}, resources: {{template: '<<.Resource>>'}}, metricsQuery: '{GOOD}'}}"
        )
    };
    let two = |one: &str, other: &str| codes_of(&format!("rules: [{one}, {other}]"));
    assert_eq!(two(&named("a", "load"), &named("b", "load")), ["clash"]);
    assert_eq!(two(&named("a", "load"), &named("b", "work")), [""; 0]);
    assert_eq!(two(&named("load", "$0"), &named("b", "load")), ["clash"]);
    let fixed = with_series("{__name__=~\"^http_.*\"}").replace("<<.Series>>", "http_requests");
    assert_eq!(codes(&fixed), ["fixed-series"]);
    let of_one_name = fixed.replacen('{', "{name: {as: requests}, ", 1);
    assert_eq!(codes(&of_one_name), [""; 0]);
}

#[test]
fn findings_stand_where_their_keys_stand_in_each_shape_of_file() {
    let bad = "- seriesQuery: x\n  resources: {template: '<<.Resource>>'}\n  metricsQuery: sum(x{<<.LabelMatchers>>})\n";
    let indented = |text: &str, by: usize| {
        let lines = text
            .lines()
            .map(|line| format!("{}{line}\n", " ".repeat(by)));
        lines.collect::<String>()
    };
    let configuration = format!("rules:\n{bad}");
    let values = format!("rules:\n  custom:\n{}", indented(bad, 2));
    let map = format!(
        "kind: ConfigMap\ndata:\n  config.yaml: |\n{}",
        indented(&configuration, 4)
    );
    for (text, place) in [(configuration, (4, 17)), (values, (5, 19)), (map, (7, 21))] {
        let file = RuleFile::parse(&text).unwrap().unwrap();
        let [finding] = file.findings() else {
            panic!("{text}: {:?}", file.findings());
        };
        assert_eq!((finding.line, finding.column), place, "{text}");
        assert_eq!(finding.subject, "rules[0].metricsQuery");
    }
}

#[test]
fn a_rule_that_is_refused_hides_no_finding_of_the_others() {
    let text = format!(
        "rules:\n- {{resources: {{template: x}}}}\n- {}\n",
        with_query("sum(x{<<.LabelMatchers>>})")
    );
    let file = RuleFile::parse(&text).unwrap().unwrap();
    assert!(file.is_refused());
    let shown = file
        .findings()
        .iter()
        .map(|finding| (finding.line, finding.kind.code));
    assert_eq!(
        shown.collect::<Vec<_>>(),
        [(2, "refused"), (3, "label-lost")]
    );
}

#[test]
fn each_kind_has_a_code_of_its_own_and_says_what_it_is_about() {
    let mut codes: Vec<_> = KINDS.iter().map(|kind| kind.code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), KINDS.len());
    assert!(KINDS.iter().all(|kind| kind.about.ends_with('.')));
}

#[test]
fn a_value_for_absent_series_of_a_metric_that_is_not_known_without_them_is_found() {
    let rule = |series: &str, absent: &str| {
        with_series(series).replacen('{', &format!("{{valuePolicy: {{absent: {absent}}}, "), 1)
    };
    let one = "hits{namespace!=\"\",pod!=\"\"}";
    let several = "{__name__=~\"^hits_.*\",namespace!=\"\",pod!=\"\"}";
    assert_eq!(codes(&rule(one, "zero")), [""; 0]);
    assert_eq!(codes(&rule(several, "error")), [""; 0]);
    assert_eq!(codes(&rule(several, "zero")), ["absent-needs-series"]);
    assert_eq!(
        codes(&rule(several, "{default: 1}")),
        ["absent-needs-series"]
    );
}

#[test]
fn an_upstream_that_no_rule_names_is_found() {
    let with = |rules: &str| {
        codes_of(&format!(
            "upstreams: [{{name: a, url: 'http://a'}}, {{name: b, url: 'http://b'}}]\n{rules}"
        ))
    };
    let rule = with_query(GOOD);
    let of = |upstream: &str| {
        rule.replace(
            "{seriesQuery",
            &format!("{{upstream: {upstream}, seriesQuery"),
        )
    };
    assert_eq!(with(&format!("rules: [{rule}]")), ["unused-upstream"; 2]);
    assert_eq!(with(&format!("rules: [{}]", of("b"))), ["unused-upstream"]);
    let external = format!("rules: [{}]\nexternalRules: [{}]", of("a"), of("b"));
    assert!(!with(&external).contains(&"unused-upstream"));
    let usage = "cpu: {containerQuery: 'x{<<.LabelMatchers>>}'}, memory: {containerQuery: 'x{<<.LabelMatchers>>}'}";
    let usage = format!(
        "rules: [{}]\nresourceRules: {{upstream: b, {usage}}}",
        of("a")
    );
    assert!(!with(&usage).contains(&"unused-upstream"));
}
