//! The PromQL query for a metric (`pkg/naming/metrics_query.go`).

use std::collections::BTreeMap;

use super::RuleError;
use super::resource_converter::LabelError;
use super::template::{Fields, Template};
use crate::provider::GroupResource;
use crate::selector::{Operator, Requirement, Selector};

/// A compiled `metricsQuery`.
#[derive(Debug)]
pub struct MetricsQuery {
    template: Template,
}

/// Why there is no query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A resource has no label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// PromQL has no such matcher.
    #[error(
        "metricLabelSelector: `{key}` is compared by < or >, which Prometheus can't do with labels"
    )]
    Operator {
        /// The label.
        key: String,
    },
    /// Nothing came out.
    #[error("metricsQuery gives an empty query")]
    Empty,
}

struct Arguments {
    series: String,
    label_matchers: String,
    label_values_by_name: BTreeMap<String, String>,
    group_by: String,
}

impl Fields for Arguments {
    fn field(&self, name: &str) -> Option<String> {
        match name {
            "Series" => Some(self.series.clone()),
            "LabelMatchers" => Some(self.label_matchers.clone()),
            "GroupBy" => Some(self.group_by.clone()),
            // Go prints a slice of one as `[pod]`.
            "GroupBySlice" => Some(format!("[{}]", self.group_by)),
            _ => None,
        }
    }

    fn member(&self, map: &str, key: &str) -> Option<String> {
        (map == "LabelValuesByName")
            .then(|| self.label_values_by_name.get(key).cloned())
            .flatten()
    }
}

impl MetricsQuery {
    pub(super) fn new(text: &str) -> Result<Self, RuleError> {
        let fields = ["Series", "LabelMatchers", "GroupBy", "GroupBySlice"];
        let template =
            Template::parse(text, &fields, &["LabelValuesByName"]).map_err(|source| {
                RuleError::Template {
                    key: "metricsQuery",
                    source,
                }
            })?;
        Ok(Self { template })
    }

    pub(super) fn build(
        &self,
        series: &str,
        resource: &GroupResource,
        namespace: Option<&str>,
        names: &[String],
        selector: &Selector,
        label: &dyn Fn(&GroupResource) -> Result<String, LabelError>,
    ) -> Result<String, QueryError> {
        let mut matchers = Vec::new();
        let mut values = BTreeMap::new();
        let mut requirements = selector.requirements.clone();
        requirements.sort_by(|left, right| left.key.cmp(&right.key));
        for requirement in &requirements {
            matchers.push(matcher(requirement)?);
            values.insert(requirement.key.clone(), requirement.values.join("|"));
        }
        if let Some(namespace) = namespace {
            let namespaces = GroupResource {
                group: String::new(),
                resource: "namespaces".to_owned(),
            };
            let label = label(&namespaces)?;
            matchers.push(format!("{label}={}", quoted(namespace)));
            values.insert(label, namespace.to_owned());
        }
        let resource_label = label(resource)?;
        let target = names.join("|");
        let operator = if names.len() > 1 { "=~" } else { "=" };
        matchers.push(format!("{resource_label}{operator}{}", quoted(&target)));
        values.insert(resource_label.clone(), target);
        let query = self.template.render(&Arguments {
            series: series.to_owned(),
            label_matchers: matchers.join(","),
            label_values_by_name: values,
            group_by: resource_label,
        });
        if query.is_empty() {
            Err(QueryError::Empty)
        } else {
            Ok(query)
        }
    }
}

/// A requirement as a PromQL matcher (`selectMatcher`, `selectTargetValue`).
fn matcher(requirement: &Requirement) -> Result<String, QueryError> {
    let operator = match (requirement.operator, requirement.values.len()) {
        (Operator::Exists, 0) => "!=",
        (Operator::DoesNotExist, 0) => "=",
        (Operator::Equals, 0 | 1) => "=",
        (Operator::NotEquals, 0 | 1) => "!=",
        (Operator::Equals | Operator::In | Operator::Exists, _) => "=~",
        (Operator::NotEquals | Operator::NotIn | Operator::DoesNotExist, _) => "!~",
        (Operator::GreaterThan | Operator::LessThan, _) => {
            return Err(QueryError::Operator {
                key: requirement.key.clone(),
            });
        }
    };
    Ok(format!(
        "{}{operator}{}",
        requirement.key,
        quoted(&requirement.values.join("|"))
    ))
}

/// A string as PromQL (and Go) quotes it, so that no name in a request can end it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(template: &str, names: &[&str], selector: &str) -> Result<String, QueryError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let label =
            |resource: &GroupResource| Ok(resource.resource.trim_end_matches('s').to_owned());
        let selector = Selector::parse(selector).unwrap();
        let pods = GroupResource::parse("pods");
        MetricsQuery::new(template).unwrap().build(
            "http_requests_total",
            &pods,
            Some("default"),
            &names,
            &selector,
            &label,
        )
    }

    const SUM: &str = "sum(rate(<<.Series>>{<<.LabelMatchers>>}[2m])) by (<<.GroupBy>>)";

    #[test]
    fn names_and_selectors_become_matchers() {
        assert_eq!(
            build(SUM, &["a", "b"], "verb=GET,code notin (500,404),!x").unwrap(),
            r#"sum(rate(http_requests_total{code!~"404|500",verb="GET",x="",namespace="default",pod=~"a|b"}[2m])) by (pod)"#
        );
        assert_eq!(
            build(
                "<<index .LabelValuesByName \"namespace\">>/<<.LabelValuesByName.pod>>",
                &["a"],
                ""
            )
            .unwrap(),
            "default/a"
        );
    }

    #[test]
    fn a_name_cant_end_the_string_that_it_stands_in() {
        let query = build("<<.LabelMatchers>>", &["a\"} or vector(1) #\\\n"], "").unwrap();
        assert_eq!(
            query,
            "namespace=\"default\",pod=\"a\\\"} or vector(1) #\\\\\\n\""
        );
    }

    #[test]
    fn what_prometheus_cant_compare_is_refused() {
        assert!(matches!(
            build(SUM, &["a"], "code>400"),
            Err(QueryError::Operator { .. })
        ));
    }
}
