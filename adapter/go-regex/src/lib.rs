//! Regular expressions as Go's `regexp` takes them, for the `regex` crate. Both descend from RE2; this
//! is where they differ:
//!
//! | Go | `regex` |
//! |---|---|
//! | `\d \w \s \b` know ASCII | Unicode |
//! | `\Q…\E` quotes | an error |
//! | `\101` is a character in octal | an error |
//! | `\<` is `<` | the beginning of a word |
//! | `{` is itself where it begins no repetition | an error |
//! | within `[…]`, `[`, `&&`, `--` and `~~` are characters | nested and combined classes |
//! | `a**`, `a++`, `a{2}{3}` are errors | a repetition is repeated |
//! | at most 1000 repetitions, of nested ones together | as many as memory has |
//! | the flags `imsU` | `R`, `u` and `x` too |
//! | `\u0041`, `\p{Script=Greek}` are errors | characters and classes |
//! | `$name` of a replacement: letters of any script; no leading zeros in `$1` | ASCII; `$01` is `$1` |
//!
//! `\B` stays Unicode's. Groups of one name and names that begin with a digit, which Go takes, are refused, and so is a repetition of flags (`(?i)*` behind
//! something). `ci/golden/regexp` records what Go answers, which the tests here compare.

#![forbid(unsafe_code)]

mod class;
mod expand;
mod group;
mod translate;

use regex::{Captures, Regex};
use regex_syntax::ast::{Ast, RepetitionKind, RepetitionRange, parse::Parser};

pub use expand::{Part, expanded, has_group, parts};
use translate::translated;

/// How often something may be repeated, nested repetitions together (`regexp/syntax/parse.go`).
const MAX_REPETITIONS: u32 = 1000;

/// Why a text is no regular expression, in the words of Go where it is Go that refuses it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GoRegexError {
    /// Repetitions of repetitions.
    #[error("invalid nested repetition operator: `{0}`")]
    Nested(String),
    /// More repetitions than Go allows.
    #[error("invalid repeat count: more than {MAX_REPETITIONS}")]
    Count,
    /// Flags that Go doesn't have, or what looks around.
    #[error("invalid or unsupported Perl syntax: `{0}`")]
    Syntax(String),
    /// A name that no group can have.
    #[error("invalid named capture: `{0}`")]
    Name(String),
    /// A letter behind a backslash that means nothing.
    #[error("invalid escape sequence: `{0}`")]
    Escape(String),
    /// A class of Unicode that Go doesn't have.
    #[error("invalid character class range: `{0}`")]
    Class(String),
    /// What neither takes, in the words of the `regex` crate.
    #[error("{0}")]
    Regex(String),
}

impl From<regex::Error> for GoRegexError {
    /// The message draws the pattern over several lines; the last one says what is wrong.
    fn from(error: regex::Error) -> Self {
        let message = error.to_string();
        let last = message.lines().last().unwrap_or_default();
        Self::Regex(last.trim_start_matches("error: ").to_owned())
    }
}

/// A regular expression of Go's: its text as it is written, and what the `regex` crate makes of it.
///
/// ```
/// use setpoint_go_regex::GoRegex;
///
/// let word = GoRegex::new(r"^\w+$").unwrap();
/// assert!(word.is_match("abc") && !word.is_match("é"));
/// assert_eq!(word.text(), r"^\w+$");
/// let refused = GoRegex::new("a++").unwrap_err();
/// assert_eq!(refused.to_string(), "invalid nested repetition operator: `++`");
/// ```
#[derive(Debug, Clone)]
pub struct GoRegex {
    text: String,
    regex: Regex,
}

impl GoRegex {
    /// Compiles it.
    ///
    /// # Errors
    /// What Go refuses, and the few things that Go takes and the `regex` crate can't do.
    pub fn new(text: &str) -> Result<Self, GoRegexError> {
        Ok(Self {
            text: text.to_owned(),
            regex: compile(text)?,
        })
    }

    /// Compiles one that has to match the whole of a text, as those of PromQL's matchers (`model/labels/regexp.go`). With `lines`, `.` matches the end
    /// of a line too, as from Prometheus 3 on.
    ///
    /// # Errors
    /// Those of [`GoRegex::new`].
    pub fn anchored(text: &str, lines: bool) -> Result<Self, GoRegexError> {
        // Alone too: `a)|(b` is none, though it would be one between parentheses.
        compile(text)?;
        let flags = if lines { "s" } else { "" };
        Ok(Self {
            text: text.to_owned(),
            regex: compile(&format!("^(?{flags}:{text})$"))?,
        })
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// For the `regex` crate.
    #[must_use]
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// What its groups capture where it first matches.
    #[must_use]
    pub fn captures<'a>(&self, text: &'a str) -> Option<Captures<'a>> {
        self.regex.captures(text)
    }

    /// How many groups it has, the whole one too.
    #[must_use]
    pub fn captures_len(&self) -> usize {
        self.regex.captures_len()
    }

    /// Whether it matches somewhere in a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

fn compile(pattern: &str) -> Result<Regex, GoRegexError> {
    let translated = translated(pattern)?;
    // What it can't read, the regex crate refuses with its own words.
    if let Ok(read) = Parser::new().parse(&translated)
        && !repeats_at_most(&read, MAX_REPETITIONS)
    {
        return Err(GoRegexError::Count);
    }
    Ok(Regex::new(&translated)?)
}

/// Whether nothing is repeated more often, nested repetitions multiplied (`repeatIsValid` in `regexp/syntax/parse.go`).
fn repeats_at_most(read: &Ast, most: u32) -> bool {
    match read {
        Ast::Repetition(repetition) => {
            let times = match repetition.op.kind {
                RepetitionKind::Range(RepetitionRange::Exactly(times)) => times,
                RepetitionKind::Range(RepetitionRange::AtLeast(times)) => times,
                RepetitionKind::Range(RepetitionRange::Bounded(_, times)) => times,
                RepetitionKind::ZeroOrOne
                | RepetitionKind::ZeroOrMore
                | RepetitionKind::OneOrMore => 1,
            };
            times <= most && repeats_at_most(&repetition.ast, most / times.max(1))
        }
        Ast::Group(group) => repeats_at_most(&group.ast, most),
        Ast::Concat(concat) => concat.asts.iter().all(|part| repeats_at_most(part, most)),
        Ast::Alternation(either) => either.asts.iter().all(|part| repeats_at_most(part, most)),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
