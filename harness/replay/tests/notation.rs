//! Laws and errors of the series notation.
#![expect(
    clippy::unwrap_used,
    reason = "a notation that must be readable fails the test where it isn't"
)]

use proptest::prelude::*;
use setpoint_replay::notation::{MAX_SAMPLES, Point, Values, parse_series, parse_values};

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
