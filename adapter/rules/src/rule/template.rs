//! The part of Go's `text/template` that rules use: `<<.Field>>`, `<<.Map.key>>` and `<<index .Map
//! "key">>`.

/// A compiled template with fields of type `F`.
#[derive(Debug)]
pub(super) struct Template<F> {
    pieces: Vec<Piece<F>>,
}

#[derive(Debug)]
enum Piece<F> {
    Text(String),
    /// `.Field`
    Field(F),
    /// `.Map.key`: a missing key is printed as Go prints it, `<no value>`.
    Member(String),
    /// `index .Map "key"`: a missing key is empty.
    Index(String),
}

/// The fields that a template may use: texts, and one map of texts.
pub(super) struct Fields<F: 'static> {
    pub(super) texts: &'static [(&'static str, F)],
    pub(super) map: Option<&'static str>,
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

impl<F: Copy> Template<F> {
    pub(super) fn parse(text: &str, fields: &Fields<F>) -> Result<Self, TemplateError> {
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
            let piece = piece(action_text.trim(), fields, &unsupported);
            pieces.push(piece.map_err(|problem| TemplateError {
                column: at,
                problem,
            })?);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    /// Fills in the fields and the members of the map.
    pub(super) fn render(
        &self,
        field: impl Fn(F) -> String,
        member: impl Fn(&str) -> Option<String>,
    ) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Field(name) => field(*name),
                Piece::Member(key) => member(key).unwrap_or_else(|| "<no value>".to_owned()),
                Piece::Index(key) => member(key).unwrap_or_default(),
            })
            .collect()
    }
}

fn piece<F: Copy>(
    action: &str,
    fields: &Fields<F>,
    unsupported: &dyn Fn() -> Problem,
) -> Result<Piece<F>, Problem> {
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
        return if fields.map == Some(map) {
            Ok(Piece::Index(key.to_owned()))
        } else {
            Err(unknown(map, fields))
        };
    }
    let path = action.strip_prefix('.').ok_or_else(unsupported)?;
    let is_of_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if path.is_empty() || !path.chars().all(is_of_path) {
        return Err(unsupported());
    }
    let (name, key) = path
        .split_once('.')
        .map_or((path, None), |(name, key)| (name, Some(key)));
    let text = fields.texts.iter().find(|(known, _)| *known == name);
    match (text, key) {
        (Some((_, field)), None) => Ok(Piece::Field(*field)),
        (None, Some(key)) if fields.map == Some(name) && !key.is_empty() && !key.contains('.') => {
            Ok(Piece::Member(key.to_owned()))
        }
        (None, _) if fields.map != Some(name) => Err(unknown(name, fields)),
        _ => Err(unsupported()),
    }
}

fn unknown<F>(field: &str, fields: &Fields<F>) -> Problem {
    let known = fields.texts.iter().map(|(name, _)| *name).chain(fields.map);
    let known: Vec<String> = known.map(|name| format!(".{name}")).collect();
    Problem::UnknownField {
        field: field.to_owned(),
        known: known.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: Fields<&str> = Fields {
        texts: &[("Series", "series"), ("GroupBy", "group by")],
        map: Some("ByName"),
    };

    fn parse(text: &str) -> Result<Template<&'static str>, TemplateError> {
        Template::parse(text, &FIELDS)
    }

    fn rendered(template: &Template<&str>) -> String {
        template.render(
            |field| format!("[{field}]"),
            |key| (key != "missing").then(|| format!("[by {key}]")),
        )
    }

    #[test]
    fn fields_and_maps_are_filled_in() {
        for (text, expected) in [
            (
                "sum(<<.Series>>) by (<< .GroupBy >>)",
                "sum([series]) by ([group by])",
            ),
            ("<<index .ByName \"pod\">>", "[by pod]"),
            (
                "<<.ByName.pod>>|<<.ByName.missing>>|<<index .ByName `missing`>>",
                "[by pod]|<no value>|",
            ),
            ("a  <<- .Series ->>  b", "a[series]b"),
        ] {
            assert_eq!(rendered(&parse(text).unwrap()), expected, "{text}");
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
                let _ = rendered(&template);
            }
        }
    }
}
