//! Replacements with `$1` and `$name`.

use regex::Captures;

/// The text that a template with `$1`, `${1}` or `$name` gives for captures (`Regexp.Expand`). What
/// wasn't captured is empty.
#[must_use]
pub fn expanded(template: &str, captures: &Captures<'_>) -> String {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = reference(after) {
            out.push_str(captured(name, captures));
            rest = after;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out + rest
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

fn captured<'a>(name: &str, captures: &Captures<'a>) -> &'a str {
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    let found = match name.parse::<usize>() {
        Ok(index) if is_number && (name == "0" || !name.starts_with('0')) => captures.get(index),
        _ => captures.name(name),
    };
    found.map_or("", |found| found.as_str())
}
