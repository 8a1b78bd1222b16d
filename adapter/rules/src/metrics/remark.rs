//! What results of a query say of the rule that gave it.

use crate::resources::GroupResource;

/// Results that aren't what a rule can mean, with the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
}

impl Remark {
    /// What it is about in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Several { .. } => "several-results",
            Self::NoLabel { .. } => "no-label",
        }
    }
}
