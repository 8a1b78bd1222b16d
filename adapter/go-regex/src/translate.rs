//! From a regular expression of Go's to one of the `regex` crate.

use super::GoRegexError;
use super::class::{class, unicode_class};
use super::group::group;

/// The same expression for the `regex` crate. What neither understands is left to its errors.
pub(super) fn translated(pattern: &str) -> Result<String, GoRegexError> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    // Where the repetition operator before began, if nothing stands behind it yet.
    let mut repeated = None;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        let repetition = repetition(rest);
        if let Some(behind) = repetition {
            if let Some(first) = repeated {
                let first: &str = first;
                let operators = &first[..first.len() - behind.len()];
                return Err(GoRegexError::Nested(operators.to_owned()));
            }
            out.push_str(&rest[..rest.len() - behind.len()]);
            repeated = Some(rest);
            rest = behind;
            continue;
        }
        repeated = None;
        rest = match c {
            '\\' => escape(after, false, &mut out)?,
            '[' => class(after, &mut out)?,
            '{' => {
                out.push_str("\\{");
                after
            }
            '(' => group(rest, &mut out)?,
            c => {
                out.push(c);
                after
            }
        };
    }
    Ok(out)
}

/// What follows a repetition operator, which may be lazy.
fn repetition(text: &str) -> Option<&str> {
    let after = match text.chars().next()? {
        '*' | '+' | '?' => &text[1..],
        '{' if is_repetition(&text[1..]) => text.split_once('}')?.1,
        _ => return None,
    };
    Some(after.strip_prefix('?').unwrap_or(after))
}

/// Translates what follows a backslash, and gives what follows that.
pub(super) fn escape<'a>(
    text: &'a str,
    in_class: bool,
    out: &mut String,
) -> Result<&'a str, GoRegexError> {
    let Some(c) = text.chars().next() else {
        out.push('\\');
        return Ok(text);
    };
    let after = &text[c.len_utf8()..];
    // Of ASCII, where `regex` would take Unicode's.
    let set = match c {
        'd' => Some("[0-9]"),
        'D' => Some("[^0-9]"),
        's' => Some("[\\t\\n\\x0C\\r ]"),
        'S' => Some("[^\\t\\n\\x0C\\r ]"),
        'w' => Some("[0-9A-Za-z_]"),
        'W' => Some("[^0-9A-Za-z_]"),
        _ => None,
    };
    match c {
        'Q' if !in_class => {
            let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            return Ok(after);
        }
        'p' | 'P' => return unicode_class(text, out),
        // A character by its number; this brace isn't one of itself.
        'x' if after.starts_with('{') => {
            out.push_str("\\x{");
            return Ok(&after[1..]);
        }
        'b' if !in_class => out.push_str("(?-u:\\b)"),
        '<' | '>' => out.push(c),
        '0'..='7' => {
            // A digit but 0 alone would be a reference to a group, which neither has.
            let digits = text.find(|c: char| !('0'..='7').contains(&c));
            let digits = digits.unwrap_or(text.len()).min(3);
            match u32::from_str_radix(&text[..digits], 8) {
                Ok(value) if c == '0' || digits > 1 => out.push_str(&format!("\\x{{{value:x}}}")),
                _ => out.push_str(&format!("\\{}", &text[..digits])),
            }
            return Ok(&text[digits..]);
        }
        // Letters that `regex` knows beyond Go's.
        c if c.is_alphanumeric() && !"AaBDdEfnrSstvWwxz".contains(c) => {
            return Err(GoRegexError::Escape(format!("\\{c}")));
        }
        _ => match set {
            Some(set) => out.push_str(set),
            None => out.extend(['\\', c]),
        },
    }
    Ok(after)
}

/// Whether what follows `{` makes a repetition: `2}`, `2,}` or `2,3}`.
fn is_repetition(text: &str) -> bool {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == ','));
    let inner = end.and_then(|end| text[end..].starts_with('}').then_some(&text[..end]));
    let Some(inner) = inner else { return false };
    // Zeros in front make it no number.
    let number = |text: &str| {
        let digits = text.chars().all(|c| c.is_ascii_digit());
        digits && (text == "0" || !(text.is_empty() || text.starts_with('0')))
    };
    match inner.split_once(',') {
        None => number(inner),
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
    }
}
