//! Judges an answer by what a scenario expects of it.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::request::Answer;
use crate::scenario::ExpectedAnswer;

/// The variable that has snapshots written instead of compared.
const UPDATE: &str = "SETPOINT_UPDATE";

/// Nothing, or the first thing that is not as expected.
///
/// # Errors
/// That thing, in words.
pub fn judge(answer: &Answer, expected: &ExpectedAnswer, folder: &Path) -> Result<(), String> {
    let text = String::from_utf8_lossy(&answer.body);
    if answer.status != expected.status {
        return Err(format!(
            "the status is {} instead of {}: {}",
            answer.status,
            expected.status,
            shortened(&text)
        ));
    }
    for (name, value) in &expected.headers {
        let found = answer
            .headers
            .get(name)
            .map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
        if found.as_ref() != Some(value) {
            return Err(format!("header `{name}` is {found:?} instead of `{value}`"));
        }
    }
    if expected.body.is_none() && expected.fresh.is_none() && expected.snapshot.is_none() {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("the body is no JSON ({error}): {}", shortened(&text)))?;
    if let Some(wanted) = &expected.body {
        holds(&body, wanted, "body")?;
    }
    if let Some(age) = expected.fresh {
        // A period of the HPA controller isn't known here; the file was checked for it.
        fresh(&body, age.duration(Duration::ZERO), Timestamp::now())?;
    }
    match &expected.snapshot {
        Some(file) if expected.any_order => snapshot(&by_name(body), &folder.join(file)),
        Some(file) => snapshot(&body, &folder.join(file)),
        None => Ok(()),
    }
}

/// Whether a document holds another: objects may have more keys, lists may not have more elements.
fn holds(found: &Value, wanted: &Value, place: &str) -> Result<(), String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().try_for_each(|(key, wanted)| {
                let found = found
                    .get(key)
                    .ok_or_else(|| format!("{place}.{key} is missing; {wanted} is expected"))?;
                holds(found, wanted, &format!("{place}.{key}"))
            })
        }
        (Value::Array(found), Value::Array(wanted)) => {
            if found.len() != wanted.len() {
                let found = shortened(&Value::Array(found.clone()).to_string()).to_owned();
                return Err(format!(
                    "{place} is {found}, which is not {} long",
                    wanted.len()
                ));
            }
            let mut pairs = found.iter().zip(wanted).enumerate();
            pairs.try_for_each(|(index, (found, wanted))| {
                holds(found, wanted, &format!("{place}[{index}]"))
            })
        }
        _ if found == wanted => Ok(()),
        _ => Err(format!("{place} is {found} instead of {wanted}")),
    }
}

/// Whether each item was measured about now.
fn fresh(body: &Value, age: Duration, now: Timestamp) -> Result<(), String> {
    let items = body["items"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return Err("body.items has no item whose timestamp could be compared".to_owned());
    }
    items.iter().enumerate().try_for_each(|(index, item)| {
        let found = &item["timestamp"];
        let timestamp: Option<Timestamp> = found.as_str().and_then(|text| text.parse().ok());
        let timestamp = timestamp
            .ok_or_else(|| format!("body.items[{index}].timestamp is {found}, which is no time"))?;
        let distance = now.duration_since(timestamp).unsigned_abs();
        if distance <= age {
            return Ok(());
        }
        Err(format!(
            "body.items[{index}].timestamp is {found}, {}s from now ({now:.0}); at most {age:?} are expected",
            distance.as_secs()
        ))
    })
}

/// The document with every list of named things sorted by their names.
fn by_name(document: Value) -> Value {
    match document {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, by_name(value)))
            .collect(),
        Value::Array(elements) => {
            let mut elements: Vec<Value> = elements.into_iter().map(by_name).collect();
            let name = |element: &Value| element["name"].as_str().map(str::to_owned);
            if elements.iter().all(|element| name(element).is_some()) {
                elements.sort_by_key(name);
            }
            Value::Array(elements)
        }
        other => other,
    }
}

/// Whether snapshots are written instead of compared.
pub(crate) fn updates_snapshots() -> bool {
    std::env::var_os(UPDATE).is_some_and(|value| value == "1")
}

fn snapshot(body: &Value, file: &Path) -> Result<(), String> {
    let now = serde_json::to_string_pretty(body).map_err(|error| error.to_string())? + "\n";
    if updates_snapshots() {
        return std::fs::write(file, now)
            .map_err(|error| format!("write {}: {error}", file.display()));
    }
    let kept = std::fs::read_to_string(file)
        .map_err(|error| format!("read {}: {error}; {UPDATE}=1 writes it", file.display()))?;
    match kept
        .lines()
        .zip(now.lines())
        .position(|(kept, now)| kept != now)
    {
        None if kept.lines().count() == now.lines().count() => Ok(()),
        difference => {
            let line = difference.unwrap_or_else(|| kept.lines().count().min(now.lines().count()));
            let at = |text: &str| {
                text.lines()
                    .nth(line)
                    .unwrap_or("nothing")
                    .trim()
                    .to_owned()
            };
            Err(format!(
                "the body differs from {} at line {}: `{}` instead of `{}`",
                file.display(),
                line + 1,
                at(&now),
                at(&kept)
            ))
        }
    }
}

fn shortened(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(300)
        .map_or(text.len(), |(index, _)| index);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_of_named_things_are_sorted_and_others_are_not() {
        let document = json!({"named": [{"name": "b"}, {"name": "a"}], "plain": ["b", "a"]});
        let sorted = json!({"named": [{"name": "a"}, {"name": "b"}], "plain": ["b", "a"]});
        assert_eq!(by_name(document), sorted);
    }

    #[test]
    fn items_are_fresh_when_each_timestamp_is_near_now() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let judge = |timestamps: Value| {
            let items = timestamps.as_array().unwrap().iter();
            let items: Vec<Value> = items.map(|time| json!({"timestamp": time})).collect();
            fresh(&json!({"items": items}), Duration::from_secs(60), now)
        };
        assert_eq!(
            judge(json!(["2026-01-01T11:59:00Z", "2026-01-01T12:01:00Z"])),
            Ok(())
        );
        assert_eq!(
            judge(json!(["2026-01-01T12:00:00Z", "2026-01-01T10:00:00Z"])),
            Err("body.items[1].timestamp is \"2026-01-01T10:00:00Z\", 7200s from now (2026-01-01T12:00:00Z); at most 60s are expected".into())
        );
        for broken in [
            json!([]),
            json!([null]),
            json!(["yesterday"]),
            json!(["2026-01-01T12:01:01Z"]),
        ] {
            assert!(judge(broken.clone()).is_err(), "{broken}");
        }
    }

    #[test]
    fn documents_may_hold_more_than_is_expected_but_lists_may_not() {
        let found = json!({"a": 1, "b": [{"c": 2, "d": 3}]});
        assert_eq!(holds(&found, &json!({"b": [{"c": 2}]}), "body"), Ok(()));
        assert_eq!(
            holds(&found, &json!({"b": []}), "body"),
            Err("body.b is [{\"c\":2,\"d\":3}], which is not 0 long".into())
        );
        assert_eq!(
            holds(&found, &json!({"b": [{"c": 3}]}), "body"),
            Err("body.b[0].c is 2 instead of 3".into())
        );
        assert_eq!(
            holds(&found, &json!({"x": 1}), "body"),
            Err("body.x is missing; 1 is expected".into())
        );
    }
}
