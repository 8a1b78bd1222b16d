//! OpenMetrics and Prometheus' text format.

use super::{Collected, Recording, SourceError, millis};
use crate::Metadata;
use crate::labels::METRIC_NAME;
use crate::notation::{Cursor, NotationError, labels_at};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenMetrics,
    PrometheusText,
}

pub(super) fn read(text: &str, dialect: Dialect) -> Result<Recording, SourceError> {
    let mut all = Collected::default();
    let mut ended = false;
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        let wrong = |problem| SourceError::at(last, problem);
        let mut cursor = Cursor::new(line);
        if ended {
            return Err(wrong(cursor.expected("nothing after `# EOF`")));
        }
        if dialect == Dialect::OpenMetrics && line == "# EOF" {
            ended = true;
        } else if line.starts_with('#') {
            comment(&mut cursor, dialect, &mut all).map_err(wrong)?;
        } else if !(dialect == Dialect::PrometheusText && line.trim().is_empty()) {
            sample(&mut cursor, dialect, &mut all).map_err(wrong)?;
        }
    }
    if dialect == Dialect::OpenMetrics && !ended {
        return Err(SourceError {
            line: last + 1,
            column: 1,
            expected:
                "`# EOF`, which ends OpenMetrics (Prometheus' older format is `prometheus-text`)"
                    .to_owned(),
            found: "the end".to_owned(),
        });
    }
    Ok(all.recording())
}

/// `# TYPE`, `# HELP` and `# UNIT`; any other comment means nothing.
fn comment(
    cursor: &mut Cursor<'_>,
    dialect: Dialect,
    all: &mut Collected,
) -> Result<(), NotationError> {
    cursor.take('#');
    spaces(cursor);
    let start = cursor.offset();
    let what = word(cursor);
    if !matches!(what, "TYPE" | "HELP" | "UNIT") {
        return match dialect {
            Dialect::PrometheusText => Ok(()),
            Dialect::OpenMetrics => {
                Err(cursor.expected_at(start, "`TYPE`, `HELP`, `UNIT` or `EOF`"))
            }
        };
    }
    spaces(cursor);
    let start = cursor.offset();
    let name = word(cursor);
    let name = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
        .unwrap_or(name);
    if name.is_empty() {
        return Err(cursor.expected_at(start, "a metric name"));
    }
    spaces(cursor);
    let told = cursor.rest().trim_end();
    let known = all.metadata.entry(name.to_owned()).or_insert(Metadata {
        kind: "unknown".to_owned(),
        ..Metadata::default()
    });
    match what {
        "TYPE" if told == "untyped" => known.kind = "unknown".to_owned(),
        "TYPE" => known.kind = told.to_owned(),
        "UNIT" => known.unit = told.to_owned(),
        _ => known.help = unescaped(told),
    }
    Ok(())
}

/// `name{label="value"} value time # exemplar`.
fn sample(
    cursor: &mut Cursor<'_>,
    dialect: Dialect,
    all: &mut Collected,
) -> Result<(), NotationError> {
    let labels = labels_at(cursor)?;
    if !labels.contains(METRIC_NAME) {
        return Err(cursor.expected_at(0, "a metric name"));
    }
    if !cursor.peek().is_some_and(is_space) {
        return Err(cursor.expected("a space and a value"));
    }
    spaces(cursor);
    let start = cursor.offset();
    let value = word(cursor);
    let Ok(value) = value.parse::<f64>() else {
        return Err(cursor.expected_at(start, "a number"));
    };
    spaces(cursor);
    let start = cursor.offset();
    let mut at = None;
    if cursor.peek().is_some_and(|c| c != '#') {
        let (unit, per_unit) = match dialect {
            Dialect::OpenMetrics => ("seconds since 1970", 1000.0),
            Dialect::PrometheusText => ("milliseconds since 1970", 1.0),
        };
        let time = word(cursor).parse::<f64>().ok();
        at = time.and_then(|time| millis(time, per_unit));
        if at.is_none() {
            return Err(cursor.expected_at(start, format!("a time in {unit}")));
        }
        spaces(cursor);
    }
    if cursor.peek().is_some_and(|c| c != '#') {
        return Err(cursor.expected("the end of the line or an exemplar"));
    }
    all.take(labels, at, value)
        .map_err(|expected| cursor.expected_at(start, expected))
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn spaces(cursor: &mut Cursor<'_>) {
    cursor.take_while(is_space);
}

fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    cursor.take_while(|c| !is_space(c))
}

/// A help text: `\n`, `\\` and `\"` stand for what can't stand there.
fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    out
}
