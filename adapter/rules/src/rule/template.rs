//! The part of Go's `text/template` that rules use: `<<.Field>>`, `<<.Map.key>>` and `<<index .Map
//! "key">>`.

/// A compiled template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `.Field`
    Field(String),
    /// `.Map.key`: a missing key is printed as Go prints it, `<no value>`.
    Member(String, String),
    /// `index .Map "key"`: a missing key is empty.
    Index(String, String),
}

/// Why a template can't be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {problem}")]
pub struct TemplateError {
    column: usize,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("`<<` without `>>`")]
    Unclosed,
    #[error(
        "`<<{0}>>` is not understood; expected a field such as <<.Series>> or <<index .LabelValuesByName \"label\">>"
    )]
    Unsupported(String),
    #[error("there is no field .{field}; there are {known}")]
    UnknownField { field: String, known: String },
    #[error("the template is empty")]
    Empty,
}

/// The values of the fields of a template.
pub(super) trait Fields {
    fn field(&self, name: &str) -> Option<String>;
    fn member(&self, map: &str, key: &str) -> Option<String>;
}

impl Template {
    /// Compiles a text that may use these fields and maps.
    pub(super) fn parse(text: &str, fields: &[&str], maps: &[&str]) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut rest = text;
        let column = |rest: &str| text.chars().count() - rest.chars().count() + 1;
        if text.trim().is_empty() {
            return Err(TemplateError {
                column: 1,
                problem: Problem::Empty,
            });
        }
        while let Some((before, after)) = rest.split_once("<<") {
            let at = column(&rest[before.len()..]);
            let Some((action, after)) = after.split_once(">>") else {
                return Err(TemplateError {
                    column: at,
                    problem: Problem::Unclosed,
                });
            };
            let mut before = before;
            let mut action_text = action;
            let mut after = after;
            if let Some(trimmed) = action_text.strip_prefix("- ") {
                (before, action_text) = (before.trim_end(), trimmed);
            }
            if let Some(trimmed) = action_text.strip_suffix(" -") {
                (after, action_text) = (after.trim_start(), trimmed);
            }
            pieces.push(Piece::Text(before.to_owned()));
            let unsupported = || Problem::Unsupported(action.to_owned());
            let piece = piece(action_text.trim(), fields, maps, &unsupported);
            pieces.push(piece.map_err(|problem| TemplateError {
                column: at,
                problem,
            })?);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    pub(super) fn render(&self, fields: &impl Fields) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Field(name) => fields.field(name).unwrap_or_default(),
                Piece::Member(map, key) => fields
                    .member(map, key)
                    .unwrap_or_else(|| "<no value>".to_owned()),
                Piece::Index(map, key) => fields.member(map, key).unwrap_or_default(),
            })
            .collect()
    }
}

fn piece(
    action: &str,
    fields: &[&str],
    maps: &[&str],
    unsupported: &dyn Fn() -> Problem,
) -> Result<Piece, Problem> {
    let unknown = |field: &str| Problem::UnknownField {
        field: field.to_owned(),
        known: fields
            .iter()
            .chain(maps)
            .map(|name| format!(".{name}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    if let Some(arguments) = action.strip_prefix("index ") {
        let (map, key) = arguments.trim().split_once(' ').ok_or_else(unsupported)?;
        let map = map.strip_prefix('.').ok_or_else(unsupported)?;
        let key = key.trim();
        let quoted = ['"', '`']
            .iter()
            .find_map(|quote| key.strip_prefix(*quote)?.strip_suffix(*quote));
        let key = quoted
            .filter(|key| !key.contains(['"', '`', '\\']))
            .ok_or_else(unsupported)?;
        return match maps.contains(&map) {
            true => Ok(Piece::Index(map.to_owned(), key.to_owned())),
            false => Err(unknown(map)),
        };
    }
    let path = action.strip_prefix('.').ok_or_else(unsupported)?;
    if path.is_empty()
        || !path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    {
        return Err(unsupported());
    }
    match path.split_once('.') {
        None if fields.contains(&path) => Ok(Piece::Field(path.to_owned())),
        Some((map, key)) if maps.contains(&map) && !key.contains('.') && !key.is_empty() => {
            Ok(Piece::Member(map.to_owned(), key.to_owned()))
        }
        None if maps.contains(&path) => Err(unsupported()),
        None => Err(unknown(path)),
        Some((field, _)) if fields.contains(&field) => Err(unsupported()),
        Some((field, _)) if maps.contains(&field) => Err(unsupported()),
        Some((field, _)) => Err(unknown(field)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Letters;

    impl Fields for Letters {
        fn field(&self, name: &str) -> Option<String> {
            Some(format!("[{name}]"))
        }
        fn member(&self, map: &str, key: &str) -> Option<String> {
            (key != "missing").then(|| format!("[{map}/{key}]"))
        }
    }

    fn parse(text: &str) -> Result<Template, TemplateError> {
        Template::parse(text, &["Series", "GroupBy"], &["ByName"])
    }

    #[test]
    fn fields_and_maps_are_filled_in() {
        for (text, rendered) in [
            (
                "sum(<<.Series>>) by (<< .GroupBy >>)",
                "sum([Series]) by ([GroupBy])",
            ),
            ("<<index .ByName \"pod\">>", "[ByName/pod]"),
            (
                "<<.ByName.pod>>|<<.ByName.missing>>|<<index .ByName `missing`>>",
                "[ByName/pod]|<no value>|",
            ),
            ("a  <<- .Series ->>  b", "a[Series]b"),
        ] {
            assert_eq!(parse(text).unwrap().render(&Letters), rendered, "{text}");
        }
    }

    #[test]
    fn actions_that_are_not_understood_are_refused_with_their_column() {
        for (text, error) in [
            ("a <<.Series", "column 3: `<<` without `>>`"),
            (
                "<<.Serie>>",
                "column 1: there is no field .Serie; there are .Series, .GroupBy, .ByName",
            ),
            ("", "column 1: the template is empty"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), error);
        }
        for text in [
            "<<range .GroupBy>>",
            "<<.ByName>>",
            "<<>>",
            "<<.>>",
            "<<index .ByName pod>>",
            "<<.Series.x>>",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains("is not understood"), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>.a-zS\"`é -]{0,40}") {
            if let Ok(template) = parse(&text) {
                let _ = template.render(&Letters);
            }
        }
    }
}
