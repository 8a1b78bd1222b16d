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
    /// What differs in the other adapter's answer, as status, headers and body stand below one another.
    #[serde(deserialize_with = "regex")]
    theirs: Regex,
    /// What differs in our answer, where it isn't always the same.
    #[serde(default, deserialize_with = "optional_regex")]
    ours: Option<Regex>,
    /// What stands in the place of both.
    becomes: String,
}

impl Difference {
    /// What becomes of both answers, where it occurs in them.
    fn applied(
        &self,
        (configuration, request): (&str, &str),
        theirs: &str,
        ours: &str,
    ) -> Option<(String, String)> {
        let concerns =
            self.configurations.is_match(configuration) && self.requests.is_match(request);
        if !concerns || !self.theirs.is_match(theirs) {
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

/// Compares two answers to a request.
pub(super) fn judge(
    differences: &[Difference],
    place: (&str, &str),
    theirs: &Answer,
    ours: &Answer,
) -> Judgement {
    if theirs == ours {
        return Judgement::Equal;
    }
    let (mut theirs, mut ours) = (theirs.to_string(), ours.to_string());
    let mut kinds = Vec::new();
    for (index, difference) in differences.iter().enumerate() {
        if let Some(applied) = difference.applied(place, &theirs, &ours) {
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
        judge(&list, ("c", "GET /"), theirs, ours)
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
