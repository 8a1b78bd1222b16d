//! Whether two answers of the API are the same.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value;

/// How two answers were the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Same {
    /// Series, with values that are equal.
    Values,
    /// No series.
    Empty,
    /// Errors of the same type.
    Error,
}

/// What differs between the server's answer and ours.
pub(crate) fn compare(query: &str, theirs: &Value, ours: &Value) -> Result<Same, String> {
    let differ = |what: &str, theirs: &Value, ours: &Value| {
        Err(format!(
            "{query}\n  {what}\n  theirs {theirs}\n  ours   {ours}"
        ))
    };
    if theirs["status"] != ours["status"] || theirs["errorType"] != ours["errorType"] {
        return differ("outcome", theirs, ours);
    }
    if theirs["status"] == "error" {
        // The parser's texts name a place, which ours don't know.
        // Which of several series are named depends on the order of the storage.
        let text = |answer: &Value| {
            let text = answer["error"].as_str().unwrap_or_default();
            text.split("for the match group").next().map(str::to_owned)
        };
        let same = theirs["errorType"] == "bad_data" || text(theirs) == text(ours);
        return if same {
            Ok(Same::Error)
        } else {
            differ("error", theirs, ours)
        };
    }
    for notes in ["warnings", "infos"] {
        let (a, b) = (without_places(&theirs[notes]), without_places(&ours[notes]));
        // Which are left out depends on the order of a Go map, but not how many.
        let left_out = |notes: &[String]| {
            let line = notes.iter().find(|note| note.ends_with(" omitted"));
            line.map(|line| (notes.len(), line.clone()))
        };
        let same = match (left_out(&a), left_out(&b)) {
            (None, None) => a == b,
            (theirs, ours) => theirs == ours,
        };
        if !same {
            return differ(notes, &theirs[notes], &ours[notes]);
        }
    }
    let (theirs, ours) = (&theirs["data"], &ours["data"]);
    if theirs["resultType"] != ours["resultType"] {
        return differ("type", theirs, ours);
    }
    // What `count_values` gives is in the order of a Go map.
    let ordered = ["sort", "topk", "bottomk"]
        .iter()
        .any(|name| query.starts_with(name) && !query.contains("count_values"));
    let (mut a, mut b) = (rows(&theirs["result"]), rows(&ours["result"]));
    if ordered && theirs["resultType"] == "vector" {
        // Of equal values each version has an order of its own.
        let values = |rows: &[Row]| {
            rows.iter()
                .map(|row| row.1[0].1.clone())
                .collect::<Vec<_>>()
        };
        let (a, b) = (values(&a), values(&b));
        if a.len() != b.len() || !a.iter().zip(&b).all(|(a, b)| same_number(a, b)) {
            return differ("order", &theirs["result"], &ours["result"]);
        }
    }
    a.sort_by(|a, b| a.0.cmp(&b.0));
    b.sort_by(|a, b| a.0.cmp(&b.0));
    let same = a.len() == b.len()
        && a.iter().zip(&b).all(|(a, b)| {
            a.0 == b.0
                && a.1.len() == b.1.len()
                && a.1
                    .iter()
                    .zip(&b.1)
                    .all(|(a, b)| a.0 == b.0 && same_number(&a.1, &b.1))
        });
    if !same {
        return differ("values", &theirs["result"], &ours["result"]);
    }
    Ok(if a.is_empty() {
        Same::Empty
    } else {
        Same::Values
    })
}

/// Labels, and times and values.
type Row = (BTreeMap<String, String>, Vec<(String, String)>);

fn rows(result: &Value) -> Vec<Row> {
    let point = |point: &Value| (point[0].to_string(), point[1].as_str().unwrap().to_owned());
    let list = result.as_array().unwrap();
    if list.first().is_some_and(Value::is_number) {
        return vec![(BTreeMap::new(), vec![point(result)])];
    }
    let row = |row: &Value| {
        let labels = serde_json::from_value(row["metric"].clone()).unwrap();
        let values = match row["values"].as_array() {
            Some(values) => values.iter().map(point).collect(),
            None => vec![point(&row["value"])],
        };
        (labels, values)
    };
    list.iter().map(row).collect()
}

/// Equal, or nearly so: sums are made in the order of the storage, and Go's functions are other ones than ours.
fn same_number(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(x), Ok(y)) if x.is_finite() && y.is_finite() => {
            (x - y).abs() <= 1e-12 * x.abs().max(y.abs())
        }
        _ => a == b,
    }
}

/// Notes without the places in the query that they end with, and what later versions say of corrected buckets.
fn without_places(notes: &Value) -> Vec<String> {
    static PLACE: LazyLock<regex::Regex> =
        LazyLock::new(|| regex::Regex::new(r"(, from buckets .*)? \(\d+:\d+\)$").unwrap());
    let notes = notes.as_array().into_iter().flatten();
    let notes = notes.map(|note| PLACE.replace(note.as_str().unwrap(), "").into_owned());
    let notes: std::collections::BTreeSet<String> = notes.collect();
    notes.into_iter().collect()
}
