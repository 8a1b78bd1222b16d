//! What is wrong with the shape of a file, in words for who wrote it: a deserializer speaks of its own steps.

use std::borrow::Cow;

use crate::text::cut;

/// What the deserializer says, and what is meant.
const PHRASES: &[(&str, &str)] = &[
    (
        "expected mapping start",
        "expected keys with values, such as `key: value`",
    ),
    (
        "expected sequence start",
        "expected a list, such as `[a, b]`",
    ),
    ("expected string scalar", "expected a text, such as `web`"),
    (
        "expected string key for externally tagged enum",
        "expected a word, not a map",
    ),
    (
        "externally tagged enum expected scalar or mapping",
        "expected a word, not a list",
    ),
    (
        "unexpected value for unit enum variant",
        "expected a word, not a map",
    ),
    (
        "expected end of mapping after enum variant value",
        "expected one key, and here is another",
    ),
    ("invalid boolean", "expected true or false"),
    ("invalid floating point", "expected a number, such as 0.5"),
    ("invalid i32", "expected a whole number, such as 3"),
    ("invalid i64", "expected a whole number, such as 3"),
    ("invalid u8", "expected a whole number from 0 to 255"),
    ("invalid u16", "expected a whole number from 0 to 65535"),
    (
        "invalid u32",
        "expected a whole number from 0 to 4294967295",
    ),
    ("invalid u64", "expected a whole number, 0 or more"),
];

/// How a value that is missing is taken for a word.
const NO_WORD: &str = "unknown variant `~`, ";

/// The most characters of a problem: a file's own text may be in it.
const LONGEST: usize = 1_000;

/// What the deserializer says, in plain words.
pub(super) fn plain(said: &str) -> Cow<'_, str> {
    let known = PHRASES.iter().find(|(phrase, _)| *phrase == said);
    match (known, said.strip_prefix(NO_WORD)) {
        (Some(&(_, plain)), _) => Cow::Borrowed(plain),
        (None, Some(rest)) => Cow::Owned(format!("there is no value here, {rest}")),
        (None, None) => of_a_problem(said),
    }
}

/// As much of a problem as is told.
pub(super) fn of_a_problem(problem: &str) -> Cow<'_, str> {
    cut(problem, LONGEST)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::format::located;

    #[derive(Debug, Deserialize)]
    enum Word {
        One,
    }

    /// One field of each kind.
    #[derive(Debug, Deserialize)]
    struct Shape {
        _text: Option<String>,
        _list: Option<Vec<String>>,
        _map: Option<BTreeMap<String, String>>,
        _word: Option<Word>,
        _must: Word,
        _is: Option<bool>,
        _part: Option<f64>,
        _signed: Option<i32>,
        _small: Option<u16>,
        _count: Option<usize>,
    }

    #[test]
    fn what_is_wrong_with_a_shape_is_told_in_plain_words() {
        for (text, told) in [
            ("_text: [a]", "1:8: expected a text, such as `web`"),
            ("_list: a", "1:8: expected a list, such as `[a, b]`"),
            (
                "_map: a",
                "1:7: expected keys with values, such as `key: value`",
            ),
            ("_word: {}", "1:9: expected a word, not a map"),
            ("_word: [One]", "1:8: expected a word, not a list"),
            (
                "_must:\n_is: true",
                "1:6: there is no value here, expected one of One",
            ),
            ("_is: maybe", "1:6: expected true or false"),
            ("_part: half", "1:8: expected a number, such as 0.5"),
            ("_signed: many", "1:10: expected a whole number, such as 3"),
            (
                "_small: 99999",
                "1:9: expected a whole number from 0 to 65535",
            ),
            ("_count: -1", "1:9: expected a whole number, 0 or more"),
            ("_text: a", "1:1: missing field `_must`"),
        ] {
            let error = serde_saphyr::from_str::<Shape>(text).unwrap_err();
            assert_eq!(located(&error), told, "{text}");
        }
        assert!(serde_saphyr::from_str::<Shape>("_must: One").is_ok());
    }

    #[test]
    fn a_problem_is_told_up_to_some_length() {
        let told = plain(&"x".repeat(2_000)).chars().count();
        assert_eq!(told, LONGEST + 1);
    }
}
