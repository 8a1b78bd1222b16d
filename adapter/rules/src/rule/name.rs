//! What `name.as` says before any series is known: its texts, and the groups of `name.matches` that it names.

use regex::Regex;
use setpoint_go_regex::{Part, has_group};

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
    let parts = setpoint_go_regex::parts(text).into_iter();
    let parts = parts.map(|part| match part {
        Part::Text(text) => NamePart::Text(text),
        Part::Group(name) if has_group(matches, name) => NamePart::Group(name),
        Part::Group(name) => NamePart::NoGroup(name),
        Part::Dollar => NamePart::Alone,
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use setpoint_go_regex::GoRegex;

    use super::*;

    #[test]
    fn groups_that_an_expression_has_are_told_from_those_that_it_hasnt() {
        use NamePart::{Alone, Group, NoGroup, Text};
        let regex = GoRegex::new("^(?P<base>.*)_(total)$").unwrap();
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
            assert_eq!(parts(text, regex.regex()), expected, "{text}");
        }
    }
}
