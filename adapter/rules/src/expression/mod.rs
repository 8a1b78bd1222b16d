//! PromQL, read as far as it takes to say which labels a result has.
//!
//! The server is the judge of a query. What can't be read is told as that; what Prometheus refuses of a query that can be read is told apart
//! (`validity`), but for functions that aren't known here. Others that speak PromQL, such as VictoriaMetrics, take more.

mod functions;
mod labels;
mod literals;
mod modifiers;
mod parse;
mod primary;
mod tokens;
mod tree;
mod types;
mod validity;

pub use labels::ResultLabels;
pub(crate) use tree::{Expression, Matcher, Selector};
pub(crate) use types::Type;
pub(crate) use validity::{Invalid, is_label_name};

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
    /// A backslash in a string stands before what it can't stand before.
    #[error(
        "`\\{found}` is no escape of PromQL (character {at}); write `\\\\{found}` for that of a regular expression, or the string between backquotes"
    )]
    Escape {
        /// From 1, of the string.
        at: usize,
        /// The character behind the backslash.
        found: char,
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

impl Unreadable {
    /// Whether nothing is known of the text but that it goes beyond what is read here: Prometheus may well take it.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::Deep(_) | Self::Long(_))
    }
}

#[cfg(test)]
mod tests;
