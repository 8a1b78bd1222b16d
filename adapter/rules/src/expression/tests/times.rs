//! Numbers, durations, and modifiers of the time that is asked about. All are judged as promtool 3.16 judges them.

use super::*;

#[test]
fn numbers_durations_and_modifiers_are_taken_as_prometheus_takes_them() {
    for query in [
        "rate(x[300])",
        "rate(x[ 5m ])",
        "rate(x[+5m])",
        "rate(x[--5m])",
        "rate(x[1d2h3m4s5ms])",
        "rate(x[(0s)])",
        "rate(x[5m - 5m])",
        "rate(x[step()])",
        "rate(x[max_of(5m, -(1m))])",
        "rate(x[0x12])",
        "5m * x",
        "0xFF * x + 0x_1F * x",
        "1_000.5 * x",
        ".5 * x + 1. * x",
        "1E+5 * x + 1e-999 * x",
        "99999999999999999999 * x + 09 * x",
        "x OFFSET 5m",
        "x offset 1.5",
        "x offset -(5m)",
        "x offset --5m",
        "x offset 0s offset 5m",
        "x offset 5m + y",
        "-x offset 5m",
        "x @ 5m",
        "x @ +5 offset 5m",
        "x @ START()",
        "rate(x[5m] @ 5 offset -5m)",
        "rate(x[5m]offset 5m)",
        "rate(x anchored [5m])",
        "rate(x[5m] anchored)",
        "x anchored anchored",
        "max_over_time((x)[5m:])",
        "max_over_time((sum(x))[5m:1m] offset 5m @ 5)",
        "max_over_time(x offset 5m [5m:])",
        "max_over_time(rate(x[5m] offset 5m)[5m:] offset 5m)",
        "infinity * x",
    ] {
        assert!(checked(query).is_ok(), "{query}: {:?}", checked(query));
    }
}

#[test]
fn numbers_and_durations_that_prometheus_refuses_are_told() {
    let order = "is neither a number nor a duration, whose units stand in the order y, w, d, h, m, s, ms, each once";
    for (query, said) in [
        ("rate(x[5m5m])", format!("`5m5m` {order}")),
        ("rate(x[30m1h])", format!("`30m1h` {order}")),
        ("rate(x[1.5h])", format!("`1.5h` {order}")),
        ("rate(x[5M])", format!("`5M` {order}")),
        ("rate(x[foo])", format!("`foo` {order}")),
        ("x offset foo", format!("`foo` {order}")),
        ("rate(x[foo(5m)])", format!("`foo` {order}")),
        ("5m5m * x", format!("`5m5m` {order}")),
        ("1e * x", format!("`1e` {order}")),
        ("1__000 * x", format!("`1__000` {order}")),
        ("1..5 * x", format!("`1..5` {order}")),
        ("0b11 * x", format!("`0b11` {order}")),
    ] {
        let refused = checked(query).unwrap_err();
        assert!(refused.starts_with(&said), "{query}: {refused}");
    }
    for (query, said) in [
        ("1e999 * x", "the number `1e999` is out of range"),
        ("rate(x[300y])", "the duration `300y` is out of range"),
        ("300y * x", "the duration `300y` is out of range"),
        ("rate(x[1e10])", "the duration `1e10` is out of range"),
        ("rate(x[inf])", "the duration `inf` is out of range"),
        ("x offset -1e300", "the duration `1e300` is out of range"),
        ("rate(x[0s])", "has to be longer than zero"),
        ("rate(x[0])", "has to be longer than zero"),
        ("rate(x[-5m])", "has to be longer than zero"),
        ("max_over_time(x[0s:5s])", "has to be longer than zero"),
        ("max_over_time(x[5m:-5s])", "has to be longer than zero"),
    ] {
        let refused = checked(query).unwrap_err();
        assert!(refused.contains(said), "{query}: {refused}");
    }
    assert!(checked("0xFFFFFFFFFFFFFFFFFFFF * x").is_err());
    assert!(Expression::parse("max_over_time(x[:5m])").is_err());
    assert!(Expression::parse("rate(x[5 m])").is_err());
}

#[test]
fn modifiers_stand_once_and_right_behind_what_they_move() {
    let alone = |modifier: &str| {
        format!("`{modifier}` stands right behind a selector, its range or a subquery")
    };
    let twice = |modifier: &str| format!("`{modifier}` stands behind one selector twice");
    let before = |modifier: &str| format!("`{modifier}` stands before the range");
    let time = |found: &str| {
        format!("`@` takes the seconds of a time, `start()` or `end()`, not `{found}`")
    };
    for (query, said) in [
        ("sum(rate(x[2m])) by (pod) offset 5m", alone("offset")),
        ("rate(x[5m]) offset 5m", alone("offset")),
        ("(x) offset 5m", alone("offset")),
        ("x ^ 2 offset 5m", alone("offset")),
        ("\"a\" offset 5m", alone("offset")),
        ("rate(x[5m]) @ 5", alone("@")),
        ("(x) @ 5", alone("@")),
        ("sum(x) anchored", alone("anchored")),
        ("max_over_time(x[5m:] smoothed)", alone("smoothed")),
        ("x offset 5m offset 5m", twice("offset")),
        ("rate(x[5m] offset 5m offset 5m)", twice("offset")),
        ("x offset 5m @ 5 offset 5m", twice("offset")),
        ("x @ 5 @ end()", twice("@")),
        ("rate(x offset 5m [5m])", before("offset")),
        ("rate(x @ 5 [5m])", before("@")),
        ("x @ foo", time("foo")),
        ("x @ start", time("start")),
        ("x @ -start()", time("start")),
        ("x @ step()", time("step")),
        ("x @ (5)", time("(")),
        ("x @ inf", time("inf")),
        ("x @ nan", time("nan")),
        ("x @ -1e300", time("1e300")),
        (
            "rate((x)[5m])",
            "a range such as `[5m]` stands behind a selector alone".to_owned(),
        ),
        (
            "x anchored smoothed",
            "`anchored` and `smoothed` can't stand behind one selector".to_owned(),
        ),
    ] {
        let refused = checked(query).unwrap_err();
        assert!(refused.starts_with(&said), "{query}: {refused}");
    }
}

#[test]
fn what_is_refused_is_read_all_the_same() {
    assert!(!may_have("sum(rate(x[5m5m]))", "pod"));
    assert!(may_have("sum(x) by (pod) offset 5m", "pod"));
}
