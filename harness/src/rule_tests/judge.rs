//! Whether an answer is the expected one.

use similar::TextDiff;

use super::answer::{Found, Item, Refusal, SeriesValue, Taken};
use super::api_group::ApiGroup;
use super::document::{ExpectedError, ExpectedItem, ExpectedUsage, ExpectedValue};
use super::expected::{Expected, shown};
use crate::quantity::apart;

/// What is asked, and what is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    /// A path with its query string, which is of a group.
    Values {
        target: String,
        group: ApiGroup,
        expected: Expected,
    },
    /// All metrics of a group.
    Discovery { of: ApiGroup, expected: Expected },
}

impl Question {
    /// The API group that answers.
    pub(super) fn group(&self) -> ApiGroup {
        match self {
            Self::Values { group, .. } => *group,
            Self::Discovery { of, .. } => *of,
        }
    }

    /// The key of the expectation in a file.
    pub(super) fn expected_key(&self) -> &'static str {
        match self {
            Self::Values { expected, .. } | Self::Discovery { expected, .. } => expected.key(),
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

    /// A value as it is written, if it is the same, or else as it is answered.
    fn written(self, written: Option<&str>, actual: &str) -> String {
        let same = written.filter(|written| self.allows(written, actual));
        same.unwrap_or(actual).to_owned()
    }

    fn allows(self, wanted: &str, actual: &str) -> bool {
        apart(wanted, actual).is_some_and(|apart| apart <= self.0)
    }
}

impl Compared {
    /// A list of metrics with the expected one.
    pub(super) fn discovery(expected: &Expected, actual: &Expected) -> Self {
        Self {
            expected: shown(expected),
            actual: shown(actual),
        }
    }

    /// An answer with the expected one. What isn't expected of an answer isn't compared.
    pub(super) fn values(
        expected: &Expected,
        actual: &Result<Found, Refusal>,
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
        let written = wanted.map(|wanted| &*wanted.value);
        ExpectedItem {
            name: item.name.clone(),
            value: tolerance.written(written, &item.value),
            kind: keys.kind.then(|| item.kind.clone()),
            namespace: item.namespace.clone().filter(|_| keys.namespace),
        }
    }
}

/// The values of an external metric in the words of the expected ones. Without labels, those are in the same order.
fn values_like(
    actual: &[SeriesValue],
    wanted: &[ExpectedValue],
    tolerance: Tolerance,
) -> Vec<ExpectedValue> {
    let without_labels = !wanted.is_empty() && wanted.iter().all(|value| value.labels.is_none());
    let shown = actual.iter().enumerate().map(|(index, value)| {
        let same = match without_labels {
            true => wanted.get(index),
            false => wanted
                .iter()
                .find(|wanted| wanted.labels.as_ref() == Some(&value.labels)),
        };
        ExpectedValue {
            labels: (!without_labels).then(|| value.labels.clone()),
            value: tolerance.written(same.map(|same| &*same.value), &value.value),
        }
    });
    shown.collect()
}

/// CPU and memory in the words of the expected ones.
fn usage_like(
    actual: &[Taken],
    wanted: &[ExpectedUsage],
    tolerance: Tolerance,
) -> Vec<ExpectedUsage> {
    let with_namespace = wanted.iter().any(|wanted| wanted.namespace.is_some());
    let shown = actual.iter().map(|taken| {
        let same = wanted.iter().find(|wanted| {
            wanted.name == taken.name
                && wanted.container == taken.container
                && (wanted.namespace.is_none() || wanted.namespace == taken.namespace)
        });
        let with_namespace = same.map_or(with_namespace, |same| same.namespace.is_some());
        ExpectedUsage {
            name: taken.name.clone(),
            container: taken.container.clone(),
            namespace: taken.namespace.clone().filter(|_| with_namespace),
            cpu: tolerance.written(same.map(|same| &*same.cpu), &taken.cpu),
            memory: tolerance.written(same.map(|same| &*same.memory), &taken.memory),
        }
    });
    shown.collect()
}

/// An answer as a file would expect it, in the words and with the keys of what it expects.
pub(super) fn as_expected(
    actual: &Result<Found, Refusal>,
    like: &Expected,
    tolerance: Tolerance,
) -> Expected {
    match actual {
        Ok(Found::Items(items)) => {
            let wanted = like.items();
            let keys = Keys::of(wanted);
            let shown = items.iter().map(|item| keys.shown(item, wanted, tolerance));
            Expected::Items(shown.collect())
        }
        Ok(Found::Values(values)) => {
            Expected::Values(values_like(values, like.values(), tolerance))
        }
        Ok(Found::Usage(taken)) => Expected::Usage(usage_like(taken, like.usage(), tolerance)),
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
        let actual = Ok(Found::Items(vec![
            item("web-1", "500m"),
            item("web-2", "1k"),
        ]));
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
            let actual = Ok(Found::Items(vec![item("web-1", "1999m")]));
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
        let none = Ok(Found::Items(Vec::new()));
        let none = Compared::values(&error(404, None), &none, Tolerance::new(false));
        assert_eq!(
            none.diff(),
            "--- expected\n+++ actual\n@@ -1 +1 @@\n-code: 404\n+[]\n"
        );
    }

    #[test]
    fn values_of_an_external_metric_are_compared_by_their_labels_or_in_their_order() {
        let value = |queue: &str, value: &str| SeriesValue {
            labels: [("queue".to_owned(), queue.to_owned())].into(),
            value: value.to_owned(),
        };
        let actual = Ok(Found::Values(vec![value("a", "1k"), value("b", "500m")]));
        let equal = |expected: &str| {
            let expected = Expected::Values(serde_saphyr::from_str(expected).unwrap());
            Compared::values(&expected, &actual, Tolerance::new(false)).are_equal()
        };
        assert!(equal(
            "[{labels: {queue: a}, value: 1000}, {labels: {queue: b}, value: 0.5}]"
        ));
        assert!(equal("[{value: 1000}, {value: 0.5}]"));
        for other in [
            "[{value: 0.5}, {value: 1000}]",
            "[{value: 1000}]",
            "[]",
            "[{labels: {queue: a}, value: 1000}, {labels: {}, value: 0.5}]",
            "[{labels: {queue: a}, value: 1000}, {labels: {queue: b}, value: 0.501}]",
        ] {
            assert!(!equal(other), "{other}");
        }
    }

    #[test]
    fn usage_is_compared_by_container_and_measure() {
        let taken = |container: Option<&str>| Taken {
            namespace: container.map(|_| "shop".to_owned()),
            name: "web-1".to_owned(),
            container: container.map(str::to_owned),
            cpu: "250m".to_owned(),
            memory: "64Mi".to_owned(),
        };
        let actual = Ok(Found::Usage(vec![taken(Some("web")), taken(None)]));
        let node = "{name: web-1, cpu: 0.25, memory: 67108864}";
        let equal = |expected: &str| {
            let expected = format!("[{expected}, {node}]");
            let expected = Expected::Usage(serde_saphyr::from_str(&expected).unwrap());
            Compared::values(&expected, &actual, Tolerance::new(false)).are_equal()
        };
        assert!(equal(
            "{name: web-1, container: web, cpu: 0.25, memory: 65536Ki}"
        ));
        assert!(equal(
            "{name: web-1, container: web, namespace: shop, cpu: 250m, memory: 64Mi}"
        ));
        for other in [
            "{name: web-2, container: web, cpu: 250m, memory: 64Mi}",
            "{name: web-1, container: api, cpu: 250m, memory: 64Mi}",
            "{name: web-1, container: web, namespace: a, cpu: 250m, memory: 64Mi}",
            "{name: web-1, container: web, cpu: 251m, memory: 64Mi}",
            "{name: web-1, container: web, cpu: 250m, memory: 64M}",
            node,
        ] {
            assert!(!equal(other), "{other}");
        }
    }
}
