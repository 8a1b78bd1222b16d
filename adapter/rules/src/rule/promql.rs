//! The PromQL query for the values of a metric (`pkg/naming/metrics_query.go`).

use std::collections::BTreeMap;

use super::RuleError;
use super::labels::LabelError;
use super::template::{Fields, Template};
use crate::query::MetricQuery;
use crate::resources::GroupResource;
use crate::selector::{Condition, Requirement};

/// A compiled `metricsQuery`.
#[derive(Debug)]
pub(crate) struct QueryTemplate {
    template: Template<Field>,
}

#[derive(Debug, Clone, Copy)]
enum Field {
    Series,
    LabelMatchers,
    GroupBy,
    GroupBySlice,
}

const FIELDS: Fields<Field> = Fields {
    texts: &[
        ("Series", Field::Series),
        ("LabelMatchers", Field::LabelMatchers),
        ("GroupBy", Field::GroupBy),
        ("GroupBySlice", Field::GroupBySlice),
    ],
    map: Some("LabelValuesByName"),
};

/// Why a request has no PromQL query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromqlError {
    /// No label names the objects, or their namespace.
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
    /// The template gives an empty text.
    #[error("metricsQuery gives an empty query")]
    Empty,
}

impl QueryTemplate {
    pub(super) fn new(text: &str) -> Result<Self, RuleError> {
        match Template::parse(text, &FIELDS) {
            Ok(template) => Ok(Self { template }),
            Err(source) => Err(RuleError::Template {
                key: "metricsQuery",
                source,
            }),
        }
    }

    /// The query for the values that `names` of a resource have by a series. `label` gives the label
    /// that names the objects of a resource.
    pub(crate) fn render(
        &self,
        series: &str,
        resource: &GroupResource,
        query: &MetricQuery,
        names: &[String],
        label: impl Fn(&GroupResource) -> Result<String, LabelError>,
    ) -> Result<String, PromqlError> {
        let mut matchers = Vec::new();
        let mut values = BTreeMap::new();
        let mut requirements: Vec<_> = query.metric_selector.requirements.iter().collect();
        requirements.sort_by_key(|requirement| &requirement.key);
        for requirement in requirements {
            let (operator, value) = operator_and_value(requirement)?;
            matchers.push(matcher(&requirement.key, operator, &value));
            values.insert(requirement.key.clone(), value);
        }
        if let Some(namespace) = &query.namespace {
            let label = label(&GroupResource::new("", "namespaces"))?;
            matchers.push(matcher(&label, "=", namespace));
            values.insert(label, namespace.clone());
        }
        let resource_label = label(resource)?;
        let names_operator = if names.len() > 1 { "=~" } else { "=" };
        let names = names.join("|");
        matchers.push(matcher(&resource_label, names_operator, &names));
        values.insert(resource_label.clone(), names);
        let matchers = matchers.join(",");
        let field = |field| match field {
            Field::Series => series.to_owned(),
            Field::LabelMatchers => matchers.clone(),
            Field::GroupBy => label_name(&resource_label),
            // Go prints a slice of one as `[pod]`.
            Field::GroupBySlice => format!("[{}]", label_name(&resource_label)),
        };
        let promql = self.template.render(field, |key| values.get(key).cloned());
        if promql.is_empty() {
            return Err(PromqlError::Empty);
        }
        Ok(promql)
    }
}

/// A requirement in PromQL (`selectMatcher`, `selectTargetValue`).
fn operator_and_value(requirement: &Requirement) -> Result<(&'static str, String), PromqlError> {
    Ok(match &requirement.condition {
        Condition::Equals(value) => ("=", value.clone()),
        Condition::NotEquals(value) => ("!=", value.clone()),
        Condition::In(values) => ("=~", values.join("|")),
        Condition::NotIn(values) => ("!~", values.join("|")),
        Condition::Exists => ("!=", String::new()),
        Condition::DoesNotExist => ("=", String::new()),
        Condition::GreaterThan(_) | Condition::LessThan(_) => {
            return Err(PromqlError::Operator {
                key: requirement.key.clone(),
            });
        }
    })
}

fn matcher(label: &str, operator: &str, value: &str) -> String {
    format!("{}{operator}{}", label_name(label), quoted(value))
}

/// A label as PromQL takes it: quoted, as Prometheus 3 understands it, where it isn't a plain name.
fn label_name(label: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if label.chars().all(plain) && !label.starts_with(|c: char| c.is_ascii_digit()) {
        return label.to_owned();
    }
    quoted(label)
}

/// A text as a PromQL string. No name in a request can end it.
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
    use crate::query::Objects;
    use crate::selector::Selector;

    fn build(template: &str, names: &[&str], selector: &str) -> Result<String, PromqlError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let label =
            |resource: &GroupResource| Ok(resource.resource.trim_end_matches('s').to_owned());
        let query = MetricQuery {
            group_resource: GroupResource::parse("pods"),
            namespace: Some("default".to_owned()),
            objects: Objects::Selected(Selector::default()),
            metric: "http_requests".to_owned(),
            metric_selector: Selector::parse(selector).unwrap(),
        };
        let pods = &query.group_resource;
        let template = QueryTemplate::new(template).unwrap();
        template.render("http_requests_total", pods, &query, &names, label)
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
    fn a_comparison_that_prometheus_cant_make_is_refused() {
        assert!(matches!(
            build(SUM, &["a"], "code>400"),
            Err(PromqlError::Operator { .. })
        ));
    }

    #[test]
    fn a_label_that_is_no_plain_name_is_quoted() {
        assert_eq!(
            build(SUM, &["a"], "app.kubernetes.io/name=web,9a=b").unwrap(),
            r#"sum(rate(http_requests_total{"9a"="b","app.kubernetes.io/name"="web",namespace="default",pod="a"}[2m])) by (pod)"#
        );
        assert_eq!(label_name("k8s.pod\"name"), r#""k8s.pod\"name""#);
    }
}
