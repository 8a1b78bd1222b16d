//! What an answer must be, and whether it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::values::{ValuesFinding, judge_values};
use crate::format::{Amount, Span};
use crate::outcome::{Finding, HarnessProblem, Kind, RequestFailure, Unmet};
use crate::request::Answer;
use crate::subset::{Difference, QUANTITIES, holds, shortened};

/// The variable that has snapshots written instead of compared.
const UPDATE: &str = "SETPOINT_UPDATE";

/// What an answer must be.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ExpectedAnswer {
    /// The HTTP status; 200 by default.
    #[serde(default = "ok")]
    pub status: u16,
    /// There must be no answer at all, for this reason.
    pub failure: Option<RequestFailure>,
    /// Headers that must be there with these values.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What the JSON body must hold: objects may have further keys, lists must be equally long.
    pub body: Option<Value>,
    /// The values of the body's `items` by the names of their objects, in any order and in any spelling: each once, and no others.
    pub values: Option<BTreeMap<String, Amount>>,
    /// How many elements lists of the JSON body have: `count: {items: 1000}`. Items that describe an object are of different ones.
    #[serde(default)]
    pub count: BTreeMap<String, usize>,
    /// Texts that the body holds, whatever it is written in.
    #[serde(default)]
    pub text: Vec<String>,
    /// How far from now, by the clock of the harness, the `timestamp` of each of the body's `items` may be.
    pub fresh: Option<Span>,
    /// A file beside the scenario that the whole JSON body must equal. `SETPOINT_UPDATE=1` writes it.
    pub snapshot: Option<String>,
    /// Whether elements that have a `name` may stand in any order, for the snapshot.
    #[serde(default)]
    pub any_order: bool,
    /// Another answer that is as good.
    pub or: Option<Box<Self>>,
    /// How long to try again until the answer is as expected; each try is counted.
    pub within: Option<Span>,
}

fn ok() -> u16 {
    200
}

/// An answer is not as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum AnswerFinding {
    #[error("the status is {seen} instead of {expected}: {}", shortened(.body))]
    Status {
        expected: u16,
        seen: u16,
        body: String,
    },
    #[error("header `{name}` is {seen:?} instead of `{expected}`")]
    Header {
        name: String,
        expected: String,
        seen: Option<String>,
    },
    #[error("the body is no JSON ({error}): {}", shortened(.body))]
    NotJson { error: String, body: String },
    #[error(transparent)]
    Differs(Difference),
    #[error(transparent)]
    Values(#[from] ValuesFinding),
    #[error("body.{list} has {seen} elements instead of {expected}")]
    Count {
        list: String,
        expected: usize,
        seen: usize,
    },
    #[error("the body doesn't hold `{text}`: {}", shortened(.body))]
    Text { text: String, body: String },
    #[error("body.items has no item whose timestamp could be compared")]
    NoItems,
    #[error("body.items[{index}].timestamp is {seen}, which is no time")]
    NoTime { index: usize, seen: Value },
    #[error("body.items[{index}].timestamp is {seen}, {}s from now ({now:.0}); at most {expected:?} are expected", .distance.as_secs())]
    Stale {
        index: usize,
        seen: Value,
        distance: Duration,
        now: Timestamp,
        expected: Duration,
    },
    #[error("the body differs from {} at line {line}: `{seen}` instead of `{expected}`", .file.display())]
    Snapshot {
        file: PathBuf,
        line: usize,
        expected: String,
        seen: String,
    },
}

impl Finding for AnswerFinding {
    fn kind(&self) -> Kind {
        match self {
            Self::Status { seen, .. } if (300..400).contains(seen) => Kind::Redirect,
            Self::Status { .. } => Kind::UnexpectedStatus,
            Self::Header { .. } => Kind::UnexpectedHeader,
            Self::NotJson { .. }
            | Self::Differs(_)
            | Self::Values(_)
            | Self::Count { .. }
            | Self::Text { .. }
            | Self::NoItems
            | Self::NoTime { .. }
            | Self::Stale { .. }
            | Self::Snapshot { .. } => Kind::UnexpectedBody,
        }
    }
}

impl ExpectedAnswer {
    /// Nothing, or the first thing that is not as expected. Snapshots are in the folder.
    pub(super) fn judge(&self, answer: &Answer, folder: &Path) -> Result<(), Unmet> {
        match (self.judge_this(answer, folder), &self.or) {
            (Err(unmet), Some(or)) => or.judge(answer, folder).map_err(|_| unmet),
            (judged, _) => judged,
        }
    }

    fn judge_this(&self, answer: &Answer, folder: &Path) -> Result<(), Unmet> {
        self.judge_head(answer)?;
        self.judge_text(answer)?;
        let is_read = self.body.is_some() || self.values.is_some() || self.fresh.is_some();
        if !is_read && self.snapshot.is_none() && self.count.is_empty() {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(&answer.body).map_err(|error| {
            let error = error.to_string();
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            AnswerFinding::NotJson { error, body }
        })?;
        if let Some(wanted) = &self.body {
            holds(&body, wanted, "body", &QUANTITIES).map_err(AnswerFinding::Differs)?;
        }
        if let Some(values) = &self.values {
            judge_values(&body, values).map_err(AnswerFinding::Values)?;
        }
        for (list, expected) in &self.count {
            counted(&body, list, *expected)?;
        }
        if let Some(age) = self.fresh {
            // A period of the HPA controller isn't known here; the file was checked for it.
            fresh(&body, age.duration(Duration::ZERO), Timestamp::now())?;
        }
        match &self.snapshot {
            Some(file) if self.any_order => snapshot(&by_name(body), folder.join(file)),
            Some(file) => snapshot(&body, folder.join(file)),
            None => Ok(()),
        }
    }

    fn judge_text(&self, answer: &Answer) -> Result<(), AnswerFinding> {
        let body = String::from_utf8_lossy(&answer.body);
        let missing = self.text.iter().find(|text| !body.contains(text.as_str()));
        missing.map_or(Ok(()), |text| {
            Err(AnswerFinding::Text {
                text: text.clone(),
                body: body.clone().into_owned(),
            })
        })
    }

    fn judge_head(&self, answer: &Answer) -> Result<(), AnswerFinding> {
        if answer.status != self.status {
            return Err(AnswerFinding::Status {
                expected: self.status,
                seen: answer.status,
                body: String::from_utf8_lossy(&answer.body).into_owned(),
            });
        }
        for (name, expected) in &self.headers {
            let seen = answer.headers.get(name);
            let seen = seen.map(|seen| String::from_utf8_lossy(seen.as_bytes()).into_owned());
            if seen.as_ref() != Some(expected) {
                return Err(AnswerFinding::Header {
                    name: name.clone(),
                    expected: expected.clone(),
                    seen,
                });
            }
        }
        Ok(())
    }
}

/// Whether a list has as many elements, which describe different objects where they describe any.
fn counted(body: &Value, list: &str, expected: usize) -> Result<(), AnswerFinding> {
    let elements = body[list].as_array().map_or(&[][..], Vec::as_slice);
    let named = |element: &Value| {
        element["describedObject"]["name"]
            .as_str()
            .map(str::to_owned)
    };
    let names: BTreeSet<String> = elements.iter().filter_map(named).collect();
    let nameless = elements.iter().filter(|element| named(element).is_none());
    let seen = names.len() + nameless.count();
    if seen == expected && elements.len() == expected {
        return Ok(());
    }
    Err(AnswerFinding::Count {
        list: list.to_owned(),
        expected,
        seen,
    })
}

/// Whether each item was measured about now.
fn fresh(body: &Value, age: Duration, now: Timestamp) -> Result<(), AnswerFinding> {
    let items = body["items"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return Err(AnswerFinding::NoItems);
    }
    items.iter().enumerate().try_for_each(|(index, item)| {
        let seen = item["timestamp"].clone();
        let timestamp: Option<Timestamp> = seen.as_str().and_then(|text| text.parse().ok());
        let Some(timestamp) = timestamp else {
            return Err(AnswerFinding::NoTime { index, seen });
        };
        let distance = now.duration_since(timestamp).unsigned_abs();
        if distance <= age {
            return Ok(());
        }
        Err(AnswerFinding::Stale {
            index,
            seen,
            distance,
            now,
            expected: age,
        })
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
pub(super) fn updates_snapshots() -> bool {
    std::env::var_os(UPDATE).is_some_and(|value| value == "1")
}

fn snapshot(body: &Value, file: PathBuf) -> Result<(), Unmet> {
    let seen = format!("{body:#}\n");
    if updates_snapshots() {
        return std::fs::write(&file, seen).map_err(|source| {
            let doing = "write";
            HarnessProblem::File {
                doing,
                path: file,
                source,
            }
            .into()
        });
    }
    let kept = std::fs::read_to_string(&file).map_err(|source| HarnessProblem::File {
        doing: "read",
        path: file.clone(),
        source,
    })?;
    match first_difference(&kept, &seen) {
        None => Ok(()),
        Some((line, expected, seen)) => Err(AnswerFinding::Snapshot {
            file,
            line,
            expected,
            seen,
        }
        .into()),
    }
}

/// The number of the first line that differs, and the two lines.
fn first_difference(expected: &str, seen: &str) -> Option<(usize, String, String)> {
    let (mut expected, mut seen) = (expected.lines(), seen.lines());
    let shown = |line: Option<&str>| line.unwrap_or("nothing").trim().to_owned();
    (1..).find_map(|number| match (expected.next(), seen.next()) {
        (None, None) => Some(None),
        (expected, seen) if expected == seen => None,
        (expected, seen) => Some(Some((number, shown(expected), shown(seen)))),
    })?
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
            let judged = fresh(&json!({"items": items}), Duration::from_secs(60), now);
            judged.err().map(|finding| finding.to_string())
        };
        let near = json!(["2026-01-01T11:59:00Z", "2026-01-01T12:01:00Z"]);
        assert_eq!(judge(near), None);
        assert_eq!(
            judge(json!(["2026-01-01T12:00:00Z", "2026-01-01T10:00:00Z"])).as_deref(),
            Some(
                "body.items[1].timestamp is \"2026-01-01T10:00:00Z\", 7200s from now (2026-01-01T12:00:00Z); at most 60s are expected"
            )
        );
        for broken in [
            json!([]),
            json!([null]),
            json!(["yesterday"]),
            json!(["2026-01-01T12:01:01Z"]),
        ] {
            assert!(judge(broken.clone()).is_some(), "{broken}");
        }
    }

    #[test]
    fn elements_of_a_list_are_counted_and_describe_different_objects() {
        let item = |name: &str| json!({"describedObject": {"name": name}});
        let judge = |list: Value| counted(&json!({"items": list}), "items", 2).err();
        assert_eq!(judge(json!([item("a"), item("b")])), None);
        assert_eq!(judge(json!(["a", "a"])), None);
        for (list, seen) in [
            (json!([item("a"), item("a")]), 1),
            (json!([item("a"), item("b"), item("b")]), 2),
            (json!(["a"]), 1),
            (json!("a"), 0),
        ] {
            let told = judge(list).unwrap().to_string();
            assert_eq!(told, format!("body.items has {seen} elements instead of 2"));
        }
    }

    #[test]
    fn another_answer_is_as_good_and_the_first_one_is_told_where_neither_is_given() {
        let expected: ExpectedAnswer =
            serde_json::from_value(json!({"text": ["up 1"], "or": {"status": 405}})).unwrap();
        let judge = |status, body: &str| {
            let answer = Answer {
                status,
                headers: http::HeaderMap::new(),
                body: body.as_bytes().to_vec(),
            };
            let judged = expected.judge(&answer, Path::new("."));
            judged.err().map(|unmet| unmet.to_string())
        };
        assert_eq!(judge(200, "a 0\nup 1\n"), None);
        assert_eq!(judge(405, ""), None);
        let told = judge(200, "up 0").unwrap();
        assert_eq!(told, "the body doesn't hold `up 1`: up 0");
        assert!(judge(404, "up 1").unwrap().contains("404 instead of 200"));
    }

    #[test]
    fn the_first_line_that_differs_is_shown() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        let line = |number, expected: &str, seen: &str| {
            Some((number, expected.to_owned(), seen.to_owned()))
        };
        assert_eq!(first_difference("a\n b\n", "a\nc\n"), line(2, "b", "c"));
        assert_eq!(first_difference("a\n", "a\nb\n"), line(2, "nothing", "b"));
        assert_eq!(first_difference("a\nb\n", "a\n"), line(2, "b", "nothing"));
    }

    #[test]
    fn a_redirect_is_no_mere_other_status() {
        let expected: ExpectedAnswer = serde_json::from_value(json!({"status": 200})).unwrap();
        let answer = |status| Answer {
            status,
            headers: http::HeaderMap::new(),
            body: Vec::new(),
        };
        let kind = |status| expected.judge_head(&answer(status)).unwrap_err().kind();
        assert_eq!(kind(302), Kind::Redirect);
        assert_eq!(kind(403), Kind::UnexpectedStatus);
    }
}
