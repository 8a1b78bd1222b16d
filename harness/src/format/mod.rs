//! What scenario files are written with: durations, references, metrics, and where each stands in its file.

mod check;
mod condition;
mod manifest;
mod metric;
mod need;
mod one_of;
mod place;
mod quantity;
mod reference;
mod request;
mod span;

pub use check::Checks;
pub use condition::ConditionStatus;
pub use metric::{Metric, ObjectOfMetric, On, Sample};
pub use need::{Install, Need};
pub(crate) use one_of::one_of;
pub use place::Place;
pub use quantity::{Amount, Tolerance};
pub use reference::{DeploymentRef, ObjectRef};
pub use span::Span;

/// An empty map.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The namespace of whatever doesn't name one.
pub(crate) fn default_namespace() -> String {
    "default".to_owned()
}

/// What a library says of a text, without the excerpt of it.
pub(crate) fn first_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
