//! What a rule lacks although it can be used.

use std::fmt;

use crate::template::TemplateError;

/// A rule that is served as far as prometheus-adapter serves it, which is less than was meant.
#[derive(Debug, Clone)]
pub struct Finding {
    /// `rules` or `externalRules`.
    pub list: &'static str,
    /// The position of the rule in the list, from 0.
    pub index: usize,
    /// The key that it is about.
    pub key: &'static str,
    /// Where that stands in the configuration, from 1; where the rule stands if it lacks the key.
    pub line: usize,
    /// The column there, from 1.
    pub column: usize,
    /// What is wrong.
    pub lack: Lack,
}

/// What is wrong with a rule that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lack {
    /// `metricsQuery` is left out.
    #[error("it is empty, so the metrics of this rule are listed and have no values")]
    NoQuery,
    /// `metricsQuery` names a field that there isn't.
    #[error("{0}; where that is executed, the metrics of this rule are listed and have no values")]
    Field(TemplateError),
    /// `resources` has neither a template nor overrides.
    #[error(
        "it needs `template` or `overrides`: else no series belongs to any object, and this rule gives no metrics"
    )]
    NoMapping,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            list,
            index,
            key,
            lack,
            ..
        } = self;
        write!(f, "{list}[{index}].{key}: {lack}")
    }
}
