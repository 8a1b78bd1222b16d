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
