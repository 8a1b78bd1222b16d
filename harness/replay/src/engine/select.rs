//! Selectors.

use std::time::Duration;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, MatrixSelector, Offset, VectorSelector};
use regex::Regex;

use super::{Element, Evaluation, QueryError, Samples};
use crate::labels::{Labels, METRIC_NAME};
use crate::notation::Point;
use crate::world::{Series, World};

/// How far an instant selector looks back (`--query.lookback-delta`).
pub(super) const LOOKBACK: i64 = 5 * 60 * 1000;
/// `--query.max-samples`.
const MAX_SAMPLES: usize = 50_000_000;

/// A selector whose matchers are ready to be asked.
#[derive(Debug)]
pub struct Selector {
    matchers: Vec<(String, Matching)>,
}

#[derive(Debug)]
enum Matching {
    Is(String),
    IsNot(String),
    Like(Regex),
    Unlike(Regex),
}

/// Reads a series selector, as `match[]` holds it.
///
/// # Errors
/// If it isn't one, or would match everything.
pub fn parse_selector(text: &str) -> Result<Selector, QueryError> {
    match super::parse(text)? {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            Selector::new(&selector)
        }
        _ => Err(QueryError::Parse(
            "parse error: expected a series selector".to_owned(),
        )),
    }
}

impl Selector {
    pub(super) fn new(selector: &VectorSelector) -> Result<Self, QueryError> {
        if !selector.matchers.or_matchers.is_empty() {
            return Err(QueryError::Unsupported("`or` between matchers".to_owned()));
        }
        let mut matchers = Vec::new();
        if let Some(name) = &selector.name {
            matchers.push((METRIC_NAME.to_owned(), Matching::Is(name.clone())));
        }
        for matcher in &selector.matchers.matchers {
            matchers.push((matcher.name.clone(), matching(matcher)?));
        }
        if matchers.iter().all(|(_, matching)| matching.accepts("")) {
            return Err(QueryError::Parse(
                "parse error: vector selector must contain at least one non-empty matcher"
                    .to_owned(),
            ));
        }
        Ok(Self { matchers })
    }

    /// Whether the labels satisfy all matchers.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers
            .iter()
            .all(|(name, matching)| matching.accepts(labels.value(name)))
    }
}

impl Matching {
    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => wanted == value,
            Self::IsNot(unwanted) => unwanted != value,
            Self::Like(regex) => regex.is_match(value),
            Self::Unlike(regex) => !regex.is_match(value),
        }
    }
}

fn matching(matcher: &Matcher) -> Result<Matching, QueryError> {
    // Prometheus anchors an expression and lets `.` match a line's end too (`model/labels/regexp.go`).
    let compiled = |parsed: &Regex| {
        Regex::new(&format!("^(?s:{})$", matcher.value)).unwrap_or_else(|_| parsed.clone())
    };
    Ok(match &matcher.op {
        MatchOp::Equal => Matching::Is(matcher.value.clone()),
        MatchOp::NotEqual => Matching::IsNot(matcher.value.clone()),
        MatchOp::Re(parsed) => Matching::Like(compiled(parsed)),
        MatchOp::NotRe(parsed) => Matching::Unlike(compiled(parsed)),
    })
}

/// Start (exclusive) and end (inclusive) of what a selector with a range sees.
pub(super) fn window(
    selector: &VectorSelector,
    range: Duration,
    at: i64,
) -> Result<(i64, i64), QueryError> {
    if selector.at.is_some() {
        return Err(QueryError::Unsupported("the modifier @".to_owned()));
    }
    let end = match &selector.offset {
        None => at,
        Some(Offset::Pos(offset)) => at.saturating_sub(millis(*offset)),
        Some(Offset::Neg(offset)) => at.saturating_add(millis(*offset)),
    };
    Ok((end.saturating_sub(millis(range)), end))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Evaluation<'_> {
    pub(super) fn instant(
        &mut self,
        selector: &VectorSelector,
    ) -> Result<Vec<Element>, QueryError> {
        let lookback = Duration::from_millis(LOOKBACK.unsigned_abs());
        let (after, until) = window(selector, lookback, self.at)?;
        let matchers = Selector::new(selector)?;
        let mut elements = Vec::new();
        for series in matched(self.world, &matchers) {
            let newest = series.newest_first(after, until).next();
            if let Some(Point::Value(value)) = newest.map(|sample| sample.point) {
                elements.push(Element {
                    labels: series.labels.clone(),
                    value,
                });
            }
        }
        Ok(elements)
    }

    pub(super) fn matrix(
        &mut self,
        selector: &MatrixSelector,
    ) -> Result<Vec<(Labels, Samples)>, QueryError> {
        let (after, until) = window(&selector.vs, selector.range, self.at)?;
        let matchers = Selector::new(&selector.vs)?;
        let mut all = Vec::new();
        for series in matched(self.world, &matchers) {
            let mut samples = Samples::new();
            for sample in series.newest_first(after, until) {
                if let Point::Value(value) = sample.point {
                    self.samples += 1;
                    if self.samples > MAX_SAMPLES {
                        return Err(QueryError::TooManySamples);
                    }
                    samples.push((sample.at, value));
                }
            }
            samples.reverse();
            if !samples.is_empty() {
                all.push((series.labels.clone(), samples));
            }
        }
        Ok(all)
    }
}

/// The series that a selector matches.
fn matched<'a>(world: &'a World, selector: &'a Selector) -> impl Iterator<Item = &'a Series> {
    world
        .series()
        .filter(|series| selector.matches(&series.labels))
}
