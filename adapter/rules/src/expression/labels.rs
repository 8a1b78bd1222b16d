//! Which labels the results of an expression may have (`promql/engine.go`).

use std::collections::BTreeSet;

use super::Unreadable;
use super::tree::{Aggregate, Binary, Call, Expression, Grouping, Many, Selector};

/// Labels that the results of a query may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultLabels {
    /// These and no others.
    Only(BTreeSet<String>),
    /// Whatever the series have, but not these.
    AllBut(BTreeSet<String>),
}

/// Functions whose results have no labels.
const WITHOUT_LABELS: [&str; 4] = ["pi", "scalar", "time", "vector"];

impl ResultLabels {
    /// Those of a query.
    ///
    /// # Errors
    /// If it can't be read. That doesn't say whether Prometheus takes it.
    pub fn of_query(query: &str) -> Result<Self, Unreadable> {
        Ok(Self::of(&Expression::parse(query)?))
    }

    /// Those of an expression.
    pub(crate) fn of(expression: &Expression) -> Self {
        Reader { with_added: true }.of(expression)
    }

    /// Those that tell results apart: without those that are added to results, which are as many as before.
    pub(crate) fn that_tell_apart(expression: &Expression) -> Self {
        Reader { with_added: false }.of(expression)
    }

    /// Whether results can have a label.
    #[must_use]
    pub fn may_have(&self, label: &str) -> bool {
        match self {
            Self::Only(labels) => labels.contains(label),
            Self::AllBut(labels) => !labels.contains(label),
        }
    }

    fn none() -> Self {
        Self::Only(BTreeSet::new())
    }

    fn all() -> Self {
        Self::AllBut(BTreeSet::new())
    }

    /// The labels of either.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(&a | &b),
            (Self::AllBut(a), Self::AllBut(b)) => Self::AllBut(&a & &b),
            (Self::Only(some), Self::AllBut(not)) | (Self::AllBut(not), Self::Only(some)) => {
                Self::AllBut(&not - &some)
            }
        }
    }

    /// The labels that both have.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(a), Self::Only(b)) => Self::Only(&a & &b),
            (Self::AllBut(a), Self::AllBut(b)) => Self::AllBut(&a | &b),
            (Self::Only(some), Self::AllBut(not)) | (Self::AllBut(not), Self::Only(some)) => {
                Self::Only(&some - &not)
            }
        }
    }

    fn grouped(self, grouping: &Grouping) -> Self {
        let set = |labels: &[String]| labels.iter().cloned().collect();
        match grouping {
            Grouping::None => Self::none(),
            Grouping::By(labels) => self.and(Self::Only(set(labels))),
            Grouping::Without(labels) => self.and(Self::AllBut(set(labels))),
        }
    }
}

/// Which labels are looked for.
struct Reader {
    /// Also those that `group_left`, `label_replace` and the like add.
    with_added: bool,
}

impl Reader {
    fn of(&self, expression: &Expression) -> ResultLabels {
        match expression {
            Expression::Number | Expression::Text(_) => ResultLabels::none(),
            Expression::Selector(_) => ResultLabels::all(),
            Expression::Range(inner, _)
            | Expression::Subquery(inner)
            | Expression::Unary(inner)
            | Expression::Refused(inner, _) => self.of(inner),
            Expression::Binary(binary) => self.of_binary(binary),
            Expression::Call(call) => self.of_call(call),
            Expression::Aggregate(aggregate) => self.of_aggregate(aggregate),
        }
    }

    fn added(&self, labels: impl IntoIterator<Item = String>) -> ResultLabels {
        let labels = labels.into_iter().filter(|_| self.with_added);
        ResultLabels::Only(labels.collect())
    }

    fn of_aggregate(&self, aggregate: &Aggregate) -> ResultLabels {
        let Aggregate {
            name,
            grouping,
            arguments,
        } = aggregate;
        let inner = arguments
            .last()
            .map_or_else(ResultLabels::none, |last| self.of(last));
        match (name.as_str(), arguments.first()) {
            // They choose some of the series as they are.
            ("topk" | "bottomk" | "limitk" | "limit_ratio", _) => inner,
            ("count_values", Some(Expression::Text(label))) => inner
                .grouped(grouping)
                .or(ResultLabels::Only([label.clone()].into())),
            _ => inner.grouped(grouping),
        }
    }

    fn of_call(&self, call: &Call) -> ResultLabels {
        let text = |index: usize| match call.arguments.get(index) {
            Some(Expression::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let of_arguments = || {
            let arguments = call.arguments.iter().map(|argument| self.of(argument));
            arguments.fold(ResultLabels::none(), ResultLabels::or)
        };
        match call.name.as_str() {
            name if WITHOUT_LABELS.contains(&name) => ResultLabels::none(),
            "absent" | "absent_over_time" => ResultLabels::Only(equal_labels(call)),
            "label_replace" | "label_join" => of_arguments().or(self.added(text(1))),
            "histogram_quantile" | "histogram_fraction" => {
                of_arguments().and(ResultLabels::AllBut(["le".to_owned()].into()))
            }
            // It adds labels of other series.
            "info" => ResultLabels::all(),
            _ => of_arguments(),
        }
    }

    fn of_binary(&self, binary: &Binary) -> ResultLabels {
        let Binary {
            operator,
            matching,
            many,
            left,
            right,
        } = binary;
        let sides = (self.of(left), self.of(right));
        match (operator.as_str(), is_scalar(left), is_scalar(right)) {
            ("and" | "unless", ..) => return sides.0,
            ("or", ..) => return sides.0.or(sides.1),
            (_, _, true) => return sides.0,
            (_, true, _) => return sides.1,
            _ => {}
        }
        match (many, matching) {
            (Some(Many { is_left, labels }), _) => {
                let side = if *is_left { sides.0 } else { sides.1 };
                side.or(self.added(labels.iter().cloned()))
            }
            // Both sides have them all with equal values.
            (None, Grouping::None) => sides.0.and(sides.1),
            (None, matching) => sides.0.grouped(matching),
        }
    }
}

/// The labels that a missing series would have.
fn equal_labels(call: &Call) -> BTreeSet<String> {
    let selectors = call.arguments.iter().flat_map(Expression::selectors);
    let matchers = selectors.flat_map(|Selector { matchers, .. }| matchers);
    matchers
        .filter(|matcher| matcher.operator == "=")
        .map(|matcher| matcher.label.clone())
        .collect()
}

fn is_scalar(expression: &Expression) -> bool {
    match expression {
        Expression::Number => true,
        Expression::Unary(inner) | Expression::Refused(inner, _) => is_scalar(inner),
        Expression::Binary(binary) => is_scalar(&binary.left) && is_scalar(&binary.right),
        Expression::Call(call) => matches!(call.name.as_str(), "scalar" | "time" | "pi"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(query: &str, of: [&str; 3]) -> [bool; 3] {
        let labels =
            ResultLabels::of_query(query).unwrap_or_else(|error| panic!("{query}: {error}"));
        of.map(|label| labels.may_have(label))
    }

    #[test]
    fn labels_of_two_sides_are_those_of_either_or_of_both() {
        for (query, expected) in [
            (
                "sum without (a, b) (x) or sum without (b, c) (y)",
                [true, false, true],
            ),
            ("sum by (a, b) (x) or sum by (b, c) (y)", [true, true, true]),
            (
                "sum without (a, b) (x) / sum without (b, c) (y)",
                [false, false, false],
            ),
            (
                "sum by (a, b) (x) / sum by (b, c) (y)",
                [false, true, false],
            ),
        ] {
            assert_eq!(labels(query, ["a", "b", "c"]), expected, "{query}");
        }
    }

    #[test]
    fn operators_bind_to_the_left_and_powers_to_the_right() {
        let left = "a * on (pod) group_left (node) b * on (zone) c";
        assert_eq!(labels(left, ["pod", "node", "zone"]), [false, false, true]);
        let right = "a ^ on (pod) group_left (node) b ^ on (zone) c";
        assert_eq!(labels(right, ["pod", "node", "zone"]), [true; 3]);
    }

    #[test]
    fn numbers_leave_the_labels_of_the_other_side() {
        let all = [
            "-1 * x",
            "time() - x",
            "(1 + 2) * x",
            "x and sum(y)",
            "x unless sum(y)",
            "info(sum(x))",
        ];
        for query in all {
            assert_eq!(labels(query, ["pod", "a", "b"]), [true; 3], "{query}");
        }
        let none = "(1 + sum(y)) * x";
        assert_eq!(labels(none, ["pod", "a", "b"]), [false; 3]);
    }

    #[test]
    fn a_query_may_be_long_and_is_read_up_to_a_limit() {
        let sum = |terms: usize| vec!["(x)"; terms].join(" + ");
        assert!(ResultLabels::of_query(&sum(1001)).is_ok());
        assert!(ResultLabels::of_query(&sum(1002)).is_err());
    }
}
