//! What is played when.
#![expect(clippy::unwrap_used, reason = "a test that can't start fails")]

use std::time::Duration;

use proptest::prelude::*;
use setpoint_replay::{
    Clock, ClockMap, Script, ScriptedSeries, World,
    promql::{QueryError, Settings, Value, Version, evaluate, instant, range},
};

fn series(values: &str, from: f64, hold: bool) -> ScriptedSeries {
    ScriptedSeries {
        series: r#"m{pod="a"}"#.to_owned(),
        values: values.parse().unwrap(),
        interval: 1.0,
        from,
        hold,
    }
}

fn world(series: Vec<ScriptedSeries>) -> World {
    World::new(
        &Script {
            series,
            ..Script::default()
        },
        0,
    )
    .unwrap()
}

fn value(world: &World, query: &str, seconds: i64) -> Option<f64> {
    match evaluate(world, query, seconds * 1000).unwrap() {
        Value::Vector(elements) => elements.first().map(|element| element.value),
        other => panic!("not a vector: {other:?}"),
    }
}

#[test]
fn a_held_value_lasts_for_ever_and_another_ends_with_the_lookback() {
    let held = world(vec![series("1 7", 0.0, true)]);
    assert_eq!(value(&held, "m", 1_000_000), Some(7.0));
    let ended = world(vec![series("1 7", 0.0, false)]);
    assert_eq!(value(&ended, "m", 300), Some(7.0));
    assert_eq!(value(&ended, "m", 301), None);
}

#[test]
fn what_is_held_after_a_stale_marker_or_a_gap_is_nothing() {
    assert_eq!(
        value(&world(vec![series("1 stale", 0.0, true)]), "m", 2),
        None
    );
    let gap = world(vec![series("1 _", 0.0, true)]);
    assert_eq!(value(&gap, "m", 299), Some(1.0));
    assert_eq!(value(&gap, "m", 300), None);
    assert_eq!(value(&gap, "m", 900_000_000), None);
}

#[test]
fn a_series_told_again_goes_on_with_the_new_values() {
    let first = world(vec![series("1x100", 0.0, true)]);
    let second = first.with(&[series("5", 10.0, true)]).unwrap();
    assert_eq!(value(&second, "m", 9), Some(1.0));
    assert_eq!(value(&second, "m", 10), Some(5.0));
    assert_eq!(
        value(&first, "m", 10),
        Some(1.0),
        "a snapshot never changes"
    );
    let ended = second.with(&[series("stale", 20.0, false)]).unwrap();
    assert_eq!(value(&ended, "m", 19), Some(5.0));
    assert_eq!(value(&ended, "m", 20), None);
}

#[test]
fn what_is_experimental_is_refused_by_name() {
    let world = world(vec![series("1", 0.0, true)]);
    let queries = [
        "limitk(1, m)",
        "limit_ratio(0.5, m)",
        "mad_over_time(m[1m])",
        "info(m)",
        "first_over_time(m[1m])",
        "sort_by_label(m, \"a\")",
        "double_exponential_smoothing(m[1m], 0.5, 0.5)",
        "m + fill (0) m",
        "m{a=\"b\" or c=\"d\"}",
    ];
    let table: Vec<String> = queries
        .iter()
        .map(|query| format!("{query:18} {}", evaluate(&world, query, 0).unwrap_err()))
        .collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let script = Script {
            clock: Clock { speed, start: None },
            ..Script::default()
        };
        assert!(
            World::new(&script, 0)
                .unwrap_err()
                .to_string()
                .contains("clock.speed")
        );
    }
    let mut never = series("1", 0.0, false);
    never.interval = 0.0;
    let error = World::new(
        &Script {
            series: vec![never],
            ..Script::default()
        },
        0,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "interval of series 0 is 0: expected seconds, at least 0.001"
    );
}

proptest! {
    #[test]
    fn the_rate_of_a_line_is_its_slope(slope in 1u32..1000, at in 130i64..290, window in 10u32..120) {
        let world = world(vec![series(&format!("1000000+{slope}x300"), 0.0, false)]);
        let rate = value(&world, &format!("rate(m[{window}s])"), at).unwrap();
        prop_assert!((rate - f64::from(slope)).abs() < 1e-9 * f64::from(slope));
        let increase = value(&world, &format!("increase(m[{window}s])"), at).unwrap();
        prop_assert!((increase - rate * f64::from(window)).abs() < 1e-6);
    }

    #[test]
    fn the_clock_leads_back_to_the_same_wall_time(started in 0i64..4_000_000_000_000, after in 0i64..1_000_000_000, speed in 1u32..1000) {
        let clock = ClockMap::new(started, f64::from(speed));
        prop_assert_eq!(clock.to_wall(clock.to_scenario(started + after)), started + after);
    }

    #[test]
    fn asking_twice_gives_the_same_answer(at in 0i64..400_000, window in 1u32..400) {
        let world = world(vec![series("0+1x50 _x3 0+2x50 stale 4", 3.5, true)]);
        let query = format!("sum(rate(m[{window}s])) by (pod)");
        prop_assert_eq!(evaluate(&world, &query, at), evaluate(&world, &query, at));
    }
}

#[test]
fn a_query_too_large_or_nested_too_deep_is_an_error() {
    let world = world(vec![series("1", 0.0, true)]);
    let deep =
        |open: &str, close: &str| format!("{}m{}", open.repeat(10_000), close.repeat(10_000));
    let queries = [
        "m or ".repeat(200_000) + "m",
        "m*".repeat(10_000) + "m",
        "m{a=\"b\"} or ".repeat(10_000) + "m",
        "-".repeat(10_000) + "m",
        deep("(", ")"),
        deep("abs(", ")"),
        deep("sum_over_time((", ")[1m:])"),
        "\"".to_owned() + &"a".repeat(1_000_000),
        "m[1e99]".to_owned(),
        "m offset 1e99".to_owned(),
        "m[9999999999y]".to_owned(),
        "m[100y:1ms]".to_owned(),
    ];
    for query in queries {
        let start: String = query.chars().take(20).collect();
        assert!(evaluate(&world, &query, 0).is_err(), "{start}…");
    }
}

#[test]
fn a_query_may_be_nested_as_deep_as_operators_are_allowed() {
    let world = world(vec![series("1", 0.0, true)]);
    assert_eq!(value(&world, &("m+".repeat(400) + "m"), 0), Some(401.0));
    let nested = "abs(".repeat(400) + "m" + &")".repeat(400);
    assert_eq!(value(&world, &nested, 0), Some(1.0));
    let nested = "max_over_time((".repeat(80) + "m" + &")[1m:])".repeat(80);
    assert_eq!(value(&world, &nested, 3600), Some(1.0));
}

#[test]
fn limits_end_an_evaluation() {
    let world = world(vec![series("0+1x1000", 0.0, false)]);
    let ask = |settings: Settings| instant(&world, &settings, "sum_over_time(m[10m])", 900_000);
    assert!(ask(Settings::default()).is_ok());
    let few = Settings {
        max_samples: 500,
        ..Settings::default()
    };
    assert_eq!(ask(few), Err(QueryError::TooManySamples));
    let timeout = Duration::ZERO;
    let short = Settings {
        timeout,
        ..Settings::default()
    };
    assert_eq!(ask(short), Err(QueryError::TimedOut(timeout)));
}

#[test]
fn windows_are_closed_before_v3() {
    let world = world(vec![series("1x100", 0.0, false)]);
    let count = |version: &str, query: &str| {
        let version = version.parse().unwrap();
        let settings = Settings {
            version,
            ..Settings::default()
        };
        match instant(&world, &settings, query, 60_000).unwrap().value {
            Value::Vector(elements) => elements.first().map(|element| element.value),
            other => panic!("not a vector: {other:?}"),
        }
    };
    for (version, samples) in [
        ("2.42", 11.0),
        ("v2.55.1", 11.0),
        ("3.0", 10.0),
        ("3.16.0", 10.0),
    ] {
        assert_eq!(
            count(version, "count_over_time(m[10s])"),
            Some(samples),
            "{version}"
        );
        assert_eq!(
            count(version, "count_over_time(m[10s:1s])"),
            Some(samples),
            "{version}"
        );
    }
    assert_eq!(count("2.42", "m offset -340s"), Some(1.0));
    assert_eq!(count("3.5", "m offset -340s"), None);
    for wrong in ["", "3", "1.8", "3.x", "3.5.0.1", "latest"] {
        assert!(wrong.parse::<Version>().is_err(), "{wrong}");
    }
}

#[test]
fn no_time_that_a_query_names_shows_a_sample_that_is_played_after_now() {
    let world = world(vec![ScriptedSeries {
        interval: 60.0,
        ..series("0+10x20", 0.0, false)
    }]);
    let now = Some(600_000);
    let settings = Settings {
        now,
        ..Settings::default()
    };
    let asked = |query: &str| match instant(&world, &settings, query, 600_000).unwrap().value {
        Value::Vector(elements) => elements.first().map(|element| element.value),
        other => panic!("not a vector: {other:?}"),
    };
    for (query, expected) in [
        ("m", Some(100.0)),
        ("m offset -5m", None),
        ("m offset -4m", Some(100.0)),
        ("m @ 900", None),
        ("m @ 660", Some(100.0)),
        ("max_over_time(m[5m] @ 900)", None),
        ("max_over_time(m[6m] @ 900)", Some(100.0)),
        ("max_over_time(m[20m:1m] @ 900)", Some(100.0)),
        ("count_over_time(m[20m:1m] @ 900)", Some(15.0)),
        ("timestamp(m @ 660)", Some(600.0)),
    ] {
        assert_eq!(asked(query), expected, "{query}");
    }
    let times = (540_000, 1_200_000);
    let over = range(&world, &settings, "m", times, 60_000).unwrap().value;
    let Value::Matrix(rows) = over else {
        panic!("no matrix")
    };
    let last = rows
        .first()
        .and_then(|(_, samples)| samples.last().copied());
    assert_eq!(last, Some((840_000, 100.0)), "the lookback after the last");
}
