//! What the adapter or Prometheus refuses.

use super::*;

#[test]
fn selectors_and_queries_that_prometheus_refuses_are_found() {
    for series in [
        "a{pod=~\"(\"}",
        "a{pod=~\"a++\"}",
        "{__name__=~\"^http_(?!internal).*$\",pod!=\"\"}",
        "a{1pod!=\"\"}",
        "a{__name__=\"a\",pod!=\"\"}",
    ] {
        assert_eq!(codes(&with_series(series)), ["series-query"], "{series}");
    }
    // `<<.Series>>` puts the name before braces, where it can't stand however `seriesQuery` writes it.
    let dotted = codes(&with_series("http.requests{pod!=\"\"}"));
    assert_eq!(dotted, ["series-query", "no-promql"]);
    let quoted = codes(&with_series("{\"http.requests\",pod!=\"\"}"));
    assert_eq!(quoted, ["no-promql"]);
    for query in [
        "sum(rate(<<.Series>>{<<.LabelMatchers>>})) by (<<.GroupBy>>)",
        "sum(<<.Series>>{<<.LabelMatchers>>}[1m]) by (<<.GroupBy>>)",
        "sum(<<.Series>>{<<.LabelMatchers>>,code=~\"5(?!03)\"}) by (<<.GroupBy>>)",
        "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>) or 5",
        "sum(rate(<<.Series>>{<<.LabelMatchers>>}[5m5m])) by (<<.GroupBy>>)",
        "sum(rate(<<.Series>>{<<.LabelMatchers>>}[0s])) by (<<.GroupBy>>)",
        "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>) offset 5m",
        "<<.Series>>{<<.LabelMatchers>>} @ foo",
        "1e999 * <<.Series>>{<<.LabelMatchers>>}",
    ] {
        assert_eq!(codes(&with_query(query)), ["no-promql"], "{query}");
    }
}

#[test]
fn a_query_that_is_not_judged_is_a_note_and_nothing_else() {
    let sum = "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)";
    let deep = format!("{}{sum}{}", "(".repeat(70), ")".repeat(70));
    let long = format!("{sum}{}", " + 0".repeat(1001));
    for query in [deep, long] {
        assert_eq!(codes(&with_query(&query)), ["not-judged"]);
    }
    let kind = KINDS.iter().find(|kind| kind.code == "not-judged");
    assert_eq!(kind.unwrap().severity, Severity::Note);
}

#[test]
fn a_query_that_gives_no_value_of_series_is_found() {
    let range = with_query("<<.Series>>{<<.LabelMatchers>>}[5m]");
    assert_eq!(codes(&range), ["no-vector"]);
    let number = with_query("scalar(<<.Series>>{<<.LabelMatchers>>})");
    assert!(codes(&number).contains(&"no-vector"));
    // The value of an external metric belongs to no object.
    let external = "externalRules: [{seriesQuery: 'x{a!=\"\"}', metricsQuery: 'scalar(sum(<<.Series>>{<<.LabelMatchers>>}))', resources: {namespaced: false}}]";
    assert_eq!(codes_of(external), [""; 0]);
}

#[test]
fn findings_stand_in_the_order_of_the_configuration_whatever_their_kinds() {
    let rules = Rules::parse(&format!(
        "externalRules: [{{seriesQuery: 'x{{1a=\"\"}}', metricsQuery: 'sum(x{{<<.LabelMatchers>>}})', resources: {{namespaced: false}}}}]\nrules: [{}]",
        with_query("sum(x{<<.LabelMatchers>>})")
    ));
    let rules = rules.unwrap();
    let found = rules.findings().iter().map(|finding| finding.kind.code);
    assert_eq!(found.collect::<Vec<_>>(), ["label-lost", "series-query"]);
}

#[test]
fn a_rule_that_is_refused_is_told_where_the_key_stands() {
    let rule = |key: &str| format!("rules:\n- {key}\n  metricsQuery: '{GOOD}'\n");
    for (key, line) in [
        (
            "seriesQuery: x\n  seriesFilters: [{is: '('}]\n  resources: {template: '<<.Resource>>'}",
            3,
        ),
        (
            "seriesQuery: x\n  seriesFilters: [{}]\n  resources: {template: '<<.Resource>>'}",
            3,
        ),
        (
            "seriesQuery: x\n  seriesFilters: [{is: a, isNot: b}]\n  resources: {template: '<<.Resource>>'}",
            3,
        ),
        (
            "seriesQuery: x\n  name: {matches: '(a'}\n  resources: {template: '<<.Resource>>'}",
            3,
        ),
        (
            "seriesQuery: x\n  name: {matches: '(a)(b)'}\n  resources: {template: '<<.Resource>>'}",
            3,
        ),
        (
            "seriesQuery: x\n  name: {}\n  resources: {template: '(<<.Resource>>'}",
            4,
        ),
    ] {
        let file = RuleFile::parse(&rule(key)).unwrap().unwrap();
        let shown = file
            .findings()
            .iter()
            .map(|finding| (finding.kind.code, finding.line));
        assert_eq!(shown.collect::<Vec<_>>(), [("refused", line)], "{key}");
    }
}

#[test]
fn a_selector_whose_matchers_fit_series_without_the_label_is_found() {
    for series in [
        "{a=\"\"}",
        "{a!=\"b\"}",
        "{a!=\"b|\"}",
        "{a=~\"b|\"}",
        "{a!~\"b\"}",
    ] {
        assert!(
            codes(&with_series(series)).contains(&"series-query"),
            "{series}"
        );
    }
    for series in [
        "{a=\"b\"}",
        "{a!=\"\"}",
        "{a=~\"b\"}",
        "{a!~\"b|\"}",
        "{a=\"\",b=\"c\"}",
    ] {
        assert!(
            !codes(&with_series(series)).contains(&"series-query"),
            "{series}"
        );
    }
}
