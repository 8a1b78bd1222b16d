mod times;

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
            "x{a=~\"b\\.1\"}",
            "`\\.` is no escape of PromQL (character 6); write `\\\\.` for that of a regular expression, or the string between backquotes",
        ),
        (
            "x{a=~'\\d+'}",
            "`\\d` is no escape of PromQL (character 6); write `\\\\d` for that of a regular expression, or the string between backquotes",
        ),
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
fn what_goes_beyond_what_is_read_here_is_told_apart_from_what_is_no_promql() {
    let deep = format!("{}x{}", "(".repeat(61), ")".repeat(61));
    let long = format!("x{}", " + x".repeat(1001));
    for beyond in [deep, long] {
        assert!(Expression::parse(&beyond).unwrap_err().is_limit());
    }
    assert!(!Expression::parse("sum(x").unwrap_err().is_limit());
}

#[test]
fn strings_stand_for_what_they_stand_for_in_prometheus() {
    for (text, value) in [
        (r#""a\"b""#, "a\"b"),
        (r"'a\'b'", "a'b"),
        (r#""\\d\n\t""#, "\\d\n\t"),
        (r#""\x41\u00e9\U0001F600\101""#, "Aé😀A"),
        (r"`\d\`", "\\d\\"),
    ] {
        assert_eq!(
            Expression::parse(text),
            Ok(Expression::Text(value.to_owned())),
            "{text}"
        );
    }
    for text in [
        r#""\x4""#,
        r#""\u12G4""#,
        r#""\UFFFFFFFF""#,
        r#""\9""#,
        r#""\'""#,
        r#""\"#,
    ] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
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

fn checked(query: &str) -> Result<Option<Type>, String> {
    let expression = Expression::parse(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    expression.check().map_err(|invalid| invalid.to_string())
}

#[test]
fn what_a_query_gives_is_known_but_for_functions_that_are_not() {
    for (query, gives) in [
        ("x", Type::Vector),
        ("{\"http.requests\", \"k8s.pod\"=~\"a\"}", Type::Vector),
        ("a:b:c{x_1=~\"a|b\"}", Type::Vector),
        ("x[5m]", Type::Matrix),
        ("rate(x[5m])[1h:]", Type::Matrix),
        ("max_over_time(sum(x)[5m:1m])", Type::Vector),
        ("time() - 5", Type::Scalar),
        ("-scalar(x) * 2", Type::Scalar),
        ("x * time() or vector(0)", Type::Vector),
        ("\"a\"", Type::Text),
        ("topk(3, x)", Type::Vector),
        ("count_values(\"a\", x)", Type::Vector),
        ("round(x)", Type::Vector),
        ("round(x, 0.5)", Type::Vector),
        ("hour()", Type::Vector),
        ("label_join(x, \"a\", \",\")", Type::Vector),
        (
            "label_join(x, \"a\", \",\", \"b\", \"c\", \"d\")",
            Type::Vector,
        ),
        ("sort_by_label(x, \"a\", \"b\")", Type::Vector),
        ("quantile_over_time(0.9, x[5m])", Type::Vector),
        ("my_own_function(x) + y", Type::Vector),
    ] {
        assert_eq!(checked(query), Ok(Some(gives)), "{query}");
    }
    for query in ["my_own_function(x[5m])", "mine(x) * 2", "-mine(x)"] {
        assert_eq!(checked(query), Ok(None), "{query}");
    }
    assert_eq!(checked("rate(mine(x))"), Ok(Some(Type::Vector)));
}

#[test]
fn what_prometheus_refuses_though_it_can_be_read_is_told() {
    for (query, said) in [
        (
            "http.requests",
            "`http.requests` can't be the name of a metric without quotes",
        ),
        (
            "a{b.c=\"d\"}",
            "`b.c` can't be the name of a label without quotes",
        ),
        ("a{1pod!=\"\"}", "`1pod` can't be the name of a label"),
        ("a{é=\"\"}", "`é` can't be the name of a label"),
        ("a{__name__=\"b\"}", "stands in it twice, as `a`"),
        (
            "sum(a{pod=~\"(\"})",
            "of label `pod` is no regular expression of Go: unclosed group",
        ),
        (
            "a{pod=~\"a++\"}",
            "invalid nested repetition operator: `++`",
        ),
        ("a{code!~\"5(?!03)\"}", "unsupported Perl syntax: `(?!`"),
        (
            "sum(rate(x))",
            "`rate` takes a range such as `x[5m]` and has a value of each series",
        ),
        (
            "sum(x[1m])",
            "`sum` takes a value of each series and has a range",
        ),
        (
            "rate(sum(x)[1m])",
            "a range such as `[5m]` stands behind a selector alone",
        ),
        ("rate(x[1m], 5)", "`rate` takes 1 argument, and has 2"),
        ("sum(a, b)", "`sum` takes 1 argument, and has 2"),
        ("round()", "`round` takes 1 to 2 arguments, and has 0"),
        (
            "label_join(x)",
            "`label_join` takes 3 arguments or more, and has 1",
        ),
        ("time(x)", "`time` takes 0 arguments, and has 1"),
        ("x or 5", "`or` takes values of series on both sides"),
        (
            "x[5m] * 2",
            "`*` takes numbers and values of series, not a range",
        ),
        (
            "-\"a\"",
            "`-` takes numbers and values of series, not a string",
        ),
        (
            "max_over_time(5[5m:])",
            "a subquery such as `[5m:]` stands behind what gives a value of each series, not a number",
        ),
        (
            "histogram_quantile(x, 0.9)",
            "`histogram_quantile` takes a number and has a value of each series",
        ),
        (
            "topk(x, 3)",
            "`topk` takes a number and has a value of each series",
        ),
        (
            "vector(x)",
            "`vector` takes a number and has a value of each series",
        ),
        ("mine(rate(x))", "`rate` takes a range"),
        (
            "clamp_max(x, y)",
            "`clamp_max` takes a number and has a value of each series",
        ),
    ] {
        let refused = checked(query).unwrap_err();
        assert!(refused.contains(said), "{query}: {refused}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_takes_long(text in "([a-z_]{1,4}|[(){}\\[\\],:@=~!<>+*/^%\"' -]|by|on| offset |[0-9]{1,3}m?|\\\\|é){0,60}") {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = ResultLabels::of(&expression).may_have("a");
            let _ = expression.check();
        }
        let _ = Selector::parse(&text);
    }
}
