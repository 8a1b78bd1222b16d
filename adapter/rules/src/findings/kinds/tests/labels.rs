//! Labels of results, and labels that name objects.

use super::*;

const Q: &str = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)";

#[test]
fn labels_that_are_the_requests_or_have_one_value_make_no_further_results() {
    for (query, expected) in [
        (format!("{Q} or clamp_max(absent(<<.Series>>{{<<.LabelMatchers>>}}), 0)"), &[][..]),
        (format!("{Q} or absent_over_time(<<.Series>>{{<<.LabelMatchers>>}}[5m]) * 0"), &[]),
        (format!("{Q} or absent(<<.Series>>{{job=\"web\",<<.LabelMatchers>>}}) * 0"), &[]),
        (
            "sum by (<<range $l, $v := .LabelValuesByName>><<$l>>,<<end>>) (<<.Series>>{<<.LabelMatchers>>})".to_owned(),
            &[],
        ),
        (
            "sum by (<<.GroupBy>>, job) (<<.Series>>{job=\"web\",<<.LabelMatchers>>})".to_owned(),
            &[],
        ),
        (
            "sum by (<<.GroupBy>>, job) (<<.Series>>{job=\"a\",<<.LabelMatchers>>} or <<.Series>>{job=\"b\",<<.LabelMatchers>>})".to_owned(),
            &["several-results"],
        ),
        (
            "sum by (<<.GroupBy>>, job) (<<.Series>>{job=~\"a|b\",<<.LabelMatchers>>})".to_owned(),
            &["several-results"],
        ),
        (
            "sum by (<<.GroupBy>>, job) (label_replace(<<.Series>>{job=\"a\",<<.LabelMatchers>>}, \"job\", \"$1\", \"route\", \"(.*)\"))".to_owned(),
            &["several-results"],
        ),
        (
            "count_values by (<<.GroupBy>>) (\"job\", <<.Series>>{job=\"a\",<<.LabelMatchers>>})".to_owned(),
            &["several-results"],
        ),
        (format!("{Q} or absent(x{{<<.LabelMatchers>>}}) or sum by (<<.GroupBy>>, route) (y{{<<.LabelMatchers>>}})"), &["several-results"]),
    ] {
        let query = query.replace('\'', "''");
        assert_eq!(codes(&with_query(&query)), expected, "{query}");
    }
}

#[test]
fn no_finding_names_a_label_that_the_rule_doesnt_have() {
    let without_namespaces = format!(
        "{{seriesQuery: x, resources: {{overrides: {{p: {{resource: pod}}}}}}, metricsQuery: '{Q} or absent(<<.Series>>{{<<.LabelMatchers>>}})'}}"
    );
    assert_eq!(codes(&without_namespaces), ["no-namespace-label"]);
    let of_several = with_series("{__name__=~\"^http_.*\"}").replace(">>{", ">>_total{");
    let rules = Rules::parse(&format!("rules: [{of_several}]")).unwrap();
    let [finding] = rules.findings() else {
        panic!("{:?}", rules.findings());
    };
    assert!(
        finding.sentence.contains("`<<.Series>>_total`"),
        "{finding}"
    );
}

#[test]
fn two_labels_of_one_resource_are_found_where_series_have_both() {
    let rule = |series: &str, resources: &str| {
        format!("{{seriesQuery: '{series}', resources: {{{resources}}}, metricsQuery: '{Q}'}}")
    };
    let services = "overrides: {namespace: {resource: namespace}, service: {resource: service}, kubernetes_name: {resource: service}}";
    let both = "a{namespace!=\"\",service!=\"\",kubernetes_name!=\"\"}";
    let rules = Rules::parse(&format!("rules: [{}]", rule(both, services))).unwrap();
    let [finding] = rules.findings() else {
        panic!("{:?}", rules.findings());
    };
    assert_eq!(finding.kind.code, "two-labels");
    assert_eq!(finding.subject, "rules[0].resources.overrides");
    assert!(
        finding.sentence.contains("asked for by `kubernetes_name`"),
        "{finding}"
    );
    for (series, resources, expected) in [
        ("a{namespace!=\"\",service!=\"\"}", services, &[][..]),
        ("a", services, &[]),
        ("a{service=~\".+\",kubernetes_name=~\".*\"}", services, &[]),
        (
            "a{namespace!=\"\",exported_namespace!=\"\",pod!=\"\"}",
            "template: '<<.Resource>>', overrides: {namespace: {resource: namespace}, exported_namespace: {resource: namespaces}}",
            &["two-labels"],
        ),
        (
            "a{pod!=\"\",pod_name!=\"\"}",
            "template: '<<.Resource>>', overrides: {pod_name: {resource: pod}}",
            &[],
        ),
    ] {
        assert_eq!(
            codes(&rule(series, resources)),
            expected,
            "{series} {resources}"
        );
    }
}

#[test]
fn two_labels_of_namespaces_are_found_where_external_metrics_are_asked_by_one() {
    let of = |resources: &str| {
        codes_of(&format!(
            "externalRules: [{{seriesQuery: a, resources: {{{resources}}}, metricsQuery: 'sum(<<.Series>>{{<<.LabelMatchers>>}})'}}]"
        ))
    };
    let two = "overrides: {a: {resource: namespace}, b: {resource: namespace}}";
    assert_eq!(of(two), ["two-labels"]);
    assert_eq!(of(&format!("namespaced: false, {two}")), [""; 0]);
    assert_eq!(
        of("overrides: {n: {resource: namespace}, a: {resource: service}, b: {resource: service}}"),
        [""; 0]
    );
}

#[test]
fn no_rule_clashes_with_itself() {
    for resources in [
        "overrides: {n: {resource: namespace}, a: {resource: service}, b: {resource: service}}",
        "template: '<<.Resource>>', overrides: {pod_name: {resource: pod}}",
        "template: '<<.Resource>>', overrides: {ns: {resource: namespace}}",
    ] {
        let rule = format!("{{seriesQuery: a, resources: {{{resources}}}, metricsQuery: '{Q}'}}");
        assert_eq!(codes(&rule), [""; 0], "{rule}");
        let two = codes_of(&format!("rules: [{rule}, {rule}]"));
        assert_eq!(two, ["clash"], "{rule}");
    }
}
