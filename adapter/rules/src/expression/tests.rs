use proptest::prelude::*;

use super::*;

fn may_have(query: &str, label: &str) -> bool {
    let expression = Expression::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    ResultLabels::of(&expression).may_have(label)
}

#[test]
fn results_have_the_labels_that_aggregations_and_operators_leave() {
    for with_pod in [
        "x{pod=\"a\"}",
        "sum by (pod) (rate(x[5m]))",
        "SUM(x) BY (pod, le)",
        "sum without (route) (x)",
        "topk(3, x)",
        "100 * sum by (pod) (a) / sum by (pod) (b)",
        "sum by (pod) (a) / on (pod) group_left (node) b",
        "sum by (node) (a) * on (node) group_right (x) b",
        "histogram_quantile(0.9, sum by (le, pod) (rate(x_bucket[1m])))",
        "label_replace(sum(x), \"pod\", \"$1\", \"\", \"\")",
        "sum(x) or y",
        "max_over_time(sum by (pod) (x)[5m:1m] offset 1m)",
        "clamp_max(x, 5) > bool 3",
        "-x ^ 2",
        "x @ start() offset -5m",
        "a / on (pod) b",
        "absent(x{pod=\"a\"})",
        "count_values(\"pod\", x)",
        "pod:rate:5m",
        "{\"http.requests\", \"k8s.pod\"=\"a\"}",
        "rate(x[5m]) # a comment, with ( in it\n",
        "x{a=~\"b|{c}\", d!~'e', f!=`g`,}",
        "1e-3 * x + 0x1F - .5 * 1_000 + Inf",
        "my_own_function(x)",
        "rate(x[5m * 2])",
        "x offset (5m + 1m)",
    ] {
        assert!(may_have(with_pod, "pod"), "{with_pod}");
    }
    for without_pod in [
        "sum(x)",
        "sum by (namespace) (x)",
        "sum without (pod) (x)",
        "histogram_quantile(0.9, sum by (le) (rate(x[1m])))",
        "a / on (node) b",
        "sum(a) / b",
        "vector(1)",
        "scalar(x)",
        "sum(x) or vector(0)",
        "sum(x) and y",
        "absent(x)",
        "avg(sum by (pod) (x))",
        "1 + 2",
    ] {
        assert!(!may_have(without_pod, "pod"), "{without_pod}");
    }
    assert!(!may_have("histogram_quantile(0.9, x)", "le"));
}

#[test]
fn what_is_no_promql_is_told_with_its_place() {
    let said = |query: &str| Expression::parse(query).unwrap_err().to_string();
    for (query, expected) in [
        (
            "sum(rate(x[5m]) by (pod)",
            "expected an operator, `,` or `)` at character 17, found `by`",
        ),
        (
            "sum(x",
            "expected an operator, `,` or `)` at character 6, found the end",
        ),
        (
            "x{a=\"b}",
            "the string that begins at character 5 doesn't end",
        ),
        ("x{a=b}", "expected a string at character 5, found `b`"),
        (
            "x{a==\"b\"}",
            "expected =, !=, =~ or !~ at character 4, found `==`",
        ),
        ("x[]", "expected a duration at character 3, found `]`"),
        ("x[5m", "expected `]` at character 5, found the end"),
        ("", "expected an expression at character 1, found the end"),
        ("x & y", "there is no `&` in PromQL (character 3)"),
        (
            "x y",
            "expected an operator or the end at character 3, found `y`",
        ),
        (
            "x * ",
            "expected an expression at character 5, found the end",
        ),
    ] {
        assert_eq!(said(query), expected, "{query}");
    }
    assert!(said(&"(".repeat(1000)).starts_with("it nests deeper"));
}

#[test]
fn a_selector_is_a_name_or_matchers_and_nothing_else() {
    let named = Selector::parse("x:y{a!=\"\"}").unwrap();
    assert_eq!(named.series(), Some("x:y"));
    let by_matcher = Selector::parse("{__name__=\"x\",b=\"c\"}").unwrap();
    assert_eq!(by_matcher.series(), Some("x"));
    assert_eq!(
        Selector::parse("{__name__=~\"^x.*\"}").unwrap().series(),
        None
    );
    for text in ["sum(x)", "x[5m]", "{a!=\"\"", "", "x and y"] {
        assert!(Selector::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_takes_long(text in "([a-z_]{1,4}|[(){}\\[\\],:@=~!<>+*/^%\"' -]|by|on|[0-9]{1,3}m?|\\\\|é){0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = ResultLabels::of(&expression).may_have("a");
        }
        let _ = Selector::parse(&text);
    }
}
