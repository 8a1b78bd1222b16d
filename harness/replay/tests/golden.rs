//! The evaluator answers as the engine of the real Prometheus does: `fixtures/golden/promql.json`, written by
//! `ci/golden/promql`.

use std::collections::BTreeMap;

use serde::Deserialize;
use setpoint_replay::{Script, ScriptedSeries, World, api, promql::Settings};

#[derive(Deserialize)]
struct Golden {
    series: Vec<Series>,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Series {
    series: String,
    values: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    query: String,
    at: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    result: Vec<Labelled>,
    #[serde(default)]
    error_type: String,
    #[serde(default)]
    error: String,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Labelled {
    metric: BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

fn golden() -> Golden {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/golden/promql.json"
    );
    let text = std::fs::read_to_string(path).expect("the golden answers");
    serde_json::from_str(&text).expect("valid golden answers")
}

fn world(golden: &Golden) -> World {
    let series = golden.series.iter().map(|series| ScriptedSeries {
        series: series.series.clone(),
        values: series.values.parse().expect("values"),
        interval: 30.0,
        from: 0.0,
        hold: false,
    });
    let script = Script {
        series: series.collect(),
        ..Script::default()
    };
    World::new(&script, 0).expect("the golden series")
}

fn ask(world: &World, query: &str, at: &str) -> (u16, serde_json::Value) {
    let parameters = [("query", query), ("time", at)].map(|(k, v)| (k.to_owned(), v.to_owned()));
    // The real engine had all samples.
    let now = i64::MAX;
    let settings = Settings::default();
    let answer = api::answer(world, &settings, now, "/api/v1/query", &parameters);
    let body = serde_json::from_str(&answer.body).expect("a JSON body");
    (answer.status, body)
}

/// Seconds and value of a `[seconds, "value"]`.
fn point(value: &serde_json::Value) -> (f64, String) {
    let seconds = value[0].as_f64().expect("seconds");
    (seconds, value[1].as_str().expect("a value").to_owned())
}

/// Labels, and seconds and values.
type Told = (BTreeMap<String, String>, Vec<(f64, String)>);

/// Labels, and seconds and values, of everything in an answer.
fn told(kind: &str, result: &serde_json::Value) -> Vec<Told> {
    if kind == "scalar" {
        return vec![(BTreeMap::new(), vec![point(result)])];
    }
    let mut told: Vec<_> = result
        .as_array()
        .expect("a list")
        .iter()
        .map(|element| {
            let metric: BTreeMap<String, String> =
                serde_json::from_value(element["metric"].clone()).expect("labels");
            let points = match kind {
                "vector" => vec![point(&element["value"])],
                _ => element["values"]
                    .as_array()
                    .expect("values")
                    .iter()
                    .map(point)
                    .collect(),
            };
            (metric, points)
        })
        .collect();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    told
}

fn same(ours: &str, real: &str) -> bool {
    let (a, b) = (ours.parse::<f64>(), real.parse::<f64>());
    match (a, b) {
        // The order of additions is the storage's own in Prometheus, so the last digits may differ.
        (Ok(a), Ok(b)) if a.is_finite() && b.is_finite() => {
            (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
        }
        _ => ours == real,
    }
}

#[test]
fn answers_are_those_of_the_real_prometheus() {
    let golden = golden();
    let world = world(&golden);
    let mut differences = Vec::new();
    let mut exact = 0;
    for real in &golden.answers {
        let (status, body) = ask(&world, &real.query, &real.at);
        let place = format!("{} @ {}", real.query, real.at);
        if !real.error_type.is_empty() {
            let wanted = if real.error_type == "execution" {
                422
            } else {
                400
            };
            let texts_agree = wanted == 400 || body["error"] == real.error.as_str();
            if status != wanted || body["errorType"] != real.error_type.as_str() || !texts_agree {
                differences.push(format!("{place}: {} but {body}", real.error));
            }
            continue;
        }
        if body["data"]["resultType"] != real.r#type.as_str() {
            differences.push(format!("{place}: {} but {body}", real.r#type));
            continue;
        }
        let ours = told(&real.r#type, &body["data"]["result"]);
        let mut theirs: Vec<_> = real
            .result
            .iter()
            .map(|l| {
                let points: Vec<_> = l
                    .values
                    .iter()
                    .map(|(at, v)| (at.parse::<f64>().expect("a time"), v.clone()))
                    .collect();
                (l.metric.clone(), points)
            })
            .collect();
        theirs.sort_by(|a, b| a.0.cmp(&b.0));
        exact += usize::from(ours == theirs);
        let agree = ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|(a, b)| {
                a.0 == b.0
                    && a.1.len() == b.1.len()
                    && a.1
                        .iter()
                        .zip(&b.1)
                        .all(|(x, y)| x.0 == y.0 && same(&x.1, &y.1))
            });
        if !agree {
            differences.push(format!("{place}: {theirs:?} but {ours:?}"));
        }
    }
    assert!(
        golden.answers.len() > 500,
        "the golden answers are not there"
    );
    assert!(
        exact > 500,
        "only {exact} answers are equal to the last digit"
    );
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        golden.answers.len(),
        differences.join("\n")
    );
}
