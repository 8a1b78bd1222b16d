//! A position in a text that is read character by character.

use super::NotationError;

pub(crate) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn back_to(&mut self, offset: usize) {
        self.offset = offset;
    }

    /// Takes the characters that satisfy `wanted`.
    pub(crate) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest
            .char_indices()
            .find(|(_, c)| !wanted(*c))
            .map_or(rest.len(), |(at, _)| at);
        self.offset += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Takes `wanted` if it comes next.
    pub(crate) fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.offset += wanted.len_utf8();
        }
        there
    }

    /// Takes one character, whatever it is.
    pub(crate) fn take_any(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.offset += next.len_utf8();
        Some(next)
    }

    /// Passes over a text that is known to come next.
    pub(crate) fn skip(&mut self, text: &str) {
        self.offset += text.len();
    }

    pub(crate) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// An error at this place.
    pub(crate) fn expected(&self, expected: impl Into<String>) -> NotationError {
        self.expected_at(self.offset, expected)
    }

    /// An error at a place that was passed.
    pub(crate) fn expected_at(&self, offset: usize, expected: impl Into<String>) -> NotationError {
        let (before, after) = self
            .text
            .split_at_checked(offset)
            .unwrap_or((self.text, ""));
        NotationError {
            column: before.chars().count() + 1,
            expected: expected.into(),
            found: found(after),
        }
    }
}

/// The beginning of a text, as errors show what they found.
pub(crate) fn found(text: &str) -> String {
    let word = text.chars().take_while(|c| !c.is_whitespace()).take(24);
    let word: String = word.collect();
    match text.chars().next() {
        None => "the end".to_owned(),
        Some(_) if word.is_empty() => "a space".to_owned(),
        Some(_) => format!("`{word}`"),
    }
}
