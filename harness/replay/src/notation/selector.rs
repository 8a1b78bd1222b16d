//! The name and labels of a series.

use promql_parser::util::unquote_string;

use super::{NotationError, cursor::Cursor};
use crate::labels::{Labels, METRIC_NAME};

/// Reads `name{label="value", …}`, `name`, `{__name__="name", …}` or `{"name", "label"="value", …}`.
///
/// # Errors
/// Where the notation can't be read, a label stands twice, or there is no name.
///
/// ```
/// let labels = setpoint_replay::notation::parse_series(r#"up{pod="a\"b"}"#)?;
/// assert_eq!(labels.value("pod"), "a\"b");
/// # Ok::<(), setpoint_replay::notation::NotationError>(())
/// ```
pub fn parse_series(text: &str) -> Result<Labels, NotationError> {
    let labels = parse_labels(text)?;
    if labels.contains(METRIC_NAME) {
        Ok(labels)
    } else {
        Err(Cursor::new(text).expected("a metric name"))
    }
}

/// Reads labels as [`parse_series`] does, with or without a metric name: what a query gives may have none.
///
/// # Errors
/// Where the notation can't be read, or a label stands twice.
pub fn parse_labels(text: &str) -> Result<Labels, NotationError> {
    let mut cursor = Cursor::new(text);
    cursor.skip_space();
    let labels = labels_at(&mut cursor)?;
    cursor.skip_space();
    match cursor.peek() {
        Some(_) => Err(cursor.expected("the end of the series")),
        None => Ok(labels),
    }
}

/// Reads labels at a place of a longer text.
pub(crate) fn labels_at(cursor: &mut Cursor<'_>) -> Result<Labels, NotationError> {
    let mut labels = Labels::new();
    let name = identifier(cursor, ':');
    if !name.is_empty() {
        labels.set(METRIC_NAME, name);
    }
    let end = cursor.offset();
    cursor.skip_space();
    if cursor.take('{') {
        label_pairs(cursor, &mut labels)?;
    } else if name.is_empty() {
        return Err(cursor.expected("a metric name or `{`"));
    } else {
        cursor.back_to(end);
    }
    Ok(labels)
}

/// Writes labels so that [`parse_labels`] reads them.
///
/// ```
/// use setpoint_replay::notation::{parse_series, write_labels};
/// let labels = parse_series(r#"up{"service.name"="a\"b",pod="web-1"}"#)?;
/// assert_eq!(write_labels(&labels), r#"up{pod="web-1","service.name"="a\"b"}"#);
/// # Ok::<(), setpoint_replay::notation::NotationError>(())
/// ```
#[must_use]
pub fn write_labels(labels: &Labels) -> String {
    let name = labels.value(METRIC_NAME);
    let is_plain_name = is_plain(name, ':');
    let mut parts = Vec::new();
    if !name.is_empty() && !is_plain_name {
        parts.push(written(name));
    }
    for (label, value) in labels.iter().filter(|(label, _)| *label != METRIC_NAME) {
        let value = written(value);
        parts.push(match is_plain(label, '_') {
            true => format!("{label}={value}"),
            false => format!("{}={value}", written(label)),
        });
    }
    let name = if is_plain_name { name } else { "" };
    if parts.is_empty() && is_plain_name {
        return name.to_owned();
    }
    format!("{name}{{{}}}", parts.join(","))
}

/// Whether a name needs no quotes.
fn is_plain(name: &str, extra: char) -> bool {
    !name.is_empty() && identifier(&mut Cursor::new(name), extra) == name
}

/// A text in quotes.
fn written(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

fn label_pairs(cursor: &mut Cursor<'_>, labels: &mut Labels) -> Result<(), NotationError> {
    loop {
        cursor.skip_space();
        if cursor.take('}') {
            return Ok(());
        }
        let start = cursor.offset();
        let is_quoted = matches!(cursor.peek(), Some('"' | '\'' | '`'));
        let mut name = match is_quoted {
            true => quoted(cursor)?,
            false => identifier(cursor, '_').to_owned(),
        };
        if name.is_empty() {
            return Err(cursor.expected("a label name or `}`"));
        }
        cursor.skip_space();
        let value = if cursor.take('=') {
            cursor.skip_space();
            quoted(cursor)?
        } else if is_quoted {
            std::mem::replace(&mut name, METRIC_NAME.to_owned())
        } else {
            return Err(cursor.expected("`=`"));
        };
        if labels.contains(&name) {
            return Err(cursor.expected_at(start, "each label once"));
        }
        labels.set(&name, &value);
        cursor.skip_space();
        if !cursor.take(',') && cursor.peek() != Some('}') {
            return Err(cursor.expected("`,` or `}`"));
        }
    }
}

/// Letters, digits, `_` and `extra`, not beginning with a digit.
fn identifier<'a>(cursor: &mut Cursor<'a>, extra: char) -> &'a str {
    if cursor.peek().is_some_and(|c| c.is_ascii_digit()) {
        return "";
    }
    cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_' || c == extra)
}

fn quoted(cursor: &mut Cursor<'_>) -> Result<String, NotationError> {
    const EXPECTED: &str = "a quoted label value";
    let start = cursor.offset();
    let before = cursor.rest();
    let Some(quote @ ('"' | '\'' | '`')) = cursor.take_any() else {
        return Err(cursor.expected_at(start, EXPECTED));
    };
    loop {
        match cursor.take_any() {
            None => return Err(cursor.expected_at(start, "a label value with a closing quote")),
            Some('\\') if quote != '`' => {
                cursor.take_any();
            }
            Some(c) if c == quote => break,
            Some(_) => {}
        }
    }
    let token = before.get(..cursor.offset() - start).unwrap_or_default();
    unquote_string(token).map_err(|_| cursor.expected_at(start, "a label value with valid escapes"))
}
