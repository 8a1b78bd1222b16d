//! What is said of small files: rules and tests as texts.

use std::path::Path;

use super::{FileReport, LoadError, TestFile, to_junit};

/// A rule of which a test says the `seriesQuery`, more keys, and the `metricsQuery`.
fn rule(series_query: &str, more: &str, metrics_query: &str) -> String {
    format!(
        "- seriesQuery: '{series_query}'\n  resources: {{template: <<.Resource>>}}\n  {more}\n  metricsQuery: '{metrics_query}'\n"
    )
}

/// A file of tests with these rules and this text behind `rule_files`.
fn loaded(rules: &str, tests: &str) -> Result<TestFile, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yaml"), format!("rules:\n{rules}")).unwrap();
    let text = format!("rule_files: [rules.yaml]\n{tests}");
    let path = folder.path().join("test.yaml");
    std::fs::write(&path, text).unwrap();
    TestFile::load(&path)
}

fn ran(rules: &str, tests: &str) -> FileReport {
    loaded(rules, tests).unwrap().run()
}

/// What is wrong with a file, without its path.
fn refused(tests: &str) -> String {
    let rule = rule("m", "", "<<.Series>>");
    let error = loaded(&rule, tests).unwrap_err();
    let said = setpoint_support::error_chain(&error);
    let (_, said) = said.split_once("test.yaml:").unwrap();
    said.to_owned()
}

#[test]
fn a_request_sees_no_sample_that_is_later_than_itself() {
    let mut rules = String::new();
    for (name, query) in [
        ("offset", "<<.Series>> offset -5m"),
        ("at", "<<.Series>> @ 900"),
        ("window", "max_over_time(<<.Series>>[5m] @ 900)"),
        ("longer", "max_over_time(<<.Series>>[10m] @ 900)"),
    ] {
        let query = format!("sum({query}) by (<<.GroupBy>>)");
        rules.push_str(&rule("m", &format!("name: {{as: {name}}}"), &query));
    }
    let mut tests = "tests:\n- input_series: [{series: 'm{namespace=\"a\",pod=\"p\"}', values: 0+10x20}]\n  metric_test:\n".to_owned();
    for (at, metric, expected) in [
        ("15m", "offset", "exp_error: {code: 404}"),
        ("10m", "offset", "exp_error: {code: 404}"),
        ("10m", "at", "exp_error: {code: 404}"),
        ("10m", "window", "exp_error: {code: 404}"),
        ("10m", "longer", "exp_items: [{name: p, value: 100}]"),
        ("12m", "at", "exp_items: [{name: p, value: 120}]"),
        ("15m", "at", "exp_items: [{name: p, value: 150}]"),
        ("20m", "window", "exp_items: [{name: p, value: 150}]"),
    ] {
        tests.push_str(&format!(
            "  - {{eval_time: {at}, metric: {metric}, namespace: a, object: pods/p, {expected}}}\n"
        ));
    }
    let report = ran(&rules, &tests);
    assert_eq!(report.failed(), 0, "{}", report.to_text());
}

#[test]
fn yaml_that_lacks_a_value_or_has_a_key_twice_is_told_in_words_for_its_author() {
    let list = "tests:\n- discovery_test:\n";
    assert_eq!(
        refused(&format!("{list}  - {{eval_time: , exp_resources: []}}\n")),
        "4:15: there is no value here, and a text is needed"
    );
    assert_eq!(
        refused(&format!(
            "{list}  - {{eval_time: 1m, eval_time: 2m, exp_resources: []}}\n"
        )),
        "4:21: the key `eval_time` stands twice in one map"
    );
}

#[test]
fn a_file_that_is_no_text_is_told_with_line_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.yaml");
    std::fs::write(&path, b"rule_files: [rules.yaml]\n# caf\xe9\n").unwrap();
    let error = TestFile::load(&path).unwrap_err();
    let said = setpoint_support::error_chain(&error);
    assert!(
        said.ends_with("at byte 30 (line 2, column 6): save the file as UTF-8"),
        "{said}"
    );
}

#[test]
fn junit_has_no_character_that_xml_cant_have() {
    let tests = "tests:\n- name: \"a\\uFFFEb\\uFFFFc\\0d\\be\"\n  discovery_test: [{eval_time: 1m, exp_resources: []}]\n";
    let mut report = ran(&rule("m", "", "<<.Series>>"), tests);
    report.path = Path::new("a\u{fffe}.yaml").into();
    let junit = to_junit(&[report]).unwrap();
    let is_bad = |c: char| matches!(c, '\0'..='\u{8}' | '\u{fffe}' | '\u{ffff}');
    assert!(!junit.contains(is_bad), "{junit}");
    assert!(
        junit.contains("a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}e"),
        "{junit}"
    );
    assert!(junit.contains("a\u{fffd}.yaml"), "{junit}");
}

/// What is said of a test that has failed.
fn said(rules: &str, tests: &str) -> String {
    let report = ran(rules, tests);
    assert!(report.failed() > 0, "it passes");
    report.tests[0].explanation.join("\n")
}

/// A test of one series `requests_total` of pod web-1 in namespace shop, 20 minutes long.
fn asked(at: &str, metric: &str, more: &str) -> String {
    format!(
        "tests:\n- input_series: [{{series: 'requests_total{{namespace=\"shop\",pod=\"web-1\"}}', values: _x5 0+60x15}}]\n  \
           objects: [{{pods: [web-1], namespace: shop, labels: {{app: web}}}}]\n  \
           metric_test: [{{eval_time: {at}, metric: {metric}, {more}, exp_items: [{{name: web-1, value: 1}}]}}]\n"
    )
}

#[test]
fn each_cause_of_a_metric_that_isnt_there_is_told_as_itself() {
    let pods = "namespace: shop, object: pods/*";
    let query = "sum(rate(<<.Series>>[2m])) by (<<.GroupBy>>)";
    for (series_query, more, at, expected) in [
        (
            "reqests_total{pod!=\"\"}",
            "",
            "10m",
            "rules[0]: seriesQuery `reqests_total{pod!=\"\"}` selects no series: none has the name `reqests_total`; there is `requests_total`",
        ),
        (
            "queue_length",
            "",
            "10m",
            "rules[0]: seriesQuery `queue_length` selects no series: none has the name `queue_length`",
        ),
        (
            "requests_total{job=~\"a.*\"}",
            "",
            "10m",
            "rules[0]: seriesQuery `requests_total{job=~\"a.*\"}` selects no series: `job=~\"a.*\"` doesn't match `requests_total{namespace=\"shop\",pod=\"web-1\"}`",
        ),
        (
            "{job=\"a\"}",
            "",
            "10m",
            "rules[0]: seriesQuery `{job=\"a\"}` selects no series of `input_series`",
        ),
        (
            "requests_total",
            "seriesFilters: [{isNot: _total$}]",
            "10m",
            "rules[0]: seriesFilters `_total$` leaves out `requests_total`",
        ),
        (
            "requests_total",
            r"name: {matches: ^http_\w+$}",
            "10m",
            r"rules[0]: name.matches `^http_\w+$` leaves out `requests_total`",
        ),
        (
            "requests_total",
            "",
            "40m",
            "rules[0]: seriesQuery selects `requests_total{namespace=\"shop\",pod=\"web-1\"}`, which isn't listed: its last sample is of 20m, 20m before the request, and metrics_max_age is 10m",
        ),
        (
            "requests_total",
            "",
            "2m",
            "rules[0]: seriesQuery selects `requests_total{namespace=\"shop\",pod=\"web-1\"}`, which isn't listed: its first sample is of 5m, after the request",
        ),
    ] {
        let rule = rule(series_query, more, query);
        let said = said(&rule, &asked(at, "requests_total", pods));
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some("the adapter lists no metric"), "{said}");
        assert_eq!(lines.next(), Some(expected), "{said}");
    }
    let no_label = "- {seriesQuery: requests_total, resources: {overrides: {node: {resource: node}}}, metricsQuery: x}\n";
    assert_eq!(
        said(no_label, &asked("10m", "requests_total", pods)),
        "the adapter lists no metric\nrules[0]: resources: no label of `requests_total{namespace=\"shop\",pod=\"web-1\"}` names objects"
    );
    // No series is needed to know that one.
    let empty = rule(
        "requests_total",
        "name: {matches: ^(.*)_total$, as: $1_per_second}",
        query,
    );
    let refused = loaded(&empty, &asked("10m", "requests_per_second", pods)).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("rules[0].name.as") && refused.contains("write `${1}_per_second`"),
        "{refused}"
    );
}

#[test]
fn a_rule_that_another_one_stands_in_for_is_no_cause() {
    let query = "sum(rate(<<.Series>>[2m])) by (<<.GroupBy>>)";
    let rules = rule("requests_total", "", query)
        + &rule("requests_total", "seriesFilters: [{isNot: _total$}]", query)
        + &rule("request_total", "", query)
        + &rule("queue", "", query);
    let said = said(
        &rules,
        &asked("10m", "other", "namespace: shop, object: pods/*"),
    );
    assert_eq!(
        said,
        "the adapter lists namespaces/requests_total, pods/requests_total"
    );
}

#[test]
fn a_request_for_all_objects_of_which_there_is_none_is_told_what_there_is() {
    let rule = rule("requests_total", "", "sum(<<.Series>>) by (<<.GroupBy>>)");
    for (more, expected) in [
        (
            "namespace: shop, object: pods/*, label_selector: app=api",
            "`objects` has none of pods in namespace shop with the labels app=api, and a request for all (`*`) is about these; there are web-1 (with app=web)",
        ),
        (
            "namespace: other, object: pods/*",
            "`objects` has none of pods in namespace other, and a request for all (`*`) is about these; there are some in namespace shop",
        ),
    ] {
        assert_eq!(said(&rule, &asked("10m", "requests_total", more)), expected);
    }
    let tests = asked("10m", "requests_total", "namespace: shop, object: pods/*");
    let nodes = tests.replace("pods: [web-1], namespace: shop", "nodes: [web-1]");
    let said_of_nodes = said(&rule, &nodes);
    assert!(
        said_of_nodes.ends_with("; there are only nodes"),
        "{said_of_nodes}"
    );
    let none = tests.replace("{pods: [web-1], namespace: shop, labels: {app: web}}", "");
    let said_of_none = said(&rule, &none);
    assert!(
        said_of_none.ends_with("; the group has no `objects`"),
        "{said_of_none}"
    );
}

#[test]
fn a_request_without_the_namespace_of_its_objects_is_told_that_it_is_missing() {
    let rule = rule("requests_total", "", "sum(<<.Series>>) by (<<.GroupBy>>)");
    let listed = "the adapter lists namespaces/requests_total, pods/requests_total";
    for object in ["pods/*", "pods/web-1"] {
        let tests = asked("10m", "requests_total", &format!("object: {object}"));
        assert_eq!(
            said(&rule, &tests),
            format!(
                "`namespace` is missing: pods are in namespaces (a `path` has namespaces/NAME before pods)\n{listed}"
            )
        );
    }
    // Namespaces themselves are in none.
    let tests = asked("10m", "other", "object: namespaces/shop");
    assert_eq!(said(&rule, &tests), listed);
}

#[test]
fn a_query_that_answers_nothing_is_told_what_its_series_lack() {
    let pod = "namespace: shop, object: pods/web-1";
    let plain = rule(
        "requests_total",
        "",
        "sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)",
    );
    let said_of_old = said(&plain, &asked("26m", "requests_total", pod));
    assert!(
        said_of_old.contains("\n  the last sample of `requests_total{namespace=\"shop\",pod=\"web-1\"}` is of 20m, 6m before the request\n"),
        "{said_of_old}"
    );
    let other = "namespace: shop, object: pods/web-2";
    let said_of_other = said(&plain, &asked("10m", "requests_total", other));
    assert!(
        said_of_other.ends_with("\n  no series is one of `requests_total{namespace=\"shop\",pod=\"web-2\"}`: `pod=\"web-2\"` doesn't match `requests_total{namespace=\"shop\",pod=\"web-1\"}`"),
        "{said_of_other}"
    );
    let limit = rule(
        "requests_total",
        "",
        "sum(<<.Series>> / requests_limit) by (<<.GroupBy>>)",
    );
    let said_of_limit = said(&limit, &asked("10m", "requests_total", pod));
    assert!(
        said_of_limit.ends_with("\n  no series is one of `requests_limit`: none has the name"),
        "{said_of_limit}"
    );
}
