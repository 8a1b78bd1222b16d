//! PromQL, read as far as it takes to say which labels a result has.
//!
//! It is no judge of a query: Prometheus is, and others that speak PromQL know more functions. What it can't read, nothing
//! is said of. What Prometheus refuses of a query that can be read is told apart from that (`validity`).

mod functions;
mod labels;
mod parse;
mod primary;
mod tokens;
mod tree;
mod types;
mod validity;

pub use labels::ResultLabels;
pub(crate) use tree::{Expression, Matcher, Selector};
pub(crate) use types::Type;

/// Why a text isn't read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// A string begins and doesn't end.
    #[error("the string that begins at character {at} doesn't end")]
    String {
        /// From 1.
        at: usize,
    },
    /// A character that PromQL doesn't have outside of strings.
    #[error("there is no `{found}` in PromQL (character {at})")]
    Character {
        /// From 1.
        at: usize,
        /// The character.
        found: char,
    },
    /// Something else was expected.
    #[error("expected {expected} at character {at}, found {found}")]
    Unexpected {
        /// From 1.
        at: usize,
        /// What was expected.
        expected: &'static str,
        /// What stands there.
        found: String,
    },
    /// It nests deeper than anybody writes.
    #[error("it nests deeper than {0} levels")]
    Deep(usize),
    /// It has more operators than anybody writes.
    #[error("it has more than {0} operators")]
    Long(usize),
}

#[cfg(test)]
mod tests;
