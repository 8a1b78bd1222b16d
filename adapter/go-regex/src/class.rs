//! Classes of characters: in brackets, and of Unicode.

use super::GoRegexError;
use super::translate::escape;

/// Translates what follows `[` up to the end of the class, and gives what follows that.
pub(super) fn class<'a>(text: &'a str, out: &mut String) -> Result<&'a str, GoRegexError> {
    out.push('[');
    let mut rest = text;
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        if c == ']' && !first {
            out.push(']');
            return Ok(&rest[1..]);
        }
        first = false;
        if let Some(after) = named_class(rest) {
            let class = &rest[..rest.len() - after.len()];
            if !NAMED_CLASSES.contains(&class.trim_matches(|c| "[:^]".contains(c))) {
                return Err(GoRegexError::Class(class.to_owned()));
            }
            out.push_str(class);
            rest = after;
            continue;
        }
        let is_set = rest.starts_with('\\') && rest[1..].starts_with(SETS);
        rest = character(rest, out)?;
        // A `-` at the end is itself.
        let range = rest.strip_prefix('-').filter(|end| !end.starts_with(']'));
        if let Some(end) = range.filter(|_| !is_set) {
            out.push('-');
            rest = character(end, out)?;
        }
    }
    Ok(rest)
}

/// Letters behind a backslash that stand for several characters.
const SETS: [char; 8] = ['d', 'D', 's', 'S', 'w', 'W', 'p', 'P'];

/// Names of classes between `[:` and `:]`.
const NAMED_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// What follows `[:alpha:]`.
fn named_class(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("[:")?;
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '^'))?;
    inner[end..].strip_prefix(":]")
}

/// Translates one character of a class, and gives what follows it.
fn character<'a>(text: &'a str, out: &mut String) -> Result<&'a str, GoRegexError> {
    let Some(c) = text.chars().next() else {
        return Ok(text);
    };
    let after = &text[c.len_utf8()..];
    match c {
        '\\' => return escape(after, true, out),
        '[' | ']' | '&' | '~' | '-' => out.extend(['\\', c]),
        c => out.push(c),
    }
    Ok(after)
}

/// Translates a class of Unicode, such as `pL` or `p{^Greek}`, and gives what follows it. Go has categories and scripts by their names alone.
pub(super) fn unicode_class<'a>(text: &'a str, out: &mut String) -> Result<&'a str, GoRegexError> {
    let inner = &text[1..];
    let length = match inner.chars().next() {
        Some('{') => inner.find('}').map(|end| end + 1),
        first => first.map(char::len_utf8),
    };
    let (class, after) = text.split_at(1 + length.unwrap_or(inner.len()));
    // `=`, `:` and `!=` ask for a property in `regex`.
    let is_name = |c: char| c.is_ascii_alphanumeric() || "{}^_".contains(c);
    if class.len() < 2 || !class.chars().all(is_name) || class == "p{Alphabetic}" {
        return Err(GoRegexError::Class(format!("\\{class}")));
    }
    out.push('\\');
    match class.split_once('^') {
        Some((_, name)) => {
            let negated = if class.starts_with('p') { 'P' } else { 'p' };
            out.push_str(&format!("{negated}{{{name}"));
        }
        None => out.push_str(class),
    }
    Ok(after)
}
