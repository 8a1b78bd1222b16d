//! Whether prometheus-adapter's rules are YAML, and their queries PromQL. The rest is the adapter's to judge.

use serde_json::Value;
use setpoint_replay::promql::{parse_query, parse_selector};

use crate::format::{Place, first_line};

/// What is wrong with rules that stand in a scenario's text, each with its line and column there.
pub(super) fn problems(rules: &str, place: &Place, text: &str) -> Vec<(usize, usize, String)> {
    let outer = |line, column| outer(line, column, place, text);
    let document: Value = match serde_saphyr::from_str(rules) {
        Ok(document) => document,
        Err(error) => {
            let at = error.location();
            let number = |number: u64| usize::try_from(number).unwrap_or(1);
            let (line, column) = at.map_or((1, 1), |at| (number(at.line()), number(at.column())));
            let (line, column) = outer(line, column);
            let said = first_line(&error);
            // The library's own place is that within the rules.
            let problem = said.split_once(": ").map_or(&*said, |(_, problem)| problem);
            let problem = format!("rules are no YAML: {problem}");
            return vec![(line, column, problem)];
        }
    };
    let places = Place::of(rules);
    let mut found = Vec::new();
    for list in ["rules", "externalRules"] {
        let elements = document[list].as_array();
        for (index, rule) in elements.into_iter().flatten().enumerate() {
            let place = places.key(list).item(index);
            let mut tell = |key: &str, problem: String| {
                let place = place.key(key);
                let (line, column) = outer(place.line, place.column);
                found.push((line, column, problem));
            };
            if let Some(query) = rule["seriesQuery"].as_str()
                && let Err(error) = parse_selector(query)
            {
                tell("seriesQuery", format!("seriesQuery `{query}`: {error}"));
            }
            if let Some(query) = rule["metricsQuery"].as_str()
                && let Some(filled) = filled(query)
                && let Err(error) = parse_query(&filled)
            {
                tell("metricsQuery", format!("metricsQuery `{query}`: {error}"));
            }
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

/// A place in the rules' own text as one of the file.
fn outer(line: usize, column: usize, place: &Place, text: &str) -> (usize, usize) {
    // A block stands from the line below its `|` on, indented as a whole.
    let above = text.lines().nth(place.line.saturating_sub(2));
    let is_block = above
        .and_then(|above| above.trim_start().strip_prefix("rules:"))
        .is_some_and(|mark| mark.trim_start().starts_with(['|', '>']));
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
