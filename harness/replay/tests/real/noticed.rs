//! Whether the table of queries would notice a wrong function: one whose window begins or ends one sample off, that sees
//! values of another time, or that gives another label. Each function and aggregation needs a query for each of these
//! whose answer changes by it; that the right answer is Prometheus' own is what [`crate::cases`] shows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use promql_parser::parser::{self, Expr, FunctionArgs, MatrixSelector, Offset};
use setpoint_replay::{
    World, api,
    promql::{Settings, Version},
};

use crate::cases::{Part, parts};
use crate::server::Question;

/// What is wrong with a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wrong {
    /// Its window has the sample on its older border, which belongs to the one before.
    OlderBorder,
    /// Its window lacks the sample on its newer border.
    NewerBorder,
    /// It sees the values of fifteen seconds before.
    OtherSamples,
    /// What it gives has a label less.
    LabelLess,
}

const ALL: [Wrong; 4] = [
    Wrong::OlderBorder,
    Wrong::NewerBorder,
    Wrong::OtherSamples,
    Wrong::LabelLess,
];

/// They look at native histograms only, which aren't played.
const WITHOUT_VALUES: [&str; 2] = ["histogram_count", "histogram_sum"];
/// They give no label.
const WITHOUT_LABELS: [&str; 1] = ["vector"];

/// How many queries notice what is wrong with a function.
type Noticed = BTreeMap<(String, Wrong), usize>;

pub(crate) fn each_function_is_told_from_a_wrong_one() {
    let mut noticed = Noticed::new();
    for part in parts() {
        let (queries, world) = world(part);
        for (query, times) in queries {
            count(&world, &query, &times, &mut noticed);
        }
    }
    println!("queries that notice a wrong function:");
    for ((name, wrong), queries) in &noticed {
        println!("  {name:<24} {wrong:<12?} {queries}");
    }
    let kinds: BTreeSet<_> = noticed.keys().map(|(name, _)| name).collect();
    let kinds = kinds.len();
    assert!(kinds > 75, "the table has only {kinds} functions");
    let missing: Vec<_> = noticed
        .iter()
        .filter(|(_, queries)| **queries == 0)
        .map(|((name, wrong), _)| format!("{name} with {wrong:?}"))
        .collect();
    assert!(
        missing.is_empty(),
        "no query of cases.txt notices these:\n{}",
        missing.join("\n")
    );
}

fn count(world: &World, query: &str, times: &[i64], noticed: &mut Noticed) {
    let ask = |query: &str| -> Vec<_> { times.iter().map(|at| ask(world, query, *at)).collect() };
    let right = ask(query);
    if right.iter().all(|right| right.0 != 200) {
        // Refused, as what is experimental.
        return;
    }
    let Ok(expr) = parser::parse(query) else {
        // What the library doesn't take as it is, such as 1_000: no functions.
        return;
    };
    let names = names(&expr).into_iter();
    for name in names.filter(|name| !WITHOUT_VALUES.contains(&name.as_str())) {
        for wrong in ALL {
            if wrong == Wrong::LabelLess && WITHOUT_LABELS.contains(&name.as_str()) {
                continue;
            }
            let Some(changed) = changed(&expr, &name, wrong) else {
                continue;
            };
            let differ = ask(&changed).iter().zip(&right).any(|(answer, right)| {
                // 400 would say that the change itself can't be parsed.
                right.0 == 200 && answer.0 != 400 && answer != right
            });
            *noticed.entry((name.clone(), wrong)).or_default() += usize::from(differ);
        }
    }
}

/// Each query of a part with its times, and its series.
fn world(part: Part) -> (BTreeMap<String, Vec<i64>>, World) {
    let world = part.world();
    let mut queries: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for question in part.questions {
        if let Question::At { query, time } = question {
            queries.entry(query).or_default().push(time);
        }
    }
    (queries, world)
}

fn ask(world: &World, query: &str, time: i64) -> (u16, serde_json::Value) {
    let parameters = [("query", query.to_owned()), ("time", time.to_string())]
        .map(|(name, value)| (name.to_owned(), value));
    let settings = Settings {
        version: Version::new(3, 16),
        ..Settings::default()
    };
    let answer = api::answer(world, &settings, i64::MAX, "/api/v1/query", &parameters);
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    (answer.status, body["data"].clone())
}

/// The name of a function or an aggregation.
fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Call(call) => Some(call.func.name.to_owned()),
        Expr::Aggregate(aggregate) => Some(aggregate.op.to_string()),
        _ => None,
    }
}

pub(crate) fn names(expr: &Expr) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    walk(&mut expr.clone(), &mut |expr| names.extend(name(expr)));
    names
}

/// The query with each function of a name gone wrong, if that can be.
fn changed(expr: &Expr, wanted: &str, wrong: Wrong) -> Option<String> {
    let mut expr = expr.clone();
    let mut any = false;
    walk(&mut expr, &mut |expr| {
        if name(expr).as_deref() == Some(wanted) {
            any |= make_wrong(expr, wrong);
        }
    });
    any.then(|| expr.to_string())
}

/// Whether it could be made wrong.
fn make_wrong(expr: &mut Expr, wrong: Wrong) -> bool {
    if wrong == Wrong::LabelLess {
        return lose_a_label(expr);
    }
    let mut any = false;
    for arg in arguments(expr) {
        match (wrong, arg) {
            (Wrong::OlderBorder, Expr::MatrixSelector(MatrixSelector { range, .. })) => {
                *range += Duration::from_millis(1);
                any = true;
            }
            (Wrong::NewerBorder, Expr::MatrixSelector(MatrixSelector { range, vs })) => {
                *range = range.saturating_sub(Duration::from_millis(1));
                any |= move_back(&mut vs.offset, Duration::from_millis(1));
            }
            (Wrong::OtherSamples, arg) => walk(arg, &mut |expr| {
                let offset = match expr {
                    Expr::VectorSelector(selector) => &mut selector.offset,
                    Expr::MatrixSelector(selector) => &mut selector.vs.offset,
                    _ => return,
                };
                any |= move_back(offset, Duration::from_secs(15));
            }),
            _ => {}
        }
    }
    any
}

fn move_back(offset: &mut Option<Offset>, by: Duration) -> bool {
    let before = match offset {
        None => Duration::ZERO,
        Some(Offset::Pos(before)) => *before,
        Some(Offset::Neg(_)) => return false,
    };
    *offset = Some(Offset::Pos(before + by));
    true
}

/// Wraps it so that the labels of the table's series that tell them apart are gone.
fn lose_a_label(expr: &mut Expr) -> bool {
    if expr.value_type() != parser::value::ValueType::Vector {
        return false;
    }
    let inner = ["pod", "queue", "a", "n", "d", "le", "job"]
        .iter()
        .fold(expr.to_string(), |inner, label| {
            format!("label_replace({inner}, \"{label}\", \"\", \"\", \"\")")
        });
    match parser::parse(&inner) {
        Ok(wrapped) => *expr = wrapped,
        Err(_) => return false,
    }
    true
}

fn arguments(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Call(call) => {
            let FunctionArgs { args } = &mut call.args;
            args.iter_mut().map(AsMut::as_mut).collect()
        }
        Expr::Aggregate(aggregate) => vec![aggregate.expr.as_mut()],
        Expr::Unary(unary) => vec![unary.expr.as_mut()],
        Expr::Binary(binary) => vec![binary.lhs.as_mut(), binary.rhs.as_mut()],
        Expr::Paren(paren) => vec![paren.expr.as_mut()],
        Expr::Subquery(subquery) => vec![subquery.expr.as_mut()],
        _ => Vec::new(),
    }
}

/// Each expression in another, the inner ones first.
fn walk(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    for inner in arguments(expr) {
        walk(inner, visit);
    }
    visit(expr);
}
