//! Generated series and queries; what differs is shrunk.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use setpoint_replay::{ScriptedSeries, promql::Version};

use crate::compare::{Same, compare};
use crate::seen::{Seen, traits};
use crate::server::{Question, Server};

/// How many sets of series there are, and how many queries of each.
const SETS: u32 = 200;
const QUERIES: usize = 100;

pub(crate) fn are_equal(program: &Path) {
    let server = Server::start(program);
    let seed = std::env::var("SETPOINT_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: SETS,
        failure_persistence: None,
        max_shrink_iters: 150,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let is_3 = server.settings.version >= Version::new(3, 0);
    let (asked, with_values) = (Cell::new(0), Cell::new(0));
    let counts = RefCell::new(BTreeMap::<Same, usize>::new());
    let seen = RefCell::new(Seen::default());
    let input = (series(is_3), prop::collection::vec(question(), QUERIES))
        .prop_map(|(series, questions)| Input(series, questions));
    let outcome = runner.run(&input, |Input(series, questions)| {
        let traits = traits(&series);
        let set = server.load(series);
        for question in questions
            .iter()
            .filter(|question| !server.moves_fixed_windows() || !moves(question.query()))
            .filter(|question| !amplifies_rounding(question.query()))
            .filter(|question| !server.notes_single_samples() || !rises(question.query()))
        {
            let (theirs, ours) = server.both(&set, question);
            // A release's own fault, which isn't played.
            let told = theirs["error"].as_str();
            if told.is_some_and(|told| told.contains("runtime error")) {
                continue;
            }
            asked.set(asked.get() + 1);
            let same = compare(question.query(), &theirs, &ours);
            let same = same.map_err(|text| TestCaseError::fail(format!("{question:?}\n{text}")))?;
            if same == Same::Values {
                with_values.set(with_values.get() + 1);
                seen.borrow_mut().add(question.query(), &traits);
            }
            *counts.borrow_mut().entry(same).or_default() += 1;
        }
        Ok(())
    });
    let version = server.settings.version;
    println!(
        "Prometheus {version}, seed {seed}: {} questions: {:?}",
        asked.get(),
        counts.borrow()
    );
    println!("{}", seen.borrow());
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let missing = seen.borrow().missing().join(", ");
    assert!(
        missing.is_empty(),
        "no answer of these holds values over series of each kind: {missing}"
    );
    assert!(
        with_values.get() * 10 >= asked.get() * 7,
        "only {} of {} answers hold values",
        with_values.get(),
        asked.get()
    );
}

/// Whether the window of a fixed time stands beside another argument.
fn moves(query: &str) -> bool {
    let two_arguments = ["quantile_over_time", "predict_linear"];
    query.contains('@') && two_arguments.iter().any(|name| query.contains(name))
}

fn rises(query: &str) -> bool {
    query.contains("rate(") || query.contains("increase(")
}

/// Whether a slope or a remainder is asked of values that Go and Rust round differently in their last digit: it is a
/// difference of large numbers, so that of the rounding may be all that is left. The same holds for angles that are powers or
/// multiples of π, for dates that are a second off, and for what is left of times when their mean is taken off.
fn amplifies_rounding(query: &str) -> bool {
    const DIFFERENCES: [&str; 3] = ["deriv", "predict_linear", " % "];
    const ROUNDED: [&str; 11] = [
        "exp(", "ln(", "log2(", "log10(", "sin(", "cos(", "tan(", "asinh(", "atan", "^", "std",
    ];
    const DATES: [&str; 3] = ["hour(", "day_of_week(", "year("];
    const ANGLES: [&str; 3] = ["sin(", "cos(", "tan("];
    const POWERS: [&str; 3] = ["exp(", "^", "pi()"];
    let has = |names: &[&str]| names.iter().any(|name| query.contains(name));
    has(&DIFFERENCES) && has(&ROUNDED)
        || has(&ANGLES) && has(&POWERS)
        || has(&DATES) && has(&ROUNDED)
        || query.contains("std") && query.contains("time()")
}

struct Input(Vec<ScriptedSeries>, Vec<Question>);

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for series in &self.0 {
            let ScriptedSeries {
                series,
                values,
                interval,
                from,
                ..
            } = series;
            writeln!(f, "{series} {values} each {interval} from {from}")?;
        }
        self.1
            .iter()
            .try_for_each(|question| writeln!(f, "{question:?}"))
    }
}

/// The series that the queries name, with values of all kinds: resets, gaps, staleness, NaN and extremes. Before v3 the
/// compensated sum of infinite values was NaN, which isn't played.
fn series(extremes: bool) -> impl Strategy<Value = Vec<ScriptedSeries>> {
    let mut special = vec!["NaN", "1e-300", "0.1x5", "1e9"];
    if extremes {
        special.extend(["Inf", "-Inf", "1e300"]);
    }
    let item = prop_oneof![
        6 => (0i32..50, 0i32..20, 1usize..12).prop_map(|(a, b, n)| format!("{a}+{b}x{n}")),
        3 => (-50i32..50, -9i32..9, 1usize..9).prop_map(|(a, b, n)| format!("{a}{b:+}x{n}")),
        1 => (1usize..6).prop_map(|n| format!("_x{n}")),
        1 => Just("stale".to_owned()),
        1 => select(special).prop_map(str::to_owned),
    ];
    let values = prop::collection::vec(item, 5..12).prop_map(|items| items.join(" "));
    let names: Vec<String> = ["requests_total", "depth"]
        .iter()
        .flat_map(|name| {
            ["a", "b", "c"].iter().flat_map(move |pod| {
                ["x", "y"].map(|zone| format!("{name}{{pod={pod:?},zone={zone:?}}}"))
            })
        })
        .chain(["a", "b", "c"].map(|pod| format!("limit{{pod={pod:?}}}")))
        .chain(["0.1", "1", "10", "+Inf"].map(|le| format!("size_bucket{{pod=\"a\",le={le:?}}}")))
        .collect();
    let one = |name: String| {
        (
            values.clone(),
            select(vec![10.0, 15.0, 30.0]),
            select(vec![0.0, 3.0, 40.0]),
        )
            .prop_map(move |(values, interval, from)| ScriptedSeries {
                series: name.clone(),
                values: values.parse().unwrap(),
                interval,
                from,
                hold: false,
            })
    };
    names.into_iter().map(one).collect::<Vec<_>>()
}

fn question() -> impl Strategy<Value = Question> {
    prop_oneof![
        (vector(), 30i64..300).prop_map(|(query, time)| Question::At { query, time }),
        (vector(), 30i64..200, 0i64..200, select(vec![7i64, 15, 60])).prop_map(
            |(query, start, long, step)| Question::Over {
                query,
                start,
                end: start + long,
                step
            }
        ),
    ]
}

fn selector() -> impl Strategy<Value = String> {
    let name = select(vec![
        "requests_total",
        "depth",
        "limit",
        "requests_total",
        "depth",
    ]);
    let matchers = select(vec![
        "",
        "",
        "",
        "{pod=\"a\"}",
        "{pod!=\"a\"}",
        "{pod=~\"a|b\"}",
        "{pod!~\"c\",zone=\"x\"}",
        "{zone!=\"\"}",
    ]);
    (name, matchers).prop_map(|(name, matchers)| format!("{name}{matchers}"))
}

fn shift() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => Just(String::new()),
        1 => (-40i32..90).prop_map(|seconds| format!(" offset {seconds}s")),
        1 => select(vec![" @ start()", " @ end()", " @ end() offset 30s"]).prop_map(str::to_owned),
    ]
}

fn range(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let length = select(vec!["20s", "45s", "1m", "2m", "5m"]);
    let step = select(vec!["10s", "15s", "25s", ""]);
    let plain = (selector(), length.clone(), shift())
        .prop_map(|(s, length, shift)| format!("{s}[{length}]{shift}"));
    let sub = (inner, length, step, shift())
        .prop_map(|(v, length, step, shift)| format!("({v})[{length}:{step}]{shift}"));
    prop_oneof![3 => plain, 1 => sub]
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        (-20i32..40).prop_map(|n| format!("({n})")),
        select(vec![
            "0.5",
            "2",
            "1",
            "time()",
            "pi()",
            "scalar(limit{pod=\"a\"})",
            "Inf",
            "1e3"
        ])
        .prop_map(str::to_owned),
    ]
}

fn vector() -> impl Strategy<Value = String> {
    let leaf = (selector(), shift()).prop_map(|(selector, shift)| format!("{selector}{shift}"));
    leaf.prop_recursive(3, 12, 2, |inner| {
        let each = select(vec![
            "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sgn", "round", "sort", "sort_desc", "timestamp",
            "sin", "cos", "tan", "asinh", "atan", "deg", "rad", "hour", "day_of_week", "year", "-", "+",
        ]);
        let windows = select(vec![
            "rate", "increase", "irate", "delta", "idelta", "deriv", "resets", "changes", "avg_over_time", "sum_over_time",
            "min_over_time", "max_over_time", "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
            "stdvar_over_time",
        ]);
        let group = select(vec!["", " by (pod)", " by (zone)", " without (zone)", " by (pod, zone)", " without ()"]);
        let aggregation = select(vec![
            "sum", "avg", "min", "max", "count", "group", "stddev", "stdvar", "topk(99,", "bottomk(99,", "quantile(0.7,",
        ]);
        let operator = select(vec!["+", "-", "*", "/", "%", "^", "atan2", ">", "<", "==", "!=", ">=", "<= bool", "> bool"]);
        let matching = select(vec!["", "", "", " ignoring (zone)", " on (pod, zone)"]);
        let set = select(vec!["and", "or", "unless", "and on (pod)", "or on (pod)", "unless on (pod)", "and ignoring (zone)"]);
        prop_oneof![
            3 => (each, inner.clone()).prop_map(|(f, v)| format!("{f}({v})")),
            5 => (windows, range(inner.clone())).prop_map(|(f, r)| format!("{f}({r})")),
            1 => (range(inner.clone()), number()).prop_map(|(r, n)| format!("quantile_over_time({n} / 30, {r})")),
            1 => (range(inner.clone()), number()).prop_map(|(r, n)| format!("predict_linear({r}, {n})")),
            4 => (aggregation, group, inner.clone()).prop_map(|(f, by, v)| match f.strip_suffix(',') {
                Some(f) => format!("{f}, {v}){by}"),
                None => format!("{f}{by} ({v})"),
            }),
            3 => (inner.clone(), operator.clone(), number()).prop_map(|(v, o, n)| format!("({v}) {o} {n}")),
            2 => (inner.clone(), operator.clone(), number()).prop_map(|(v, o, n)| format!("{n} {o} ({v})")),
            3 => (inner.clone(), operator, matching, inner.clone()).prop_map(|(a, o, m, b)| format!("({a}) {o}{m} ({b})")),
            1 => (inner.clone(), select(vec!["", "(zone)"])).prop_map(|(v, l)| format!("({v}) * on (pod) group_left {l} limit")),
            2 => (inner.clone(), set, inner.clone()).prop_map(|(a, o, b)| format!("({a}) {o} ({b})")),
            1 => (inner.clone(), number(), number()).prop_map(|(v, a, b)| format!("clamp({v}, {a}, {b})")),
            1 => inner.clone().prop_map(|v| format!("label_replace({v}, \"to\", \"$1-$1\", \"pod\", \"(a|b)\")")),
            1 => inner.clone().prop_map(|v| format!("label_join({v}, \"to\", \"/\", \"zone\", \"pod\")")),
            // What is written into a label isn't equal but for rounding.
            1 => range(inner.clone()).prop_map(|r| format!("count_values(\"v\", changes({r}))")),
            1 => inner.clone().prop_map(|v| format!("vector(scalar({v}))")),
            1 => selector().prop_map(|v| format!("absent({v}) or absent(nothing{{a=\"b\"}})")),
            1 => range(inner).prop_map(|r| format!("absent_over_time({r})")),
            1 => select(vec!["size_bucket", "rate(size_bucket[1m])", "sum by (le) (size_bucket)"])
                .prop_map(|v| format!("histogram_quantile(0.8, {v})")),
        ]
    })
}
