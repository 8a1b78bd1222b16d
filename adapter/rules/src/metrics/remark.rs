//! What results of a query say of the rule that gave it.

use crate::config::{Instead, ValuePolicy};
use crate::resources::GroupResource;
use crate::series::written;

/// Results that aren't what a rule can mean, with the cure.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Remark {
    /// An object has several results.
    #[error(
        "several results for {group_resource} {name}, of which the last counts; aggregate by <<.GroupBy>> alone, as in `sum(…) by (<<.GroupBy>>)`"
    )]
    Several {
        /// The resource of the object.
        group_resource: GroupResource,
        /// The name of the object.
        name: String,
    },
    /// Results lack the label that names objects.
    #[error(
        "results without label `{label}`, which says to which of {group_resource} they belong; metricsQuery needs `by (<<.GroupBy>>)`"
    )]
    NoLabel {
        /// The label.
        label: String,
        /// The resource of the objects.
        group_resource: GroupResource,
    },
    /// A result is no number, and the rule doesn't say what counts then.
    #[error(
        "a result for {of} is NaN, which is answered as {answered}, as each NaN of this rule; `valuePolicy: {{nan: …}}` says what counts: `error`, `zero` or `default: N`"
    )]
    NaN {
        /// What it is of.
        of: String,
        /// What is answered.
        answered: Instead,
    },
    /// A result is infinite, and the rule doesn't say what counts then.
    #[error(
        "a result for {of} is {}, which no answer can hold; `valuePolicy: {{infinite: …}}` says what counts instead: `zero` or `default: N`",
        written(*.value)
    )]
    Infinite {
        /// What it is of.
        of: String,
        /// The value.
        value: f64,
    },
}

impl Remark {
    /// What it is about in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Several { .. } => "several-results",
            Self::NoLabel { .. } => "no-label",
            Self::NaN { .. } => "nan",
            Self::Infinite { .. } => "infinite",
        }
    }

    /// What is to be said of a value that is no finite number and that the rule says nothing of. NaN is answered as
    /// `nan` then.
    pub(crate) fn of_value(
        value: f64,
        policy: &ValuePolicy,
        nan: Instead,
        of: impl FnOnce() -> String,
    ) -> Option<Self> {
        if value.is_nan() && policy.nan.is_none() {
            return Some(Self::NaN {
                of: of(),
                answered: nan,
            });
        }
        (value.is_infinite() && policy.infinite.is_none())
            .then(|| Self::Infinite { of: of(), value })
    }
}
