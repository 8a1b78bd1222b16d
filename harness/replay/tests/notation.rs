//! Laws and errors of the series notation.
#![expect(
    clippy::unwrap_used,
    reason = "a notation that must be readable fails the test where it isn't"
)]

use proptest::prelude::*;
use setpoint_replay::notation::{
    MAX_SAMPLES, Point, Values, parse_labels, parse_series, parse_values,
};

/// An item, and what it stands for by the naive rule.
fn item() -> impl Strategy<Value = (String, Vec<Point>)> {
    prop_oneof![
        Just(("_".to_owned(), vec![Point::Missing])),
        Just(("stale".to_owned(), vec![Point::Stale])),
        (0usize..9).prop_map(|n| (format!("_x{n}"), vec![Point::Missing; n])),
        (-999i32..999).prop_map(|a| (format!("{a}"), vec![Point::Value(a.into())])),
        (-999i32..999, 0usize..9)
            .prop_map(|(a, n)| (format!("{a}x{n}"), vec![Point::Value(a.into()); n + 1])),
        (-999i32..999, -99i32..99, 0usize..9).prop_map(|(a, b, n)| {
            let points = (0..=n).map(|k| Point::Value(f64::from(a + b * k as i32)));
            (format!("{a}{b:+}x{n}"), points.collect())
        }),
    ]
}

proptest! {
    #[test]
    fn a_notation_stands_for_its_items_one_after_another(items in prop::collection::vec(item(), 0..8)) {
        let text: Vec<&str> = items.iter().map(|(text, _)| text.as_str()).collect();
        let points: Vec<Point> = items.iter().flat_map(|(_, points)| points.clone()).collect();
        prop_assert_eq!(parse_values(&text.join(" ")).unwrap(), points);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in "\\PC{0,40}") {
        let _ = parse_values(&text);
        let _ = parse_series(&text);
    }

    #[test]
    fn any_label_value_survives_being_quoted(value in "[^\u{0}]{1,20}") {
        let quoted = serde_json::Value::from(value.as_str()).to_string();
        let labels = parse_series(&format!("m{{l={quoted}}}")).unwrap();
        prop_assert_eq!(labels.value("l"), value);
    }
}

fn values_error(text: &str) -> String {
    parse_values(text).unwrap_err().to_string()
}

#[test]
fn errors_say_where_and_what_was_expected() {
    let texts = [
        "1 2 three",
        "1+2",
        "1x",
        "1x1.5",
        "1x1e12",
        "1 2,3",
        "1++2x3",
        "{{}}",
        "1e",
        "-",
        "_x",
        "1x999999999999999999999",
        "staleness",
        "5-x3",
        "sinex3",
        "sine(1,2)x3",
        "sine(1,2,0)x3",
        "noise(1,2,3.5)x3",
        "step(1,2,3)",
        "step(1;2)x1",
        "spike(1,2,3)x1e9",
    ];
    let table: Vec<String> = texts
        .iter()
        .map(|text| format!("{text:12} {}", values_error(text)))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn errors_in_series_say_where_and_what_was_expected() {
    let texts = [
        "",
        "{}",
        "1up",
        "up{",
        "up{a}",
        "up{a=b}",
        r#"up{a="b}"#,
        r#"up{a="b" c="d"}"#,
        r#"up{a="b",a="c"}"#,
        r#"up{a!="b"}"#,
        "up x",
        r#"up{a="\q"}"#,
    ];
    let table: Vec<String> = texts
        .iter()
        .map(|text| format!("{text:18} {}", parse_series(text).unwrap_err()))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn numbers_are_promtools() {
    let values = parse_values("1.5 -2e-1 +3 Inf -inf .5 1e3x1 0x3").unwrap();
    let expected = [
        1.5,
        -0.2,
        3.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.5,
        1000.0,
        1000.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ];
    assert_eq!(values, expected.map(Point::Value));
    assert!(matches!(parse_values("NaN").unwrap()[..], [Point::Value(nan)] if nan.is_nan()));
}

#[test]
fn the_longest_series_is_accepted_and_one_more_sample_is_not() {
    assert_eq!(
        parse_values(&format!("1x{}", MAX_SAMPLES - 1))
            .unwrap()
            .len(),
        MAX_SAMPLES
    );
    assert!(parse_values(&format!("1x{MAX_SAMPLES}")).is_err());
    assert!(parse_values(&format!("1x{} 1", MAX_SAMPLES - 1)).is_err());
}

#[test]
fn values_are_written_as_they_were_read_and_what_is_left_of_them_written_out() {
    let values: Values = serde_json::from_str(r#""0+10x2 _ stale""#).unwrap();
    assert_eq!(
        serde_json::to_string(&values).unwrap(),
        r#""0+10x2 _ stale""#
    );
    let left = values.from_step(1);
    assert_eq!(left.to_string(), "10 20 _ stale");
    assert_eq!(left, left.to_string().parse().unwrap());
    assert_eq!(values.from_step(9).points(), []);
    let error = "1 2+3".parse::<Values>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "values `1 2+3`: column 6: expected `x` and how many steps, found the end"
    );
}

#[test]
fn shapes_of_load_stand_for_their_samples() {
    let numbers = |text: &str| -> Vec<String> {
        let points = parse_values(text).unwrap();
        points.iter().map(ToString::to_string).collect()
    };
    let table = [
        ("step(1,5,2)x6", "1 1 5 5 1 1 5"),
        ("spike(1,9,3)x6", "1 1 9 1 1 9 1"),
        ("restart(10,3)x6", "0 10 20 0 10 20 0"),
        ("churn(7,2,3)x6", "7 7 stale _ _ 7 7"),
        ("1 step(2,3,1)x1 _", "1 2 3 _"),
    ];
    for (text, samples) in table {
        assert_eq!(numbers(text).join(" "), samples, "{text}");
    }
    let wave = parse_values("sine(50,20,4)x4").unwrap();
    for (point, value) in wave.iter().zip([50.0, 70.0, 50.0, 30.0, 50.0]) {
        assert!(
            matches!(point, Point::Value(found) if (found - value).abs() < 1e-9),
            "{wave:?}"
        );
    }
}

#[test]
fn noise_is_the_same_for_the_same_seed_and_fills_its_range() {
    let noise = parse_values("noise(10,20,7)x999").unwrap();
    assert_eq!(noise, parse_values("noise(10,20,7)x999").unwrap());
    assert_ne!(noise, parse_values("noise(10,20,8)x999").unwrap());
    let values: Vec<f64> = noise
        .iter()
        .map(|point| match point {
            Point::Value(value) => *value,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(values.iter().all(|value| (10.0..20.0).contains(value)));
    for tenth in 10..20 {
        let tenth = f64::from(tenth);
        let there = values
            .iter()
            .filter(|value| (tenth..tenth + 1.0).contains(*value))
            .count();
        assert!(
            (60..140).contains(&there),
            "{there} of 1000 are from {tenth} on"
        );
    }
}

#[test]
fn names_of_any_letters_are_quoted() {
    let labels = parse_series(r#"{"my.metric", "a/b"="c", pod='d'}"#).unwrap();
    let pairs: Vec<_> = labels.iter().collect();
    assert_eq!(
        pairs,
        [("__name__", "my.metric"), ("a/b", "c"), ("pod", "d")]
    );
    assert_eq!(
        labels.to_string(),
        r#"{__name__="my.metric", "a/b"="c", pod="d"}"#
    );
    assert_eq!(parse_labels("{}").unwrap().to_string(), "{}");
    for wrong in [
        r#"{"a","b"}"#,
        r#"up{"a"}"#,
        r#"{"a" "b"}"#,
        r#"{""}"#,
        r#"{"a"=b}"#,
    ] {
        assert!(parse_series(wrong).is_err(), "{wrong}");
    }
}
