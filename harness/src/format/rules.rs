//! Whether prometheus-adapter's rules are YAML, and their queries PromQL. The rest is the adapter's to judge.

use serde_json::Value;
use setpoint_replay::promql::{QueryError, parse_query, parse_selector};

use super::Place;
use super::first_line;

/// What is wrong with rules that stand in a file's text, each with its line and column there.
pub(crate) fn problems(rules: &str, place: &Place, text: &str) -> Vec<(usize, usize, String)> {
    let in_file = |(line, column, problem)| {
        let (line, column) = outer(line, column, place, text);
        (line, column, problem)
    };
    own_problems(rules).into_iter().map(in_file).collect()
}

/// What is wrong with rules, each with its line and column in their own text.
pub(crate) fn own_problems(rules: &str) -> Vec<(usize, usize, String)> {
    let document: Value = match serde_saphyr::from_str(rules) {
        Ok(document) => document,
        Err(error) => {
            let (line, column) = located(&error);
            let problem = format!("rules are no YAML: {}", without_place(&error));
            return vec![(line, column, problem)];
        }
    };
    let places = Place::of(rules);
    let mut found = Vec::new();
    for list in ["rules", "externalRules"] {
        let places = places.key(list);
        for (index, key, problem) in query_problems(&document[list]) {
            let place = places.item(index).key(key);
            found.push((place.line, place.column, problem));
        }
    }
    found
}

/// What is wrong with the queries of a list of rules: the position of the rule, the key of the query, and the problem.
pub(crate) fn query_problems(rules: &Value) -> Vec<(usize, &'static str, String)> {
    let mut found = Vec::new();
    for (index, rule) in rules.as_array().into_iter().flatten().enumerate() {
        let mut tell = |key: &'static str, query: &str, error: QueryError| {
            found.push((index, key, format!("{key} `{query}`: {error}")));
        };
        if let Some(query) = rule["seriesQuery"].as_str()
            && let Err(error) = parse_selector(query)
        {
            tell("seriesQuery", query, error);
        }
        if let Some(query) = rule["metricsQuery"].as_str()
            && let Some(filled) = filled(query)
            && let Err(error) = parse_query(&filled)
        {
            tell("metricsQuery", query, error);
        }
    }
    found
}

/// Where a document is no YAML, or not of the shape: line and column, from 1.
pub(crate) fn located(error: &serde_saphyr::Error) -> (usize, usize) {
    let number = |number: u64| usize::try_from(number).unwrap_or(1);
    let at = error.location();
    at.map_or((1, 1), |at| (number(at.line()), number(at.column())))
}

/// What is wrong with a document, without the library's own place and excerpt.
pub(crate) fn without_place(error: &serde_saphyr::Error) -> String {
    let said = first_line(error);
    let problem = said.split_once(": ").map(|(_, problem)| problem);
    problem.map_or(said.clone(), str::to_owned)
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

/// A place in a text of its own, such as rules in a block, as one of the file that holds it. `place` is that of the text.
pub(crate) fn outer(line: usize, column: usize, place: &Place, text: &str) -> (usize, usize) {
    // A block stands from the line below its `|` on, indented as a whole.
    let above = text.lines().nth(place.line.saturating_sub(2));
    let is_block = above
        .and_then(|above| above.rsplit_once(": "))
        .is_some_and(|(_, mark)| mark.trim_start().starts_with(['|', '>']));
    if is_block {
        (place.line + line - 1, place.column + column - 1)
    } else {
        // In quotes, where lines and columns are others.
        (place.line, place.column)
    }
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
