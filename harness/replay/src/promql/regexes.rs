//! Regular expressions of matchers: Go's, which promql-parser compiles as those of the `regex` crate.
//!
//! The library refuses a query for a pattern that only Go takes, such as `\\Qa.b\\E`. It reads the query with other patterns in their places then, and the
//! matchers get theirs back. Each is compiled from its text later, as Go has it.

use std::ops::Range;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::unquote_string;

use super::QueryError;
use super::text::PARSE_ERROR;

/// A string that stands behind `=~` or `!~`.
#[derive(Debug)]
pub(super) struct Literal {
    /// Where it stands, with its quotes.
    pub(super) at: Range<usize>,
}

/// What the library says of a pattern that the `regex` crate doesn't take.
const ILLEGAL: &str = "illegal regex";

/// Whether a query is refused for a pattern.
pub(super) fn is_of_pattern(error: &QueryError) -> bool {
    let QueryError::Parse(said) = error else {
        return false;
    };
    let reason = said.strip_prefix(PARSE_ERROR);
    reason.is_some_and(|reason| reason.starts_with(ILLEGAL))
}

/// The text with a pattern in the place of each literal that every library takes.
pub(super) fn replaced(text: &str, literals: &[Literal]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (index, literal) in literals.iter().enumerate() {
        out.push_str(&text[end..literal.at.start]);
        out.push_str(&format!("\"{}\"", place(index)));
        end = literal.at.end;
    }
    out.push_str(&text[end..]);
    out
}

fn place(index: usize) -> String {
    format!("pattern_{index}")
}

/// Gives the matchers of an expression their patterns back.
///
/// # Errors
/// A literal is none that Go takes.
pub(super) fn put_back(
    expression: &mut Expr,
    text: &str,
    literals: &[Literal],
) -> Result<(), QueryError> {
    let patterns = literals.iter().enumerate().map(|(index, literal)| {
        let pattern = unquote_string(&text[literal.at.clone()]);
        let refused = |reason| QueryError::Parse(format!("{PARSE_ERROR}{reason}"));
        let pattern = pattern.map_err(refused)?;
        Ok((place(index), pattern))
    });
    let patterns: Vec<(String, String)> = patterns.collect::<Result<_, QueryError>>()?;
    of_expression(expression, &mut |matcher| {
        if !matches!(matcher.op, MatchOp::Re(_) | MatchOp::NotRe(_)) {
            return;
        }
        if let Some((_, pattern)) = patterns.iter().find(|(place, _)| *place == matcher.value) {
            matcher.value.clone_from(pattern);
        }
    });
    Ok(())
}

/// Calls `change` for all matchers of an expression.
fn of_expression(expression: &mut Expr, change: &mut dyn FnMut(&mut Matcher)) {
    match expression {
        Expr::Aggregate(aggregate) => {
            of_expression(&mut aggregate.expr, change);
            if let Some(parameter) = &mut aggregate.param {
                of_expression(parameter, change);
            }
        }
        Expr::Unary(unary) => of_expression(&mut unary.expr, change),
        Expr::Binary(binary) => {
            of_expression(&mut binary.lhs, change);
            of_expression(&mut binary.rhs, change);
        }
        Expr::Paren(inner) => of_expression(&mut inner.expr, change),
        Expr::Subquery(subquery) => of_expression(&mut subquery.expr, change),
        Expr::VectorSelector(selector) => of_selector(selector, change),
        Expr::MatrixSelector(range) => of_selector(&mut range.vs, change),
        Expr::Call(call) => {
            for argument in &mut call.args.args {
                of_expression(argument, change);
            }
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn of_selector(selector: &mut VectorSelector, change: &mut dyn FnMut(&mut Matcher)) {
    let matchers = &mut selector.matchers;
    let or = matchers.or_matchers.iter_mut().flatten();
    matchers.matchers.iter_mut().chain(or).for_each(change);
}
