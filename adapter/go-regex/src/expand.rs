//! Replacements with `$1` and `$name` (`Regexp.Expand`).

use regex::{Captures, Regex};

/// A part of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// It stands in each result as it is.
    Text(&'a str),
    /// What the group of this number or name captures.
    Group(&'a str),
    /// `$` before what names no group, such as that of `${1`: it stands in each result as it is.
    Dollar,
}

/// The parts of a replacement; none of its texts is empty.
#[must_use]
pub fn parts(replacement: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('$') {
        parts.push(Part::Text(before));
        rest = if let Some(after) = after.strip_prefix('$') {
            parts.push(Part::Text("$"));
            after
        } else if let Some((name, after)) = reference(after) {
            parts.push(Part::Group(name));
            after
        } else {
            parts.push(Part::Dollar);
            after
        };
    }
    parts.push(Part::Text(rest));
    parts.retain(|part| *part != Part::Text(""));
    parts
}

/// The text that a replacement gives for captures. What wasn't captured is empty.
#[must_use]
pub fn expanded(replacement: &str, captures: &Captures<'_>) -> String {
    let parts = parts(replacement).into_iter().map(|part| match part {
        Part::Text(text) => text,
        Part::Group(name) => captured(name, captures),
        Part::Dollar => "$",
    });
    parts.collect()
}

/// Whether an expression has a group of this number or name.
#[must_use]
pub fn has_group(regex: &Regex, name: &str) -> bool {
    match number(name) {
        Some(number) => number < regex.captures_len(),
        None => regex.capture_names().flatten().any(|known| known == name),
    }
}

/// The name that stands behind `$`, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let braced = text.strip_prefix('{');
    let inner = braced.unwrap_or(text);
    let is_end = |c: char| !(c.is_alphanumeric() || c == '_');
    let end = inner.find(is_end).unwrap_or(inner.len());
    let (name, after) = inner.split_at(end);
    if name.is_empty() {
        return None;
    }
    match braced {
        Some(_) => Some((name, after.strip_prefix('}')?)),
        None => Some((name, after)),
    }
}

/// The number of a group; one that begins with a zero is a name.
fn number(name: &str) -> Option<usize> {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    let found = name.parse().ok();
    found.filter(|_| is_number && (name == "0" || !name.starts_with('0')))
}

fn captured<'a>(name: &str, captures: &Captures<'a>) -> &'a str {
    let found = match number(name) {
        Some(number) => captures.get(number),
        None => captures.name(name),
    };
    found.map_or("", |found| found.as_str())
}
