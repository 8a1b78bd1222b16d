//! Whether prometheus-adapter's rules are YAML, and their queries PromQL. The rest is the adapter's to judge.

use serde::Deserialize as _;
use serde_json::Value;
use setpoint_replay::promql::{QueryError, parse_query, parse_selector};
use setpoint_rules::config::DiscoveryRule;
use setpoint_rules::{error_place, error_without_place};

use super::Place;

/// What is wrong with rules that stand in a file's text, each with its line and column there.
pub(crate) fn problems(rules: &str, place: &Place, text: &str) -> Vec<(usize, usize, String)> {
    let embedded = place.embedded(text);
    let in_file = |(line, column, problem)| {
        let (line, column) = embedded.outer(line, column);
        (line, column, problem)
    };
    own_problems(rules).into_iter().map(in_file).collect()
}

/// What is wrong with rules, each with its line and column in their own text.
fn own_problems(rules: &str) -> Vec<(usize, usize, String)> {
    let document: Value = match serde_saphyr::from_str(rules) {
        Ok(document) => document,
        Err(error) => {
            let (line, column) = error_place(&error);
            let problem = format!("rules are no YAML: {}", error_without_place(&error));
            return vec![(line, column, problem)];
        }
    };
    let places = Place::of(rules);
    let mut found = Vec::new();
    for list in ["rules", "externalRules"] {
        let places = places.key(list);
        // Rules of another shape are the adapter's to judge.
        let written = document[list].as_array().into_iter().flatten();
        let written = written.map(|rule| DiscoveryRule::deserialize(rule).unwrap_or_default());
        let written: Vec<_> = written.collect();
        for (index, key, problem) in query_problems(&written) {
            let place = places.item(index).key(key);
            found.push((place.line, place.column, problem));
        }
    }
    found
}

/// What is wrong with the queries of a list of rules: the position of the rule, the key of the query, and the problem.
pub(crate) fn query_problems(rules: &[DiscoveryRule]) -> Vec<(usize, &'static str, String)> {
    let mut found = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut tell = |key: &'static str, query: &str, error: QueryError| {
            found.push((index, key, format!("{key} `{query}`: {error}")));
        };
        let query = &rule.series_query;
        if !query.is_empty()
            && let Err(error) = parse_selector(query)
        {
            tell("seriesQuery", query, error);
        }
        let query = &rule.metrics_query;
        if let Some(filled) = filled(query)
            && !query.is_empty()
            && let Err(error) = parse_query(&filled)
        {
            tell("metricsQuery", query, error);
        }
    }
    found
}

/// A query with something in the place of its usual parts; none where others remain, which are the adapter's.
fn filled(query: &str) -> Option<String> {
    let filled = [
        (".Series", "series"),
        (".LabelMatchers", "a=\"b\""),
        (".GroupBy", "a"),
    ]
    .iter()
    .fold(query.to_owned(), |query, (part, text)| {
        query
            .replace(&format!("<<{part}>>"), text)
            .replace(&format!("<< {part} >>"), text)
    });
    (!filled.contains("<<")).then_some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_that_is_a_template_is_filled_unless_it_is_the_adapters_own() {
        assert_eq!(
            filled("sum(rate(<<.Series>>{<< .LabelMatchers >>}[2m])) by (<<.GroupBy>>)"),
            Some("sum(rate(series{a=\"b\"}[2m])) by (a)".to_owned())
        );
        assert_eq!(filled("<<.LabelValuesByName>>"), None);
    }
}
