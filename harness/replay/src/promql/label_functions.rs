//! `label_join` and `label_replace`.

use setpoint_go_regex::{GoRegex, expanded};

use super::eval::Evaluation;
use super::functions::Call;
use super::matrix::{Matrix, distinct};
use super::{Change, QueryError, Version};

/// A name that a label can have: any text from v3 on.
pub(super) fn is_name(name: &str, version: Version) -> bool {
    if version.is_3() {
        return !name.is_empty();
    }
    let letter = |c: char| c == '_' || c.is_ascii_alphanumeric();
    name.starts_with(|c: char| !c.is_ascii_digit()) && name.chars().all(letter)
}

fn refused<T>(reason: String) -> Result<T, QueryError> {
    Err(QueryError::Execution(reason))
}

pub(super) fn replace(
    evaluation: &mut Evaluation<'_>,
    call: Call<'_>,
) -> Result<Matrix, QueryError> {
    let (target, replacement) = (call.text(1)?, call.text(2)?);
    let (source, pattern) = (call.text(3)?, call.text(4)?);
    let version = evaluation.settings.version;
    let flags = if version.is_3() { "s" } else { "" };
    let Ok(regex) = GoRegex::new(&format!("^(?{flags}:{pattern})$")) else {
        return refused(format!(
            "invalid regular expression in label_replace(): {pattern}"
        ));
    };
    if !is_name(target, version) {
        return refused(format!(
            "invalid destination label name in label_replace(): {target}"
        ));
    }
    let mut rows = evaluation.matrix(call.arg(0)?, call.steps)?;
    for row in &mut rows {
        let Some(found) = regex.captures(row.labels.value(source)) else {
            continue;
        };
        row.labels.set(target, &expanded(replacement, &found));
    }
    relabelled(rows, version)
}

/// Rows whose labels may be equal now; where the functions are asked at each step, they are joined (`rangeEval`).
fn relabelled(rows: Matrix, version: Version) -> Result<Matrix, QueryError> {
    let at_each_step = !version.has(Change::LabelsOfWholeRows);
    distinct(rows, at_each_step || version.has(Change::EqualRowsJoin))
}

pub(super) fn join(evaluation: &mut Evaluation<'_>, call: Call<'_>) -> Result<Matrix, QueryError> {
    let (target, separator) = (call.text(1)?, call.text(2)?);
    let version = evaluation.settings.version;
    let mut sources = Vec::new();
    for index in 3..call.args.len() {
        let source = call.text(index)?;
        if !is_name(source, version) {
            return refused(format!(
                "invalid source label name in label_join(): {source}"
            ));
        }
        sources.push(source);
    }
    if !is_name(target, version) {
        return refused(format!(
            "invalid destination label name in label_join(): {target}"
        ));
    }
    let mut rows = evaluation.matrix(call.arg(0)?, call.steps)?;
    for row in &mut rows {
        let values: Vec<&str> = sources.iter().map(|name| row.labels.value(name)).collect();
        let value = values.join(separator);
        row.labels.set(target, &value);
    }
    if version.has(Change::LabelsOfWholeRows) && !version.has(Change::JoinChecked) {
        return Ok(rows);
    }
    relabelled(rows, version)
}
