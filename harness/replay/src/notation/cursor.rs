//! A position in a text that is read character by character.

use super::NotationError;

pub(super) struct Cursor<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.offset..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    pub(super) fn back_to(&mut self, offset: usize) {
        self.offset = offset;
    }

    /// Takes the characters that satisfy `wanted`.
    pub(super) fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest
            .char_indices()
            .find(|(_, c)| !wanted(*c))
            .map_or(rest.len(), |(at, _)| at);
        self.offset += end;
        rest.get(..end).unwrap_or_default()
    }

    /// Takes `wanted` if it comes next.
    pub(super) fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.offset += wanted.len_utf8();
        }
        there
    }

    /// Takes one character, whatever it is.
    pub(super) fn take_any(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.offset += next.len_utf8();
        Some(next)
    }

    /// Passes over a text that is known to come next.
    pub(super) fn skip(&mut self, text: &str) {
        self.offset += text.len();
    }

    pub(super) fn skip_space(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// An error at this place.
    pub(super) fn expected(&self, expected: impl Into<String>) -> NotationError {
        self.expected_at(self.offset, expected)
    }

    /// An error at a place that was passed.
    pub(super) fn expected_at(&self, offset: usize, expected: impl Into<String>) -> NotationError {
        let (before, after) = self
            .text
            .split_at_checked(offset)
            .unwrap_or((self.text, ""));
        let found: String = after
            .chars()
            .take_while(|c| !c.is_whitespace())
            .take(24)
            .collect();
        NotationError {
            column: before.chars().count() + 1,
            expected: expected.into(),
            found: match after.chars().next() {
                None => "the end".to_owned(),
                Some(_) if found.is_empty() => "a space".to_owned(),
                Some(_) => format!("`{found}`"),
            },
        }
    }
}
