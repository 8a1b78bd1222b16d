//! What scenario files are written with: durations, references, metrics, and where each stands in its file.

mod check;
mod condition;
pub(crate) mod copies;
mod entry;
mod manifest;
mod metric;
mod name;
mod need;
mod objects;
mod one_of;
mod quantity;
mod reference;
mod request;
pub(crate) mod rules;
mod span;
mod words;

pub(crate) use check::Checks;
pub(crate) use condition::ConditionStatus;
pub(crate) use entry::{MapEntry, keyed, keyed_or_none};
pub(crate) use metric::{Metric, On, Sample};
pub(crate) use need::{Install, Need};
pub(crate) use one_of::one_of;
pub(crate) use quantity::{Amount, Tolerance};
pub(crate) use reference::{DeploymentRef, ObjectRef};
pub(crate) use setpoint_rules::Place;
pub(crate) use span::Span;

/// An empty map.
#[derive(Debug, Clone, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The version of scenario files and of adapters' profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
pub(crate) enum ApiVersion {
    /// The only one so far.
    #[serde(rename = "setpoint.dev/v1alpha1")]
    V1alpha1,
}

/// The JSON schema of a type, as it is kept in files.
pub(crate) fn schema_of<T: schemars::JsonSchema>() -> String {
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(T)).unwrap_or_default();
    format!("{schema}\n")
}

/// Problems as `line:column: …`, with the file's path before each.
pub(crate) fn in_file(path: &std::path::Path, problems: Vec<String>) -> Vec<String> {
    let problems = problems.into_iter();
    problems
        .map(|problem| format!("{}:{problem}", path.display()))
        .collect()
}

/// The namespace of whatever doesn't name one.
pub(crate) fn default_namespace() -> String {
    "default".to_owned()
}

/// What is wrong with YAML, its place in front as compilers write it.
pub(crate) fn located(error: &serde_saphyr::Error) -> String {
    let (line, column) = setpoint_rules::error_place(error);
    let said = setpoint_rules::error_without_place(error);
    format!("{line}:{column}: {}", words::plain(&said))
}
