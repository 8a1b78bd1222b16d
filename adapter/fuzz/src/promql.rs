//! What a query of Prometheus says, by a parser that knows nothing of the rules.

use promql_parser::label::MatchOp;
use promql_parser::parser::{Expr, parse};
use setpoint_rules::{Condition, MetricQuery};

/// Label, operator and value.
pub type Matcher = (String, &'static str, String);

/// The matchers that a request must be asked by, sorted, where labels name `objects` of the resource and their
/// namespace; none where Prometheus can't compare like that.
pub fn expected(query: &MetricQuery, label: &str, objects: &[String]) -> Option<Vec<Matcher>> {
    let mut matchers = Vec::new();
    for requirement in &query.metric_selector.requirements {
        let (operator, value) = match &requirement.condition {
            Condition::Equals(value) => ("=", value.clone()),
            Condition::NotEquals(value) => ("!=", value.clone()),
            Condition::In(values) => ("=~", values.join("|")),
            Condition::NotIn(values) => ("!~", values.join("|")),
            Condition::Exists => ("!=", String::new()),
            Condition::DoesNotExist => ("=", String::new()),
            Condition::GreaterThan(_) | Condition::LessThan(_) => return None,
        };
        matchers.push((requirement.key.clone(), operator, value));
    }
    if let Some(namespace) = &query.namespace {
        matchers.push(("namespace".to_owned(), "=", namespace.clone()));
    }
    let operator = if objects.len() == 1 { "=" } else { "=~" };
    matchers.push((label.to_owned(), operator, objects.join("|")));
    matchers.sort();
    Some(matchers)
}

/// The name and the matchers, sorted, of a query that is one selector.
pub fn selector(promql: &str) -> (String, Vec<Matcher>) {
    let parsed = parse(promql).unwrap_or_else(|error| panic!("{promql}: {error}"));
    let Expr::VectorSelector(selector) = parsed else {
        panic!("{promql} is more than a selector");
    };
    assert!(
        selector.offset.is_none() && selector.at.is_none(),
        "{promql}"
    );
    assert!(selector.matchers.or_matchers.is_empty(), "{promql}");
    let operator = |operator: &MatchOp| match operator {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Re(_) => "=~",
        MatchOp::NotRe(_) => "!~",
    };
    let matchers = selector.matchers.matchers.into_iter();
    let mut matchers: Vec<Matcher> = matchers
        .map(|matcher| (matcher.name, operator(&matcher.op), matcher.value))
        .collect();
    matchers.sort();
    (selector.name.unwrap_or_default(), matchers)
}
