//! What further answers to the same request must have in common with the first.

use http::header::{ETAG, IF_NONE_MATCH};
use serde_json::Value;

use crate::outcome::{Finding, Kind};
use crate::request::{Answer, Question};

/// A tag that no document has.
const NO_TAG: &str = "\"setpoint: the tag of no document\"";

/// A further answer is not as the first one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AgainFinding {
    #[error("asked {times} times, its item {index} is {seen} instead of {first}")]
    Order {
        times: u16,
        index: usize,
        first: String,
        seen: String,
    },
    #[error("by the tag of its answer it is asked again and answers {0} instead of 304")]
    Modified(u16),
    #[error("the answer that nothing has changed has a body of {0} bytes")]
    BodyUnmodified(usize),
    #[error("by the tag of no document it is asked again and answers {0} instead of 200")]
    Unmodified(u16),
}

impl Finding for AgainFinding {
    fn kind(&self) -> Kind {
        match self {
            Self::Order { .. } | Self::BodyUnmodified(_) => Kind::UnexpectedBody,
            Self::Modified(_) | Self::Unmodified(_) => Kind::UnexpectedStatus,
        }
    }
}

/// The names of the objects of an answer's items, in their order.
pub(super) fn order(answer: &Answer) -> Vec<String> {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let items = body["items"].as_array().into_iter().flatten();
    items
        .map(|item| item["describedObject"]["name"].to_string())
        .collect()
}

/// Nothing if items are of the same objects in the same order as in the first answer.
pub(super) fn judge_order(
    first: &[String],
    seen: &[String],
    times: u16,
) -> Result<(), AgainFinding> {
    let none = "nothing".to_owned();
    for index in 0..first.len().max(seen.len()) {
        let (first, seen) = (
            first.get(index).unwrap_or(&none),
            seen.get(index).unwrap_or(&none),
        );
        if first != seen {
            return Err(AgainFinding::Order {
                times,
                index,
                first: first.clone(),
                seen: seen.clone(),
            });
        }
    }
    Ok(())
}

/// The same question by the tag of an answer; none where it has no tag.
pub(super) fn by_tag(question: &Question, answer: &Answer) -> Option<Question> {
    let tag = answer.headers.get(ETAG)?.to_str().ok()?;
    Some(with_tag(question, tag))
}

/// The same question by the tag of no document.
pub(super) fn by_no_tag(question: &Question) -> Question {
    with_tag(question, NO_TAG)
}

fn with_tag(question: &Question, tag: &str) -> Question {
    let mut question = question.clone();
    let (name, tag) = (IF_NONE_MATCH.to_string(), tag.to_owned());
    question.headers.insert(name, tag);
    question
}

/// Nothing if the answer says that nothing has changed.
pub(super) fn judge_unmodified(answer: &Answer) -> Result<(), AgainFinding> {
    match (answer.status, answer.body.len()) {
        (304, 0) => Ok(()),
        (304, length) => Err(AgainFinding::BodyUnmodified(length)),
        (status, _) => Err(AgainFinding::Modified(status)),
    }
}

/// Nothing if the answer is the document.
pub(super) fn judge_modified(answer: &Answer) -> Result<(), AgainFinding> {
    match answer.status {
        200 => Ok(()),
        status => Err(AgainFinding::Unmodified(status)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::request::Identity;

    fn answer(status: u16, names: &[&str]) -> Answer {
        let items: Vec<Value> = names
            .iter()
            .map(|name| json!({"describedObject": {"name": name}}))
            .collect();
        Answer {
            status,
            headers: http::HeaderMap::new(),
            body: json!({"items": items}).to_string().into_bytes(),
        }
    }

    #[test]
    fn items_stand_in_the_same_order_each_time() {
        let first = order(&answer(200, &["a", "b"]));
        let judge = |names: &[&str]| judge_order(&first, &order(&answer(200, names)), 2);
        assert_eq!(judge(&["a", "b"]), Ok(()));
        let told = judge(&["b", "a"]).unwrap_err().to_string();
        assert_eq!(told, "asked 2 times, its item 0 is \"b\" instead of \"a\"");
        assert!(judge(&["a"]).is_err());
        assert!(judge(&["a", "b", "c"]).is_err());
    }

    #[test]
    fn a_tag_is_sent_back_and_an_answer_without_one_is_asked_no_more() {
        let question = Question {
            method: http::Method::GET,
            path: "/apis".to_owned(),
            headers: Default::default(),
            identity: Identity::Nobody,
        };
        let mut tagged = answer(200, &[]);
        assert!(by_tag(&question, &tagged).is_none());
        tagged
            .headers
            .insert(ETAG, http::HeaderValue::from_static("\"a\""));
        let again = by_tag(&question, &tagged).unwrap();
        assert_eq!(again.headers["if-none-match"], "\"a\"");
        assert_eq!(by_no_tag(&question).headers["if-none-match"], NO_TAG);
    }

    #[test]
    fn nothing_has_changed_by_the_right_tag_alone_and_then_there_is_no_body() {
        let empty = |status| Answer {
            body: Vec::new(),
            ..answer(status, &[])
        };
        assert_eq!(judge_unmodified(&empty(304)), Ok(()));
        assert_eq!(
            judge_unmodified(&answer(304, &[])),
            Err(AgainFinding::BodyUnmodified(12))
        );
        assert_eq!(
            judge_unmodified(&answer(200, &[])),
            Err(AgainFinding::Modified(200))
        );
        assert_eq!(judge_modified(&answer(200, &[])), Ok(()));
        assert_eq!(
            judge_modified(&empty(304)),
            Err(AgainFinding::Unmodified(304))
        );
    }
}
