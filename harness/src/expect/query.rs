//! What a real Prometheus answers to a query.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Expect, ExpectContext};
use crate::format::{Checks, Place, Span, Tolerance};
use crate::outcome::{Finding, Kind, Unmet};
use crate::prometheus::{Element, PAUSE};
use crate::wait::Wait;

/// What a real Prometheus answers to a query.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Query {
    /// The query, of an instant vector.
    pub promql: String,
    /// How many elements there are.
    pub count: usize,
    /// The value of each.
    pub value: Option<f64>,
    /// By which part of it each may differ, such as 0.1.
    #[serde(default)]
    pub tolerance: Tolerance,
    /// Time until then.
    pub within: Option<Span>,
}

/// Prometheus answers with other elements.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there are {} elements: [{}]", .0.len(), described(.0))]
struct UnexpectedElements(Vec<Element>);

fn described(elements: &[Element]) -> String {
    let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
    elements.join(", ")
}

impl Finding for UnexpectedElements {
    fn kind(&self) -> Kind {
        Kind::UnexpectedQueryResult
    }
}

impl Expect for Query {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.longer_than_zero(self.within, place.key("within"));
        if self.count == 0 && self.value.is_some() {
            checks.at(
                place.key("value"),
                "an answer without elements has no `value`",
            );
        }
    }

    fn describe(&self) -> String {
        format!("query {}", self.promql)
    }

    fn needs_real_prometheus(&self) -> bool {
        true
    }

    fn looks_at_adapter(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let Self { promql, count, .. } = self;
            let prometheus = context.real_prometheus()?;
            let of = self
                .value
                .map_or_else(String::new, |value| format!(" of {value}"));
            let what = format!("Prometheus answers {count} elements{of} to `{promql}`");
            let ask = || async { Ok(self.judge_elements(prometheus.query(promql).await?)?) };
            Wait::until(what, context.within(self.within))
                .asking(PAUSE, ask)
                .await
        })
    }
}

impl Query {
    fn judge_elements(&self, found: Vec<Element>) -> Result<(), UnexpectedElements> {
        let near = |element: &Element| {
            let allows = |value| self.tolerance.allows(element.value, value);
            self.value.is_none_or(allows)
        };
        if found.len() == self.count && found.iter().all(near) {
            Ok(())
        } else {
            Err(UnexpectedElements(found))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_element_of_a_vector_must_be_near_the_value() {
        let found: Vec<Element> = [("a", 0.5), ("b", 0.44)]
            .map(|(pod, value)| Element {
                labels: json!({"pod": pod}),
                value,
            })
            .into();
        let judged = |expected| {
            let query: Query = serde_json::from_value(expected).unwrap();
            query.judge_elements(found.clone())
        };
        let near = json!({"promql": "x", "count": 2, "value": 0.47, "tolerance": 0.1});
        assert_eq!(judged(near), Ok(()));
        assert_eq!(judged(json!({"promql": "x", "count": 2})), Ok(()));
        let far = json!({"promql": "x", "count": 2, "value": 0.5, "tolerance": 0.1});
        assert_eq!(
            judged(far).unwrap_err().to_string(),
            r#"there are 2 elements: [{"pod":"a"} 0.5, {"pod":"b"} 0.44]"#
        );
        assert!(judged(json!({"promql": "x", "count": 1})).is_err());
    }
}
