//! What `name.as` says before any series is known: its texts, and the groups of `name.matches` that it names.

use regex::Regex;

/// A part of `name.as`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamePart<'a> {
    /// It stands in each name as it is.
    Text(&'a str),
    /// What a group of `name.matches` captures.
    Group(&'a str),
    /// A name that no group has, which stands for nothing.
    NoGroup(&'a str),
    /// `$` before what names no group, such as that of `${1`: it stands in each name as it is.
    Alone,
}

/// The parts of a text, as Go's `Regexp.Expand` reads it.
pub(super) fn parts<'a>(text: &'a str, matches: &Regex) -> Vec<NamePart<'a>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        parts.push(NamePart::Text(before));
        rest = if let Some(twice) = after.strip_prefix('$') {
            parts.push(NamePart::Text("$"));
            twice
        } else if let Some((name, after)) = reference(after) {
            parts.push(match has_group(matches, name) {
                true => NamePart::Group(name),
                false => NamePart::NoGroup(name),
            });
            after
        } else {
            parts.push(NamePart::Alone);
            after
        };
    }
    parts.push(NamePart::Text(rest));
    parts.retain(|part| *part != NamePart::Text(""));
    parts
}

/// The name that stands behind `$`, in braces or without, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('{');
    let is_end = |c: char| !(c.is_alphanumeric() || c == '_');
    let from = inner.unwrap_or(text);
    let (name, after) = from.split_at(from.find(is_end).unwrap_or(from.len()));
    let after = match inner {
        Some(_) => after.strip_prefix('}')?,
        None => after,
    };
    (!name.is_empty()).then_some((name, after))
}

/// Whether there is a group of this number or name.
pub(super) fn has_group(matches: &Regex, name: &str) -> bool {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
    // Go takes one that begins with a zero for a name.
    let is_number = is_number && (name == "0" || !name.starts_with('0'));
    match name.parse::<usize>() {
        Ok(number) if is_number => number < matches.captures_len(),
        _ => matches.capture_names().flatten().any(|known| known == name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::go_regex;
    use super::*;

    #[test]
    fn texts_and_groups_are_told_apart_as_go_tells_them_apart() {
        use NamePart::{Alone, Group, NoGroup, Text};
        let regex = go_regex::compile("^(?P<base>.*)_(total)$").unwrap();
        for (text, expected) in [
            ("$1_per_second", &[NoGroup("1_per_second")][..]),
            ("${1}_per_second", &[Group("1"), Text("_per_second")]),
            (
                "a$base.$2",
                &[Text("a"), Group("base"), Text("."), Group("2")],
            ),
            (
                "$3$01$base_x",
                &[NoGroup("3"), NoGroup("01"), NoGroup("base_x")],
            ),
            ("${1", &[Alone, Text("{1")]),
            ("$$1-$", &[Text("$"), Text("1-"), Alone]),
            ("", &[]),
        ] {
            assert_eq!(parts(text, &regex), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_of_a_name_give_what_go_gives(text in "[$a{}01b_é/]{0,10}") {
            let regex = go_regex::compile("^(a)(?P<b>x)?").unwrap();
            let captures = regex.captures("ax").unwrap();
            let of_part = |part: &NamePart<'_>| match *part {
                NamePart::Text(text) => text.to_owned(),
                NamePart::Group(name) => go_regex::expanded(&format!("${{{name}}}"), &captures),
                NamePart::NoGroup(_) => String::new(),
                NamePart::Alone => "$".to_owned(),
            };
            let given: String = parts(&text, &regex).iter().map(of_part).collect();
            prop_assert_eq!(given, go_regex::expanded(&text, &captures));
        }
    }
}
