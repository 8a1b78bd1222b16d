//! Regular expressions of rules, compiled once.

use std::collections::HashMap;

use regex::Regex;
use setpoint_go_regex::{GoRegexError, compile};

/// Expressions that are compiled already: a thousand rules have few different ones, such as `^(.*)_total$`, and to compile
/// one takes longer than everything else about a rule.
#[derive(Default)]
pub(crate) struct Compiled(HashMap<String, Regex>);

impl Compiled {
    /// [`compile`], once an expression.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<Regex, GoRegexError> {
        if let Some(regex) = self.0.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = compile(pattern)?;
        self.0.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}
