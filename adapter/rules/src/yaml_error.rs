//! What is wrong with YAML, in words for who wrote it. The library's own words are for who wrote the program.

use std::borrow::Cow;
use std::fmt;

use serde_saphyr::{Error, MessageFormatter, UserMessageFormatter};

/// A text is no YAML, or not of the shape; the message shows where.
#[derive(Debug)]
pub struct YamlError(Box<Error>);

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.render_with_formatter(&Words))
    }
}

impl std::error::Error for YamlError {}

impl From<Error> for YamlError {
    fn from(error: Error) -> Self {
        Self(Box::new(error))
    }
}

/// Where a document is no YAML, or not of the shape: line and column, from 1.
#[must_use]
pub fn error_place(error: &Error) -> (usize, usize) {
    let number = |number: u64| usize::try_from(number).unwrap_or(1);
    let at = error.location();
    at.map_or((1, 1), |at| (number(at.line()), number(at.column())))
}

/// What is wrong with a document, without the library's own place and excerpt.
#[must_use]
pub fn error_without_place(error: &Error) -> String {
    let text = error.render_with_formatter(&Words);
    let said = text.lines().next().unwrap_or_default();
    let said = said.trim_start_matches("error: ");
    let problem = said.split_once(": ");
    let problem = problem.filter(|(before, _)| before.starts_with("line "));
    let problem = problem.map_or(said, |(_, problem)| problem);
    let (line, column) = error_place(error);
    let place = format!(" at line {line}, column {column}");
    problem.strip_suffix(&place).unwrap_or(problem).to_owned()
}

/// The library's words for users, and ours where those say less than is known or advise to change the program.
struct Words;

impl MessageFormatter for Words {
    fn format_message<'a>(&self, error: &'a Error) -> Cow<'a, str> {
        match error {
            Error::NullIntoString { .. } => {
                Cow::Borrowed("there is no value here, and a text is needed")
            }
            Error::DuplicateMappingKey { key: Some(key), .. } => {
                Cow::Owned(format!("the key `{key}` stands twice in one map"))
            }
            Error::DuplicateMappingKey { key: None, .. } => {
                Cow::Borrowed("a key stands twice in one map")
            }
            Error::MultipleDocuments { .. } => {
                Cow::Borrowed("expected one document, and `---` begins another")
            }
            other => UserMessageFormatter.format_message(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Shape {
        #[serde(rename = "text")]
        _text: String,
    }

    #[test]
    fn an_error_has_words_for_who_wrote_the_yaml() {
        for (yaml, expected) in [
            ("text:\n", "there is no value here, and a text is needed"),
            ("text: ~\n", "there is no value here, and a text is needed"),
            (
                "text: a\ntext: b\n",
                "the key `text` stands twice in one map",
            ),
            (
                "text: a\n---\ntext: b\n",
                "expected one document, and `---` begins another",
            ),
            ("text: *a\n", "reference to unknown value"),
            ("text: [\n", "expected string scalar"),
            ("", "unexpected end of file"),
            ("other: 1\n", "missing field `text`"),
        ] {
            let error = serde_saphyr::from_str::<Shape>(yaml).unwrap_err();
            assert_eq!(error_without_place(&error), expected, "{yaml}");
            let whole = YamlError::from(error).to_string();
            assert!(whole.contains(expected), "{whole}");
        }
    }
}
