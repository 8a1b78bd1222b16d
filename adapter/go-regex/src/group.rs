//! The beginning of a group: its name, or its flags.

use super::GoRegexError;

/// Translates the beginning of a group up to its content, and gives what follows that.
pub(super) fn group<'a>(text: &'a str, out: &mut String) -> Result<&'a str, GoRegexError> {
    out.push('(');
    let Some(after) = text.strip_prefix("(?") else {
        return Ok(&text[1..]);
    };
    let begins = |length: usize| text[..text.len() - after.len() + length].to_owned();
    if let Some(named) = after.strip_prefix("P<").or(after.strip_prefix('<')) {
        let end = named.find('>').unwrap_or(named.len());
        let is_of_name = |c: char| c == '_' || c.is_ascii_alphanumeric();
        if end == 0 || !named[..end].chars().all(is_of_name) {
            let length = after.len() - named.len() + (end + 1).min(named.len());
            return Err(GoRegexError::Name(begins(length)));
        }
        return Ok(&text[1..]);
    }
    out.push('?');
    let mut flags = Vec::new();
    for (index, c) in after.char_indices() {
        match c {
            // No flags at all are an empty group.
            ')' if flags.is_empty() => {
                out.push(':');
                return Ok(&after[index..]);
            }
            ':' | ')' if flags.last() != Some(&'-') => return Ok(&after[index..]),
            // `regex` takes each once.
            'i' | 'm' | 's' | 'U' if flags.contains(&c) => {}
            'i' | 'm' | 's' | 'U' => {
                flags.push(c);
                out.push(c);
            }
            '-' if !flags.contains(&c) => {
                flags.push(c);
                out.push(c);
            }
            c => return Err(GoRegexError::Syntax(begins(index + c.len_utf8()))),
        }
    }
    Err(GoRegexError::Syntax(text.to_owned()))
}
