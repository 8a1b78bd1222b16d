//! What `setpoint-rules` says of the labels of results, compared with results.

use proptest::prelude::*;
use setpoint_replay::labels::METRIC_NAME;
use setpoint_replay::promql::{Value, evaluate};
use setpoint_replay::{Script, ScriptedSeries, World};
use setpoint_rules::ResultLabels;

/// Series that have some labels in common.
fn world() -> World {
    let series = [
        r#"x{ns="a",pod="p",node="m"}"#,
        r#"x{ns="a",pod="q",node="n"}"#,
        r#"x{ns="b",pod="p",node="n"}"#,
        r#"y{ns="a",pod="p"}"#,
        r#"y{ns="b",pod="p",le="1"}"#,
        r#"z{node="m",zone="u"}"#,
        r#"z{node="n",zone="v"}"#,
    ];
    let series = series.into_iter().map(|series| ScriptedSeries {
        series: series.to_owned(),
        values: "1+1x60".parse().unwrap(),
        interval: 15.0,
        from: 0.0,
        hold: false,
    });
    let script = Script {
        series: series.collect(),
        ..Script::default()
    };
    World::new(&script, 0).unwrap()
}

fn labels() -> impl Strategy<Value = String> {
    let label = prop::sample::select(vec!["ns", "pod", "node", "le", "zone", "none"]);
    prop::collection::vec(label, 0..3).prop_map(|labels| labels.join(","))
}

/// Vectors of any make.
fn vectors() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "x",
        "y",
        "z",
        "x{pod=\"p\"}",
        "rate(x[1m])",
        "max_over_time(y[1m:15s])",
        "{__name__=~\"x|y\"}",
        "x offset 15s",
        "vector(1)",
        "absent(x{pod=\"none\"})",
        "z @ 30",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 2, |inner| {
            let pair = || (inner.clone(), inner.clone(), labels());
            prop_oneof![
                (inner.clone(), labels()).prop_map(|(of, by)| format!("sum by ({by}) ({of})")),
                (inner.clone(), labels()).prop_map(|(of, by)| format!("avg({of}) without ({by})")),
                inner.clone().prop_map(|of| format!("max({of})")),
                inner.clone().prop_map(|of| format!("topk(2, {of})")),
                inner
                    .clone()
                    .prop_map(|of| format!("count_values(\"pod\", {of})")),
                inner
                    .clone()
                    .prop_map(|of| format!("-clamp_max({of}, 5) ^ 2")),
                inner.clone().prop_map(|of| format!("2 * {of} > bool 3")),
                inner
                    .clone()
                    .prop_map(|of| format!("({of}) * scalar(x) + time()")),
                inner
                    .clone()
                    .prop_map(|of| format!("label_replace({of}, \"zone\", \"w\", \"\", \"\")")),
                inner
                    .clone()
                    .prop_map(|of| format!("histogram_quantile(0.5, {of})")),
                inner.clone().prop_map(|of| format!("sort_desc({of})")),
                pair().prop_map(|(a, b, on)| format!("({a}) / on ({on}) ({b})")),
                pair().prop_map(|(a, b, on)| format!("({a}) - ignoring ({on}) ({b})")),
                pair().prop_map(|(a, b, on)| format!("({a}) * on ({on}) group_left (zone) ({b})")),
                pair().prop_map(|(a, b, on)| format!("({a}) + on ({on}) group_right () ({b})")),
                pair().prop_map(|(a, b, _)| format!("({a}) or ({b})")),
                pair().prop_map(|(a, b, on)| format!("({a}) and on ({on}) ({b})")),
                pair().prop_map(|(a, b, _)| format!("({a}) unless ({b})")),
                pair().prop_map(|(a, b, _)| format!("({a}) == ({b})")),
            ]
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_result_has_a_label_that_it_was_said_not_to_have(query in vectors()) {
        // Many may match many, which is an error.
        if let Ok(Value::Vector(elements)) = evaluate(&world(), &query, 120_000) {
            let read = ResultLabels::of_query(&query);
            let read = read.unwrap_or_else(|error| panic!("{query}: {error}"));
            for element in elements {
                for (label, _) in element.labels.iter() {
                    let is_said = label == METRIC_NAME || read.may_have(label);
                    prop_assert!(is_said, "{query} gives {label}, and {read:?} was said");
                }
            }
        }
    }
}
