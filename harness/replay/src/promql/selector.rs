//! Selectors of series.

use std::convert::Infallible;

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use setpoint_go_regex::{GoRegex, GoRegexError};

use super::{QueryError, Version, text};
use crate::labels::{Labels, METRIC_NAME};

/// A selector whose matchers are ready to be asked.
#[derive(Debug)]
pub struct Selector {
    matchers: Vec<(String, Matching)>,
}

#[derive(Debug)]
enum Matching {
    Is(String),
    IsNot(String),
    Like(GoRegex),
    Unlike(GoRegex),
}

/// What a selector demands of the value of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand<'a> {
    /// It is this.
    Is(&'a str),
    /// It isn't this.
    IsNot(&'a str),
    /// This regular expression of Go matches the whole of it.
    Like(&'a str),
    /// This regular expression of Go doesn't match the whole of it.
    Unlike(&'a str),
}

/// Reads a series selector, as `match[]` holds it.
///
/// # Errors
/// If it isn't one, or would match everything.
pub fn parse_selector(text: &str) -> Result<Selector, QueryError> {
    match text::parse(text, Version::default())? {
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            Selector::new(&selector, Version::default())
        }
        _ => Err(QueryError::Parse(
            "parse error: expected a series selector".to_owned(),
        )),
    }
}

/// The text of a series selector that demands these values of labels too; an empty value demands that the label is
/// missing. The name of a metric is left alone where the selector says it.
///
/// ```
/// use setpoint_replay::promql::narrowed_selector;
/// let narrowed = narrowed_selector(r#"up{job="a"}"#, [("__name__", "up"), ("pod", "web-1")])?;
/// assert_eq!(narrowed, r#"up{job="a",pod="web-1"}"#);
/// # Ok::<(), setpoint_replay::promql::QueryError>(())
/// ```
///
/// # Errors
/// If it is no series selector.
pub fn narrowed_selector<'a>(
    selector: &str,
    by: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<String, QueryError> {
    parse_selector(selector)?;
    let Expr::VectorSelector(mut selector) = text::parse(selector, Version::default())? else {
        return Ok(selector.to_owned());
    };
    for (label, value) in by {
        if label != METRIC_NAME || selector.name.is_none() {
            let matcher = Matcher::new(MatchOp::Equal, label, value);
            selector.matchers.matchers.push(matcher);
        }
    }
    Ok(selector.to_string())
}

/// The selectors in a query, each once, without `offset` and `@`: the series that it looks at.
///
/// ```
/// let query = r#"sum(rate(a{pod="x"}[5m] offset 1m)) / max(b) + sum(rate(a{pod="x"}[2m]))"#;
/// assert_eq!(setpoint_replay::promql::selectors_of(query)?, [r#"a{pod="x"}"#, "b"]);
/// # Ok::<(), setpoint_replay::promql::QueryError>(())
/// ```
///
/// # Errors
/// If the query can't be read.
pub fn selectors_of(query: &str) -> Result<Vec<String>, QueryError> {
    let query = text::parse(query, Version::default())?;
    let mut found = Found::default();
    // It visits all of the query, and has no errors.
    let _ = walk_expr(&mut found, &query);
    Ok(found.0)
}

#[derive(Default)]
struct Found(Vec<String>);

impl ExprVisitor for Found {
    type Error = Infallible;

    fn pre_visit(&mut self, part: &Expr) -> Result<bool, Infallible> {
        let selector = match part {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(range) => &range.vs,
            _ => return Ok(true),
        };
        let selector = VectorSelector {
            offset: None,
            at: None,
            ..selector.clone()
        };
        let text = selector.to_string();
        if !self.0.contains(&text) {
            self.0.push(text);
        }
        Ok(true)
    }
}

impl Selector {
    pub(super) fn new(selector: &VectorSelector, version: Version) -> Result<Self, QueryError> {
        let refused = |reason: String| Err(QueryError::Parse(format!("parse error: {reason}")));
        if !selector.matchers.or_matchers.is_empty() {
            return refused(r#"unexpected "or" in label matching, expected "," or "}""#.to_owned());
        }
        let name = selector.name.iter();
        let mut matchers: Vec<_> = name
            .map(|name| (METRIC_NAME.to_owned(), Matching::Is(name.clone())))
            .collect();
        for matcher in &selector.matchers.matchers {
            if let (Some(name), METRIC_NAME) = (&selector.name, matcher.name.as_str()) {
                let value = &matcher.value;
                return refused(format!(
                    "metric name must not be set twice: {name:?} or {value:?}"
                ));
            }
            let matching = matching(matcher, version);
            let reason = |error| format!("parse error: error parsing regexp: {error}");
            let matching = matching.map_err(|error| QueryError::Parse(reason(error)))?;
            matchers.push((matcher.name.clone(), matching));
        }
        if matchers.iter().all(|(_, matching)| matching.accepts("")) {
            return refused(
                "vector selector must contain at least one non-empty matcher".to_owned(),
            );
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

    /// The first label whose value doesn't satisfy its matcher, with the demand.
    #[must_use]
    pub fn unsatisfied(&self, labels: &Labels) -> Option<(&str, Demand<'_>)> {
        let mut matchers = self.matchers.iter();
        let (label, matching) =
            matchers.find(|(label, matching)| !matching.accepts(labels.value(label)))?;
        Some((label, matching.demand()))
    }

    /// The labels that it looks at, the name of the metric among them, each with what it demands of the value.
    pub fn demands(&self) -> impl Iterator<Item = (&str, Demand<'_>)> {
        let matchers = self.matchers.iter();
        matchers.map(|(label, matching)| (label.as_str(), matching.demand()))
    }

    /// The labels that `absent` can tell of what it looked for: those that are compared for equality once.
    pub(super) fn told_by_absent(&self) -> Labels {
        let mut labels = Labels::new();
        let mut told = Vec::new();
        for (name, matching) in &self.matchers {
            match matching {
                Matching::Is(_) if name == METRIC_NAME => {}
                Matching::Is(value) if !told.contains(&name) => {
                    labels.set(name, value);
                    told.push(name);
                }
                _ => labels.set(name, ""),
            }
        }
        labels
    }
}

impl Matching {
    fn demand(&self) -> Demand<'_> {
        match self {
            Self::Is(value) => Demand::Is(value),
            Self::IsNot(value) => Demand::IsNot(value),
            Self::Like(pattern) => Demand::Like(pattern.text()),
            Self::Unlike(pattern) => Demand::Unlike(pattern.text()),
        }
    }

    fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) => wanted == value,
            Self::IsNot(unwanted) => unwanted != value,
            Self::Like(pattern) => pattern.is_match(value),
            Self::Unlike(pattern) => !pattern.is_match(value),
        }
    }
}

fn matching(matcher: &Matcher, version: Version) -> Result<Matching, GoRegexError> {
    let compiled = || GoRegex::anchored(&matcher.value, version.is_3());
    Ok(match &matcher.op {
        MatchOp::Equal => Matching::Is(matcher.value.clone()),
        MatchOp::NotEqual => Matching::IsNot(matcher.value.clone()),
        MatchOp::Re(_) => Matching::Like(compiled()?),
        MatchOp::NotRe(_) => Matching::Unlike(compiled()?),
    })
}
