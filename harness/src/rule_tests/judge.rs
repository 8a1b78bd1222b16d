//! Whether an answer is the expected one.

use similar::TextDiff;

use super::answer::{Item, Refusal};
use super::document::{ExpectedError, ExpectedItem};
use crate::quantity::milli;

/// What is asked, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// A path with its query string.
    Values { target: String, expected: Expected },
    /// All metrics, sorted.
    Discovery { expected: Vec<String> },
}

impl Question {
    /// The key of the expectation in a file.
    pub(super) fn expected_key(&self) -> &'static str {
        match self {
            Self::Values { expected, .. } => expected.key(),
            Self::Discovery { .. } => "exp_resources",
        }
    }
}

/// An expected answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Items(Vec<ExpectedItem>),
    Error(ExpectedError),
    /// Sorted.
    Resources(Vec<String>),
}

impl Expected {
    /// Its key in a file.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Items(_) => "exp_items",
            Self::Error(_) => "exp_error",
            Self::Resources(_) => "exp_resources",
        }
    }

    fn items(&self) -> &[ExpectedItem] {
        match self {
            Self::Items(items) => items,
            Self::Error(_) | Self::Resources(_) => &[],
        }
    }
}

/// Two answers as texts, a line for each item. They are equal if the test has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) expected: String,
    pub(super) actual: String,
}

/// By how many thousandths equal values may differ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance(u128);

impl Tolerance {
    /// One thousandth for a fuzzy comparison, else none.
    pub(super) fn new(fuzzy: bool) -> Self {
        Self(u128::from(fuzzy))
    }

    fn allows(self, wanted: &str, actual: &str) -> bool {
        let pair = milli(wanted).zip(milli(actual));
        pair.is_some_and(|(wanted, actual)| wanted.abs_diff(actual) <= self.0)
    }
}

impl Compared {
    /// A list of metrics with the expected one.
    pub(super) fn discovery(expected: &[String], actual: &[String]) -> Self {
        let text = |names: &[String]| shown(&Expected::Resources(names.to_vec()));
        Self {
            expected: text(expected),
            actual: text(actual),
        }
    }

    /// An answer with the expected one. What isn't expected of an answer isn't compared.
    pub(super) fn values(
        expected: &Expected,
        actual: &Result<Vec<Item>, Refusal>,
        tolerance: Tolerance,
    ) -> Self {
        Self {
            expected: shown(expected),
            actual: shown(&as_expected(actual, expected, tolerance)),
        }
    }

    pub(super) fn are_equal(&self) -> bool {
        self.expected == self.actual
    }

    /// What differs, as a unified diff; empty where nothing does.
    pub(super) fn diff(&self) -> String {
        let diff = TextDiff::from_lines(&self.expected, &self.actual);
        let mut diff = diff.unified_diff();
        diff.context_radius(3)
            .header("expected", "actual")
            .to_string()
    }
}

/// An answer as it is written into a file, a line for each element.
fn shown(expected: &Expected) -> String {
    match (expected, lines(expected)) {
        (_, Some(lines)) => lines.join("\n") + "\n",
        (Expected::Error(error), None) => {
            let message = error.message.as_deref().map(scalar);
            let message = message.map(|message| format!("message: {message}\n"));
            format!("code: {}\n{}", error.code, message.unwrap_or_default())
        }
        (_, None) => flow(expected) + "\n",
    }
}

/// The elements of an answer as lines of a YAML list; none where it isn't one, or has no element.
pub(super) fn lines(expected: &Expected) -> Option<Vec<String>> {
    let elements = elements(expected)?;
    let lines = elements.iter().map(|element| format!("- {element}"));
    (!elements.is_empty()).then(|| lines.collect())
}

/// An answer as YAML in brackets.
pub(super) fn flow(expected: &Expected) -> String {
    match (expected, elements(expected)) {
        (Expected::Error(error), _) => {
            let message = error.message.as_deref().map(scalar);
            let message = message.map(|message| format!(", message: {message}"));
            format!("{{code: {}{}}}", error.code, message.unwrap_or_default())
        }
        (_, elements) => format!("[{}]", elements.unwrap_or_default().join(", ")),
    }
}

/// The elements of an answer; none where it is an error.
fn elements(expected: &Expected) -> Option<Vec<String>> {
    match expected {
        Expected::Items(items) => Some(items.iter().map(element).collect()),
        Expected::Resources(names) => Some(names.iter().map(|name| scalar(name)).collect()),
        Expected::Error(_) => None,
    }
}

fn element(item: &ExpectedItem) -> String {
    let mut text = format!("{{name: {}", scalar(&item.name));
    for (key, value) in [("kind", &item.kind), ("namespace", &item.namespace)] {
        if let Some(value) = value {
            text.push_str(&format!(", {key}: {}", scalar(value)));
        }
    }
    text + &format!(", value: {}}}", scalar(&item.value))
}

/// A text as a YAML scalar, in quotes where it takes them.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let word = text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if word && !special.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        // JSON is YAML.
        serde_json::to_string(text).unwrap_or_default()
    }
}

/// Which keys besides name and value are compared.
#[derive(Debug, Clone, Copy, Default)]
struct Keys {
    kind: bool,
    namespace: bool,
}

impl Keys {
    fn of(items: &[ExpectedItem]) -> Self {
        Self {
            kind: items.iter().any(|item| item.kind.is_some()),
            namespace: items.iter().any(|item| item.namespace.is_some()),
        }
    }

    /// An item in the words of the expected one of the same name, where it has the same value.
    fn shown(self, item: &Item, wanted: &[ExpectedItem], tolerance: Tolerance) -> ExpectedItem {
        let wanted = wanted.iter().find(|wanted| wanted.name == item.name);
        let keys = wanted.map_or(self, |wanted| Self {
            kind: wanted.kind.is_some(),
            namespace: wanted.namespace.is_some(),
        });
        let same = wanted.filter(|wanted| tolerance.allows(&wanted.value, &item.value));
        ExpectedItem {
            name: item.name.clone(),
            value: same.map_or_else(|| item.value.clone(), |wanted| wanted.value.clone()),
            kind: keys.kind.then(|| item.kind.clone()),
            namespace: item.namespace.clone().filter(|_| keys.namespace),
        }
    }
}

/// An answer as a file would expect it, in the words and with the keys of what it expects.
pub(super) fn as_expected(
    actual: &Result<Vec<Item>, Refusal>,
    like: &Expected,
    tolerance: Tolerance,
) -> Expected {
    match actual {
        Ok(items) => {
            let wanted = like.items();
            let keys = Keys::of(wanted);
            let shown = items.iter().map(|item| keys.shown(item, wanted, tolerance));
            Expected::Items(shown.collect())
        }
        Err(refusal) => {
            let any_message = matches!(like, Expected::Error(error) if error.message.is_none());
            Expected::Error(ExpectedError {
                code: refusal.code,
                message: (!any_message).then(|| refusal.message.clone()),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(items: &str) -> Expected {
        Expected::Items(serde_saphyr::from_str(items).unwrap())
    }

    fn item(name: &str, value: &str) -> Item {
        Item {
            kind: "Pod".to_owned(),
            namespace: Some("shop".to_owned()),
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    #[test]
    fn quantities_are_equal_by_their_value_and_other_keys_only_where_they_are_expected() {
        let actual = Ok(vec![item("web-1", "500m"), item("web-2", "1k")]);
        for items in [
            "[{name: web-1, value: 0.5}, {name: web-2, value: 1000}]",
            "[{name: web-1, value: 500m, kind: Pod}, {name: web-2, value: 1k, namespace: shop}]",
        ] {
            let compared = Compared::values(&expected(items), &actual, Tolerance::new(false));
            assert!(compared.are_equal(), "{}", compared.diff());
        }
        for items in [
            "[{name: web-1, value: 501m}, {name: web-2, value: 1k}]",
            "[{name: web-2, value: 1k}, {name: web-1, value: 500m}]",
            "[{name: web-1, value: 500m}]",
            "[{name: web-1, value: 500m}, {name: web-2, value: 1k}, {name: web-3, value: 0}]",
            "[{name: web-1, value: 500m, kind: Node}, {name: web-2, value: 1k}]",
            "[{name: web-1, value: 500m, namespace: a}, {name: web-2, value: 1k}]",
            "[]",
        ] {
            let compared = Compared::values(&expected(items), &actual, Tolerance::new(false));
            assert!(!compared.are_equal(), "{items}");
            assert!(compared.diff().contains("\n-") || compared.diff().contains("\n+"));
        }
    }

    #[test]
    fn a_fuzzy_comparison_allows_a_thousandth_and_no_more() {
        let equal = |value: &str, fuzzy| {
            let items = format!("[{{name: web-1, value: {value}}}]");
            let actual = Ok(vec![item("web-1", "1999m")]);
            Compared::values(&expected(&items), &actual, Tolerance::new(fuzzy)).are_equal()
        };
        assert!(equal("2", true) && equal("1998m", true) && equal("1.999", false));
        assert!(!equal("2", false) && !equal("2001m", true) && !equal("1997m", true));
    }

    #[test]
    fn an_error_is_compared_by_its_code_and_by_its_message_where_that_is_expected() {
        let refusal = || Refusal {
            code: 404,
            message: "no such: metric".to_owned(),
            logged: None,
        };
        let error = |code, message: Option<&str>| {
            Expected::Error(ExpectedError {
                code,
                message: message.map(str::to_owned),
            })
        };
        let equal = |expected: Expected| {
            Compared::values(&expected, &Err(refusal()), Tolerance::new(false)).are_equal()
        };
        assert!(equal(error(404, None)));
        assert!(equal(error(404, Some("no such: metric"))));
        assert!(!equal(error(404, Some("another"))));
        assert!(!equal(error(500, None)));
        assert!(!equal(Expected::Items(Vec::new())));
        let none = Compared::values(&error(404, None), &Ok(Vec::new()), Tolerance::new(false));
        assert_eq!(
            none.diff(),
            "--- expected\n+++ actual\n@@ -1 +1 @@\n-code: 404\n+[]\n"
        );
    }

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        let texts = [
            "web-1", "5", "a b", "true", "-1", "job:x", "\"", "é", "500m", "", "1e3", "0x1", "~",
        ];
        for text in texts {
            let read: ExpectedItem =
                serde_saphyr::from_str(&format!("{{name: {}, value: 1}}", scalar(text))).unwrap();
            assert_eq!(read.name, text);
        }
    }
}
