//! Regular expressions of rules, compiled once.

use std::collections::HashMap;

use setpoint_go_regex::{GoRegex, GoRegexError};

/// Expressions that are compiled already: a thousand rules have few different ones, such as `^(.*)_total$`, and to compile
/// one takes longer than everything else about a rule.
#[derive(Default)]
pub(crate) struct Compiled(HashMap<String, GoRegex>);

impl Compiled {
    /// [`GoRegex::new`], once an expression.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<GoRegex, GoRegexError> {
        if let Some(regex) = self.0.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = GoRegex::new(pattern)?;
        self.0.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}
