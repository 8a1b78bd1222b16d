//! Differences that are intended, each with its reason.

use std::borrow::Cow;

use regex::Regex;
use serde::{Deserialize, Deserializer};

use super::answer::Answer;

/// A kind of intended difference: what the other adapter's answer becomes in ours.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Difference {
    /// Its name.
    pub(super) kind: String,
    /// Why the answers differ.
    pub(super) reason: String,
    /// What whom it serves gets by it.
    pub(super) benefit: String,
    /// Where the other adapter's behaviour is known from: its code or a report.
    pub(super) source: String,
    /// The configurations in which it occurs.
    #[serde(default = "anything", deserialize_with = "regex")]
    configurations: Regex,
    /// The requests in whose answers it occurs.
    #[serde(default = "anything", deserialize_with = "regex")]
    requests: Regex,
    /// The configuration whose answer of the other adapter stands in the place of its answer, in whole.
    #[serde(default, rename = "as")]
    pub(super) other: Option<String>,
    /// What differs in the other adapter's answer, as status, headers and body stand below one another.
    #[serde(default = "anything", deserialize_with = "regex")]
    theirs: Regex,
    /// What differs in our answer, where it isn't always the same.
    #[serde(default, deserialize_with = "optional_regex")]
    ours: Option<Regex>,
    /// What stands in the place of both.
    #[serde(default)]
    becomes: String,
}

impl Difference {
    /// Whether it may occur in a configuration.
    pub(super) fn concerns(&self, configuration: &str) -> bool {
        self.configurations.is_match(configuration)
    }

    /// What becomes of both answers, where it occurs in them. `by` has the other adapter's answer by another configuration.
    fn applied<'a>(
        &self,
        (configuration, request): (&str, &str),
        (theirs, ours): (&str, &str),
        by: impl Fn(&str) -> Option<&'a Answer>,
    ) -> Option<(String, String)> {
        if !self.concerns(configuration) || !self.requests.is_match(request) {
            return None;
        }
        if let Some(other) = &self.other {
            return Some((by(other)?.to_string(), ours.to_owned()));
        }
        if !self.theirs.is_match(theirs) {
            return None;
        }
        let ours = match &self.ours {
            None => Cow::Borrowed(ours),
            Some(regex) if regex.is_match(ours) => regex.replace_all(ours, &self.becomes),
            Some(_) => return None,
        };
        let theirs = self.theirs.replace_all(theirs, &self.becomes);
        Some((theirs.into_owned(), ours.into_owned()))
    }
}

/// What two answers are to each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// They are equal.
    Equal,
    /// They differ as is intended, by the kinds at these places of the list.
    Intended(Vec<usize>),
    /// They differ otherwise.
    Unlisted,
}

/// Compares two answers to a request, theirs and ours. `by` has the other adapter's answer by another configuration.
pub(super) fn judge<'a>(
    differences: &[Difference],
    place: (&str, &str),
    (theirs, ours): (&Answer, &Answer),
    by: impl Fn(&str) -> Option<&'a Answer>,
) -> Judgement {
    if theirs == ours {
        return Judgement::Equal;
    }
    let (mut theirs, mut ours) = (theirs.to_string(), ours.to_string());
    let mut kinds = Vec::new();
    for (index, difference) in differences.iter().enumerate() {
        if let Some(applied) = difference.applied(place, (&theirs, &ours), &by) {
            if applied != (theirs, ours) {
                kinds.push(index);
            }
            (theirs, ours) = applied;
        }
        if theirs == ours {
            return Judgement::Intended(kinds);
        }
    }
    Judgement::Unlisted
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    let text = String::deserialize(deserializer)?;
    Regex::new(&text).map_err(serde::de::Error::custom)
}

fn optional_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    regex(deserializer).map(Some)
}

fn anything() -> Regex {
    #[expect(clippy::unwrap_used, reason = "the empty expression is one")]
    Regex::new("").unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            ..Answer::none(body)
        }
    }

    fn judged(theirs: &Answer, ours: &Answer) -> Judgement {
        let list = r#"
- {kind: a, reason: r, benefit: b, source: s, requests: ^GET, theirs: '\A404\n', becomes: "400\n"}
- {kind: b, reason: r, benefit: b, source: s, theirs: 'for $', ours: 'for .*$', becomes: for X}
"#;
        let list: Vec<Difference> = serde_saphyr::from_str(list).unwrap();
        judge(&list, ("c", "GET /"), (theirs, ours), |_| None)
    }

    #[test]
    fn an_answer_may_be_the_one_by_another_configuration() {
        let list = "- {kind: a, reason: r, benefit: b, source: s, configurations: ^c$, as: good}";
        let list: Vec<Difference> = serde_saphyr::from_str(list).unwrap();
        let (theirs, ours) = (answer(404, "nothing"), answer(200, "7"));
        let judged = |place, good: &Answer| {
            judge(&list, (place, "GET /"), (&theirs, &ours), |name| {
                (name == "good").then_some(good)
            })
        };
        assert_eq!(judged("c", &ours), Judgement::Intended(vec![0]));
        assert_eq!(judged("c", &answer(200, "8")), Judgement::Unlisted);
        assert_eq!(judged("d", &ours), Judgement::Unlisted);
    }

    #[test]
    fn differences_add_up() {
        let theirs = answer(404, "no metric for ");
        assert_eq!(judged(&theirs, &theirs), Judgement::Equal);
        let ours = answer(400, "no metric for pods");
        assert_eq!(judged(&theirs, &ours), Judgement::Intended(vec![0, 1]));
    }

    #[test]
    fn what_no_kind_explains_is_unlisted() {
        let theirs = answer(500, "a");
        assert_eq!(judged(&theirs, &answer(500, "b")), Judgement::Unlisted);
        let half = answer(404, "no metric for pods");
        let theirs = answer(404, "no metric for ");
        assert_eq!(judged(&theirs, &half), Judgement::Unlisted);
    }
}
