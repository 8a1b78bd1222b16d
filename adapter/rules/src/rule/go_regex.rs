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
//! | `$name` in `name.as`: letters of any script; no leading zeros in `$1` | ASCII; `$01` is `$1` |
//!
//! `\B` stays Unicode's. What Go refuses and `regex` takes, such as `a**` or `(?x)`, is taken. Two groups of one
//! name, which Go takes, are refused.

use std::collections::HashMap;

use regex::{Captures, Regex};

/// Expressions that are compiled already: a thousand rules have few different ones, such as `^(.*)_total$`, and to compile
/// one takes longer than everything else about a rule.
#[derive(Default)]
pub(crate) struct Compiled(HashMap<String, Regex>);

impl Compiled {
    /// [`compile`], once an expression.
    pub(super) fn regex(&mut self, pattern: &str) -> Result<Regex, regex::Error> {
        if let Some(regex) = self.0.get(pattern) {
            return Ok(regex.clone());
        }
        let regex = compile(pattern)?;
        self.0.insert(pattern.to_owned(), regex.clone());
        Ok(regex)
    }
}

/// Compiles a regular expression of Go's.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(&translated(pattern))
}

/// The same expression for the `regex` crate. What it doesn't understand is left to its errors.
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, false, &mut out),
            '[' => class(after, &mut out),
            '{' if !is_repetition(after) => {
                out.push_str("\\{");
                after
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    out
}

/// Translates what follows a backslash, and gives what follows that.
fn escape<'a>(text: &'a str, in_class: bool, out: &mut String) -> &'a str {
    let Some(c) = text.chars().next() else {
        out.push('\\');
        return text;
    };
    let after = &text[c.len_utf8()..];
    let class = match c {
        'd' => Some("0-9"),
        's' => Some("\\t\\n\\x0C\\r "),
        'w' => Some("0-9A-Za-z_"),
        _ => None,
    };
    let negated = match c {
        'D' => Some("[^0-9]"),
        'S' => Some("[^\\t\\n\\x0C\\r ]"),
        'W' => Some("[^0-9A-Za-z_]"),
        _ => None,
    };
    match c {
        'Q' if !in_class => {
            let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
            out.push_str(&regex::escape(quoted));
            return after;
        }
        // A character by its number, or a class of Unicode.
        'x' | 'p' | 'P' if after.starts_with('{') => {
            let end = after.find('}').map_or(after.len(), |end| end + 1);
            out.extend(['\\', c]);
            out.push_str(&after[..end]);
            return &after[end..];
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
            return &text[digits..];
        }
        _ => match (class, negated) {
            (Some(class), _) if in_class => out.push_str(class),
            (Some(class), _) => out.push_str(&format!("[{class}]")),
            (None, Some(negated)) => out.push_str(negated),
            (None, None) => out.extend(['\\', c]),
        },
    }
    after
}

/// Translates what follows `[` up to the end of the class, and gives what follows that.
fn class<'a>(text: &'a str, out: &mut String) -> &'a str {
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
            return &rest[1..];
        }
        first = false;
        if let Some(after) = named_class(rest) {
            out.push_str(&rest[..rest.len() - after.len()]);
            rest = after;
            continue;
        }
        let is_set = rest.starts_with('\\') && rest[1..].starts_with(SETS);
        rest = character(rest, out);
        // A `-` at the end is itself.
        let range = rest.strip_prefix('-').filter(|end| !end.starts_with(']'));
        if let Some(end) = range.filter(|_| !is_set) {
            out.push('-');
            rest = character(end, out);
        }
    }
    rest
}

/// Letters behind a backslash that stand for several characters.
const SETS: [char; 8] = ['d', 'D', 's', 'S', 'w', 'W', 'p', 'P'];

/// What follows `[:alpha:]`.
fn named_class(text: &str) -> Option<&str> {
    let end = text.strip_prefix("[:")?.find(":]")?;
    text.get(end + 4..)
}

/// Translates one character of a class, and gives what follows it.
fn character<'a>(text: &'a str, out: &mut String) -> &'a str {
    let Some(c) = text.chars().next() else {
        return text;
    };
    let after = &text[c.len_utf8()..];
    match c {
        '\\' => return escape(after, true, out),
        '[' | ']' | '&' | '~' | '-' => out.extend(['\\', c]),
        c => out.push(c),
    }
    after
}

/// Whether what follows `{` makes a repetition: `2}`, `2,}` or `2,3}`.
fn is_repetition(text: &str) -> bool {
    let Some((inner, _)) = text.split_once('}') else {
        return false;
    };
    let number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match inner.split_once(',') {
        None => number(inner),
        Some((least, most)) => number(least) && (most.is_empty() || number(most)),
    }
}

/// The text that a template with `$1`, `${1}` or `$name` gives for captures (`Regexp.Expand`). What
/// wasn't captured is empty.
pub(super) fn expanded(template: &str, captures: &Captures<'_>) -> String {
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

/// A reference of `name.as` to a group that `name.matches` doesn't have; Go puts nothing in its place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UnknownGroup {
    /// The name of the group.
    pub(crate) group: String,
    /// What was meant, if the name begins with that of a group: `${1}_total` for `$1_total`.
    pub(crate) meant: Option<String>,
}

/// The first reference of a template to a group that an expression doesn't have.
pub(super) fn unknown_group(template: &str, regex: &Regex) -> Option<UnknownGroup> {
    let is_group = |name: &str| match name.parse::<usize>() {
        Ok(index) if name == "0" || !name.starts_with('0') => index < regex.captures_len(),
        _ => regex.capture_names().flatten().any(|known| known == name),
    };
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('$') {
        rest = match (after.strip_prefix('$'), reference(after)) {
            (Some(after), _) => after,
            (None, None) => after,
            (None, Some((name, after))) if is_group(name) => after,
            (None, Some((name, _))) => {
                let ends = name.char_indices().rev();
                let mut parts = ends.map(|(end, _)| name.split_at(end));
                let meant = parts.find(|(group, _)| is_group(group));
                return Some(UnknownGroup {
                    group: name.to_owned(),
                    meant: meant.map(|(group, text)| format!("${{{group}}}{text}")),
                });
            }
        };
    }
    None
}

fn captured<'a>(name: &str, captures: &Captures<'a>) -> &'a str {
    let is_number = name.chars().all(|c| c.is_ascii_digit());
    let found = match name.parse::<usize>() {
        Ok(index) if is_number && (name == "0" || !name.starts_with('0')) => captures.get(index),
        _ => captures.name(name),
    };
    found.map_or("", |found| found.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    /// What `ci/golden/regexp` recorded.
    #[derive(Deserialize)]
    struct Answer {
        pattern: String,
        text: String,
        template: String,
        /// What Go expands the template to; none where the text doesn't match.
        expanded: Option<String>,
        /// Why Go refuses the pattern.
        error: Option<String>,
    }

    /// Patterns that Go refuses and that are taken here.
    const TAKEN: [&str; 3] = ["a**", "(?x)a b", "a{1001}"];

    /// A pattern that Go takes and that is refused here: two groups have one name.
    const TWICE: &str = "(?P<x>a)(?P<x>b)";

    #[test]
    fn expressions_match_and_expand_as_in_go() {
        let golden = include_str!("../../../../fixtures/golden/regexp.json");
        let answers: Vec<Answer> = serde_json::from_str(golden).unwrap();
        assert!(answers.len() >= 100);
        let mut differing = String::new();
        for answer in answers {
            let Answer {
                pattern,
                text,
                template,
                expanded: go,
                error,
            } = answer;
            let ours = compile(&pattern).map(|regex| {
                let captures = regex.captures(&text);
                captures.map(|captures| expanded(&template, &captures))
            });
            let same = match (&ours, &error) {
                (Ok(ours), None) => *ours == go,
                (Ok(_), Some(_)) => TAKEN.contains(&pattern.as_str()),
                (Err(_), None) => pattern == TWICE,
                (Err(_), Some(_)) => true,
            };
            if !same {
                differing += &format!(
                    "{pattern} on {text:?} as {template}\n  Go:   {go:?} {error:?}\n  ours: {ours:?}\n"
                );
            }
        }
        assert_eq!(differing, "");
    }

    #[test]
    fn a_reference_to_a_group_that_isnt_there_is_found_with_what_was_meant() {
        let regex = compile("^(.*)_(?P<unit>total)$").unwrap();
        let found = |template: &str| {
            let found = unknown_group(template, &regex)?;
            Some(format!("{} {:?}", found.group, found.meant))
        };
        for known in ["$1", "$0", "${1}_x", "$$1_x", "a", "$unit-x", "$2"] {
            assert_eq!(found(known), None, "{known}");
        }
        assert_eq!(found("$1_x").as_deref(), Some(r#"1_x Some("${1}_x")"#));
        assert_eq!(
            found("a_${unit}_$unit_x").as_deref(),
            Some(r#"unit_x Some("${unit}_x")"#)
        );
        assert_eq!(found("$3").as_deref(), Some("3 None"));
        assert_eq!(found("${other}").as_deref(), Some("other None"));
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_template_makes_it_panic(pattern in r"([a-c0-9\[\]{}()$.*+?^|&~,<>é-]|\\[QEdDwWsSbB0-9<>x]|\[\[:alpha:\]){0,12}", template in "[$a{}10é_]{0,8}") {
            if let Ok(regex) = compile(&pattern)
                && let Some(captures) = regex.captures("abc1é")
            {
                let _ = expanded(&template, &captures);
                let _ = unknown_group(&template, &regex);
            }
        }
    }
}
