//! Whether a case has the answer that its file expects.

use std::collections::BTreeMap;

use promql_parser::parser::Expr;
use promql_parser::util::{ExprVisitor, walk_expr};
use setpoint_replay::labels::Labels;
use setpoint_replay::notation::Point;
use setpoint_replay::promql::{
    Answer, Samples, Selector, Settings, Value, Version, instant, parse_selector, range,
};
use setpoint_replay::{Script, ScriptedSeries, World};

use crate::file::{Case, Text, series};

/// Functions and aggregations that need a feature flag.
const EXPERIMENTAL: [&str; 19] = [
    "double_exponential_smoothing",
    "histogram_quantiles",
    "info(",
    "integral(",
    "limit_ratio",
    "limitk",
    "mad_over_time",
    "max_of(",
    "min_of(",
    "sort_by_label",
    "ts_of_",
    "start()",
    "end()",
    "step()",
    "range()",
    "start_timestamp",
    "smoothed",
    "anchored",
    "fill",
];

pub(crate) fn is_not_run(native: &[Labels], case: &Case) -> Option<&'static str> {
    let query = &case.query;
    let without_at = query.replace("@ start()", "").replace("@ end()", "");
    if EXPERIMENTAL.iter().any(|name| without_at.contains(name)) {
        return Some("experimental");
    }
    if case.lines.iter().any(|line| line.contains("{{")) {
        return Some("native histograms");
    }
    if let Ok(parsed) = promql_parser::parser::parse(query) {
        let mut selectors = Selectors(Vec::new());
        let _ = walk_expr(&mut selectors, &parsed);
        let selected =
            |labels: &Labels| selectors.0.iter().any(|selector| selector.matches(labels));
        if native.iter().any(selected) {
            return Some("native histograms, or start times");
        }
    }
    if query.contains(r"\xff") || query.contains(r"\xc5") {
        return Some("a text that isn't UTF-8");
    }
    None
}

/// All selectors in a query.
struct Selectors(Vec<Selector>);

impl ExprVisitor for Selectors {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(selector) => &selector.vs,
            _ => return Ok(true),
        };
        let mut plain = selector.clone();
        (plain.offset, plain.at) = (None, None);
        self.0.extend(parse_selector(&plain.to_string()));
        Ok(true)
    }
}

pub(crate) fn judge(
    loaded: &[ScriptedSeries],
    case: &Case,
    version: Version,
) -> Result<(), String> {
    let script = Script {
        series: loaded.to_vec(),
        ..Script::default()
    };
    let world = World::new(&script, 0).map_err(|error| format!("{error:?}"))?;
    let settings = Settings {
        version,
        ..Settings::default()
    };
    if let Some((_, text)) = case.expectations.iter().find(|(kind, _)| kind == "string") {
        let Some(Text::Is(quoted)) = text else {
            return Err("the expected text is missing".to_owned());
        };
        let expected = promql_parser::util::unquote_string(quoted)?;
        let answer = instant(&world, &settings, &case.query, case.start);
        let answer = answer.map_err(|error| error.to_string())?;
        let same = answer.value == Value::String(expected);
        return if same {
            Ok(())
        } else {
            Err(format!("it gives {:?}", answer.value))
        };
    }
    let expects = |kind: &str| {
        case.expectations
            .iter()
            .find(|(expected, _)| expected == kind)
    };
    let answer = match case.step {
        Some(step) => range(&world, &settings, &case.query, (case.start, case.end), step),
        None => instant(&world, &settings, &case.query, case.start),
    };
    let answer = match (answer, expects("fail")) {
        (Ok(answer), None) => answer,
        (Ok(answer), Some(_)) => return Err(format!("it must fail, but gives {:?}", answer.value)),
        (Err(error), None) => return Err(error.to_string()),
        (Err(error), Some((_, text))) => return told(&[error.to_string()], text.as_ref()),
    };
    for (kind, notes) in [("warn", &answer.warnings), ("info", &answer.infos)] {
        if let Some((_, text)) = expects(kind) {
            told(notes, text.as_ref())?;
        }
        if expects(&format!("no_{kind}")).is_some() && !notes.is_empty() {
            return Err(format!("it must have no {kind}, but has {notes:?}"));
        }
    }
    let ordered = expects("ordered").is_some();
    compare(case, &answer, ordered)?;
    if case.step.is_some() || ordered || matches!(answer.value, Value::String(_) | Value::Matrix(_))
    {
        return Ok(());
    }
    let around = (case.start - 60_000, case.start + 60_000);
    let over = range(&world, &settings, &case.query, around, 60_000);
    let over = over.map_err(|error| format!("as range query: {error}"))?;
    let middle = at(&over.value, case.start, &answer.value);
    let middle = Answer {
        value: middle,
        ..over
    };
    compare(case, &middle, false).map_err(|why| format!("as range query: {why}"))
}

/// What a range query gave at one time, as the instant query's type.
fn at(value: &Value, time: i64, like: &Value) -> Value {
    let Value::Matrix(rows) = value else {
        return value.clone();
    };
    let value = |samples: &Samples| {
        samples
            .iter()
            .find(|(at, _)| *at == time)
            .map(|(_, value)| *value)
    };
    let elements = rows.iter().filter_map(|(labels, samples)| {
        let labels = labels.clone();
        Some(setpoint_replay::promql::Element {
            labels,
            value: value(samples)?,
        })
    });
    match like {
        Value::Scalar(_) => Value::Scalar(elements.map(|element| element.value).next().unwrap()),
        _ => Value::Vector(elements.collect()),
    }
}

/// Whether one of the notes is the expected one. Places in the query aren't known to us, and metrics are named after
/// v3.5 only where the removal of names is delayed.
fn told(said: &[String], text: Option<&Text>) -> Result<(), String> {
    let place = regex::Regex::new(
        r#"( for metric name "[^"]*")?( (\(\d+:\d+\)|\\\(\[0-9\]\+:\[0-9\]\+\\\)))?$"#,
    )
    .unwrap();
    let named = regex::Regex::new(r#" for metric name "[^"]*"$"#).unwrap();
    let found = said.iter().any(|said| match text {
        None => true,
        Some(Text::Is(text)) => named.replace(said, "") == place.replace(text, ""),
        Some(Text::Like(pattern)) => {
            let pattern = place.replace(pattern, "");
            regex::Regex::new(&pattern).unwrap().is_match(said)
        }
    });
    if found {
        Ok(())
    } else {
        Err(format!("it says {said:?} instead of {text:?}"))
    }
}

fn same(a: f64, b: f64) -> bool {
    if a.is_nan() || b.is_nan() || a == b {
        return a.is_nan() && b.is_nan() || a == b;
    }
    let size = (a.abs() + b.abs()).min(f64::MAX);
    (a - b).abs() / size < 1e-6 || (a - b).abs() < 1e-6 * f64::MIN_POSITIVE
}

fn compare(case: &Case, answer: &Answer, ordered: bool) -> Result<(), String> {
    let mut expected: Vec<(Labels, Vec<Point>)> = Vec::new();
    for line in &case.lines {
        if let (Ok(number), Value::Scalar(value)) = (line.parse::<f64>(), &answer.value) {
            return if same(number, *value) {
                Ok(())
            } else {
                Err(format!("it gives {value}"))
            };
        }
        expected.push(series(line));
    }
    let got: Vec<(Labels, Samples)> = match &answer.value {
        Value::Vector(elements) => elements
            .iter()
            .map(|element| (element.labels.clone(), vec![(case.start, element.value)]))
            .collect(),
        Value::Matrix(rows) => rows.clone(),
        other => return Err(format!("it gives {other:?}")),
    };
    let (start, step) = case.range.unwrap_or((case.start, case.step.unwrap_or(1)));
    let wanted: Vec<(Labels, Samples)> = expected
        .into_iter()
        .map(|(labels, points)| {
            let points = points
                .into_iter()
                .enumerate()
                .filter_map(|(index, point)| match point {
                    Point::Value(value) => Some((start + index as i64 * step, value)),
                    _ => None,
                });
            (labels, points.collect())
        })
        .collect();
    if ordered {
        let labels =
            |rows: &[(Labels, Samples)]| rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>();
        if labels(&wanted) != labels(&got) {
            return Err(format!("the order is {got:?}"));
        }
    }
    let wanted: BTreeMap<Labels, Samples> = wanted.into_iter().collect();
    let found: BTreeMap<Labels, Samples> = got.into_iter().collect();
    let equal = wanted.len() == found.len()
        && wanted.iter().zip(&found).all(|(a, b)| {
            a.0 == b.0
                && a.1.len() == b.1.len()
                && a.1
                    .iter()
                    .zip(b.1)
                    .all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        });
    if equal {
        Ok(())
    } else {
        Err(format!("it gives {found:?}\n    instead of {wanted:?}"))
    }
}
