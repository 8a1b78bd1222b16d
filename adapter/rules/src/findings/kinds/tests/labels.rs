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
}
