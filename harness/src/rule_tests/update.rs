//! Expectations that become what is answered, in the text of the file. Everything else of it stays, comments too.

use std::ops::Range;

use super::expected::{Expected, flow, lines};
use super::judge::{Question, as_expected};
use super::load::{LoadError, Test, TestFile};
use super::run::discovered;

/// Why expectations stay as they are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The place of an expectation isn't one that can be written.
    #[error(
        "{path}:{line}:{column}: this expectation can't be rewritten ({reason}): write it by hand"
    )]
    Place {
        /// The file.
        path: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What is in the way.
        reason: &'static str,
    },
    /// The text that came about isn't what was meant.
    #[error(
        "rewriting the expectations of {path} gives another file than was meant: write them by hand"
    )]
    Unsound {
        /// The file.
        path: String,
        /// What is wrong with it, if it can't be loaded.
        #[source]
        source: Option<Box<LoadError>>,
    },
}

impl TestFile {
    /// The text of the file with what is answered in place of what is expected; none where all tests pass.
    ///
    /// # Errors
    /// If an expectation stands where it can't be rewritten, such as one with comments.
    pub fn updated(&self) -> Result<Option<String>, UpdateError> {
        let mut edits = Vec::new();
        for (group, report) in self.groups.iter().zip(self.run_groups()) {
            let failed = group.tests.iter().zip(report);
            for (test, _) in failed.filter(|(_, report)| !report.passed) {
                let adapter = self.adapter(group, test);
                let expected = match &test.question {
                    Question::Discovery { of, .. } => discovered(&adapter, *of),
                    Question::Values {
                        target, expected, ..
                    } => as_expected(&adapter.answer(target).outcome, expected, self.tolerance),
                };
                edits.push(self.edit(test, &expected)?);
            }
        }
        if edits.is_empty() {
            return Ok(None);
        }
        edits.sort_by_key(|(range, _)| range.start);
        let mut text = self.text.clone();
        for (range, written) in edits.into_iter().rev() {
            text.replace_range(range, &written);
        }
        let unsound = |source| UpdateError::Unsound {
            path: self.path.display().to_string(),
            source,
        };
        let renewed = Self::of(&self.path, text.clone());
        let renewed = renewed.map_err(|error| unsound(Some(Box::new(error))))?;
        if renewed.len() != self.len() || renewed.run().failed() > 0 {
            return Err(unsound(None));
        }
        Ok(Some(text))
    }

    /// What is written where, in bytes of the text.
    fn edit(&self, test: &Test, new: &Expected) -> Result<(Range<usize>, String), UpdateError> {
        let (line, column) = test.expected_at;
        let old = test.question.expected_key();
        let found = span(&self.text, line, column, old).map_err(|reason| UpdateError::Place {
            path: self.path.display().to_string(),
            line,
            column,
            reason: reason.0,
        })?;
        let key = new.key();
        let written = match lines(new) {
            Some(lines) if !found.is_flow => {
                let indent = " ".repeat(found.indent);
                let lines: String = lines
                    .iter()
                    .map(|line| format!("\n{indent}{line}"))
                    .collect();
                format!("{key}:{lines}")
            }
            _ => format!("{key}: {}", flow(new)),
        };
        Ok((found.range, written))
    }
}

/// A key and its value in a text.
struct Span {
    range: Range<usize>,
    /// How many characters stand before the value in its line.
    indent: usize,
    is_flow: bool,
}

/// What is in the way.
struct InTheWay(&'static str);

/// The bytes of a key and its value, which stands at a line and a column.
fn span(text: &str, line: usize, column: usize, key: &str) -> Result<Span, InTheWay> {
    let value = offset(text, line, column).ok_or(InTheWay("its place isn't known"))?;
    let dash = dash(&text[..value]);
    let value = dash.unwrap_or(value);
    let (before, rest) = text.split_at(value);
    let is_flow = dash.is_none() && rest.starts_with(['[', '{']);
    let start = before.rfind(key).ok_or(InTheWay("its key isn't plain"))?;
    let between = before[start + key.len()..].strip_prefix(':');
    if between.is_none_or(|between| !between.trim().is_empty()) {
        return Err(InTheWay("there is a comment or an anchor in it"));
    }
    let length = if is_flow {
        flow_length(rest).ok_or(InTheWay("its brackets don't close"))?
    } else {
        block_length(rest, indent(before))
    };
    let held = &rest[..length];
    if held.contains([' ', '\n'])
        && held
            .split_whitespace()
            .any(|word| word.starts_with(['#', '&', '*']))
    {
        return Err(InTheWay("there is a comment or an anchor in it"));
    }
    Ok(Span {
        range: start..value + length,
        indent: indent(before),
        is_flow,
    })
}

/// The byte of the dash before the first element of a list, whose place is that of the list; none where no dash is there.
fn dash(before: &str) -> Option<usize> {
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let indented = before[line..].trim_end_matches(' ').strip_suffix('-')?;
    indented.trim().is_empty().then_some(line + indented.len())
}

/// How many characters stand before a place in its line.
fn indent(before: &str) -> usize {
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    before[line..].chars().count()
}

/// The byte at a line and a column, both from 1, in characters.
fn offset(text: &str, line: usize, column: usize) -> Option<usize> {
    let start = match line {
        1 => 0,
        _ => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let within = text.get(start..)?.char_indices().nth(column - 1)?.0;
    Some(start + within)
}

/// How many bytes a list or map in brackets has.
fn flow_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('"'), '\\') => escaped = true,
            (Some(open), c) if open == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '[' | '{') => depth += 1,
            (None, ']' | '}') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            (None, _) => {}
        }
    }
    None
}

/// How many bytes a list or map in lines has: up to the first line that is indented less, or as much by something else than
/// an element of the list.
fn block_length(text: &str, indent: usize) -> usize {
    let is_list = text.starts_with('-');
    let mut length = 0;
    let mut at = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let content = line.trim();
        let own = line.len() - line.trim_start().len();
        let belongs =
            index == 0 || own > indent || (own == indent && content.starts_with('-') == is_list);
        if !content.is_empty() && !content.starts_with('#') {
            if !belongs {
                break;
            }
            length = at + line.trim_end().len();
        }
        at += line.len();
    }
    length
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const HEAD: &str = "rule_files: [kube-prometheus/rules.yaml]\nevaluation_interval: 30s\ntests:\n- input_series:\n  # Two interfaces.\n  \
        - {series: 'container_network_receive_bytes_total{namespace=\"shop\",pod=\"web-1\"}', values: 0+3000x20}\n  \
        objects: [{pods: [web-1], namespace: shop}]\n";

    fn updated(tests: &str) -> Result<Option<String>, UpdateError> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/rule-tests/x.yaml");
        let file = TestFile::of(&path, format!("{HEAD}{tests}")).unwrap();
        file.updated()
    }

    const ASKED: &str = "metric: network_receive_bytes_per_second, namespace: shop, object: ";

    #[test]
    fn what_is_answered_takes_the_place_of_what_is_expected_and_nothing_else_changes() {
        let before = format!(
            "  metric_test:\n  # The rate.\n  - eval_time: 5m # later\n    exp_items:\n    - {{name: web-1, value: 2}}\n    - name: web-2\n      value: 3\n\n    # What is asked.\n    \
             metric: network_receive_bytes_per_second\n    namespace: shop\n    object: pods/*\n  \
             - {{eval_time: 5m, {ASKED}pods/web-1, exp_items: [{{name: \"a]\", value: 1}}]}} # kept\n  \
             - {{eval_time: 5m, {ASKED}pods/web-2, exp_items: []}}\n  \
             - {{eval_time: 5m, {ASKED}pods/web-1, exp_error: {{code: 404}}}}\n  \
             discovery_test:\n  - eval_time: 5m\n    exp_resources:\n      - pods/x\n  - {{eval_time: 1h, exp_resources: [pods/y]}}\n"
        );
        let after = format!(
            "  metric_test:\n  # The rate.\n  - eval_time: 5m # later\n    exp_items:\n    - {{name: web-1, value: 99999m}}\n\n    # What is asked.\n    \
             metric: network_receive_bytes_per_second\n    namespace: shop\n    object: pods/*\n  \
             - {{eval_time: 5m, {ASKED}pods/web-1, exp_items: [{{name: web-1, value: 99999m}}]}} # kept\n  \
             - {{eval_time: 5m, {ASKED}pods/web-2, exp_error: {{code: 404, message: \"the server could not find the metric network_receive_bytes_per_second for pods web-2\"}}}}\n  \
             - {{eval_time: 5m, {ASKED}pods/web-1, exp_items: [{{name: web-1, value: 99999m}}]}}\n  \
             discovery_test:\n  - eval_time: 5m\n    exp_resources:\n      - namespaces/network_receive_bytes_per_second\n      - pods/network_receive_bytes_per_second\n  \
             - {{eval_time: 1h, exp_resources: []}}\n"
        );
        assert_eq!(updated(&before).unwrap(), Some(format!("{HEAD}{after}")));
        assert_eq!(updated(&after).unwrap(), None);
    }

    #[test]
    fn an_expectation_with_a_comment_or_an_anchor_is_left_to_its_author() {
        let asked = "  metric_test:\n  - eval_time: 5m\n    metric: network_receive_bytes_per_second\n    namespace: shop\n    object: pods/*\n";
        for expected in [
            "    exp_items:\n    - {name: web-1, value: 2}\n    # Why.\n    - {name: web-2, value: 2}\n",
            "    exp_items: # Why.\n    - {name: web-1, value: 2}\n",
            "    exp_items: &a\n    - {name: web-1, value: 2}\n",
            "    exp_items: [\n      # Why.\n      {name: web-1, value: 2}]\n",
        ] {
            let error = updated(&format!("{asked}{expected}")).expect_err(expected);
            assert!(
                error.to_string().contains("comment or an anchor"),
                "{error}"
            );
        }
    }
}
