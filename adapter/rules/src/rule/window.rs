//! The window that answers report.

use super::{Asked, QueryTemplate, RuleError};
use crate::duration::parse_duration;
use crate::expression::Expression;
use crate::selector::Selector;

/// The range of the query.
const FROM_QUERY: &str = "fromQuery";

/// The seconds of a window; none where the rule says nothing, which clients take for a minute.
pub(super) fn seconds(window: &str, query: &QueryTemplate) -> Result<Option<i64>, RuleError> {
    let millis = match window {
        "" => return Ok(None),
        FROM_QUERY => u128::from(range(query)?),
        text => {
            let whole = parse_duration(text).filter(|window| window.as_secs() > 0);
            let window = whole.ok_or_else(|| RuleError::Duration {
                key: "window",
                text: text.to_owned(),
            });
            window?.as_millis()
        }
    };
    // Parts of a second are told as a whole one.
    Ok(i64::try_from(millis.div_ceil(1000)).ok())
}

/// The milliseconds of all ranges of a query.
fn range(query: &QueryTemplate) -> Result<u64, RuleError> {
    let asked = Asked {
        series: "series",
        selector: &Selector::default(),
        namespace: None,
        objects: None,
        container_label: "",
    };
    let failed = |found: String| RuleError::Window { found };
    let text = query.render(&asked, |resource| Ok(resource.to_string()));
    let text = text.map_err(|_| failed("this one depends on the request".to_owned()))?;
    let read = Expression::parse(&text);
    let read = read.map_err(|error| failed(format!("this one can't be read: {error}")))?;
    let mut ranges = Vec::new();
    read.visit(&mut |part, _| match part {
        Expression::Range(_, millis) => ranges.push(*millis),
        Expression::Subquery(_) => ranges.push(None),
        _ => {}
    });
    ranges.sort_unstable();
    ranges.dedup();
    let found = match ranges.as_slice() {
        [Some(millis)] => return Ok(*millis),
        [] => "this one has none",
        [None] => "this one has a range that isn't a plain duration",
        _ => "this one has several",
    };
    Err(failed(found.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(window: &str, query: &str) -> Result<Option<i64>, String> {
        let query = QueryTemplate::new("metricsQuery", query).unwrap();
        seconds(window, &query).map_err(|error| error.to_string())
    }

    const RATE: &str = "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)";

    #[test]
    fn a_window_is_what_the_rule_says_or_the_range_of_its_query() {
        assert_eq!(window("", RATE), Ok(None));
        assert_eq!(window("5m", RATE), Ok(Some(300)));
        assert_eq!(window("1s500ms", RATE), Ok(Some(2)));
        assert_eq!(window("fromQuery", RATE), Ok(Some(120)));
        let ratio =
            "sum(rate(a{<<.LabelMatchers>>}[1m30s])) / sum(rate(b{<<.LabelMatchers>>}[90s]))";
        assert_eq!(window("fromQuery", ratio), Ok(Some(90)));
    }

    #[test]
    fn a_window_that_cant_be_told_is_an_error() {
        for (text, query, said) in [
            ("1", RATE, "`1` is no duration"),
            ("500ms", RATE, "`500ms` is no duration"),
            ("query", RATE, "`query` is no duration"),
            ("fromQuery", "<<.Series>>", "this one has none"),
            (
                "fromQuery",
                "rate(a[1m]) / rate(a[5m])",
                "this one has several",
            ),
            (
                "fromQuery",
                "max_over_time(a[5m:1m])",
                "isn't a plain duration",
            ),
            ("fromQuery", "rate(a[1m]", "this one can't be read"),
            (
                "fromQuery",
                "<<index .GroupBySlice 3>>",
                "depends on the request",
            ),
        ] {
            let error = window(text, query).unwrap_err();
            assert!(
                error.starts_with("window: ") && error.contains(said),
                "{query}: {error}"
            );
        }
    }
}
