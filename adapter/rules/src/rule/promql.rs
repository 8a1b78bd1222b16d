//! The PromQL query for the values of a metric (`pkg/naming/metrics_query.go`).

use std::collections::BTreeMap;

use super::RuleError;
use super::labels::LabelError;
use crate::expression::is_label_name;
use crate::resources::GroupResource;
use crate::selector::{Condition, Requirement, Selector};
use crate::template::{Template, TemplateError, Text, Value};

/// A compiled `metricsQuery`.
#[derive(Debug)]
pub(crate) struct QueryTemplate {
    template: Template,
    unknown_field: Option<TemplateError>,
}

/// What a template may name (`queryTemplateArgs`).
const FIELDS: [&str; 5] = [
    "Series",
    "LabelMatchers",
    "LabelValuesByName",
    "GroupBy",
    "GroupBySlice",
];

/// Why a request has no PromQL query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PromqlError {
    /// No label names the objects, or their namespace.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// PromQL has no such matcher.
    #[error(
        "the selector of the metric: `{key}` is compared by < or >, which Prometheus can't do with labels"
    )]
    Operator {
        /// The label.
        key: String,
    },
    /// The template gives no text.
    #[error("metricsQuery")]
    Template(#[from] TemplateError),
    /// A value could end the string that a template puts it into.
    #[error(
        "the value of `{label}` holds a quote, a backslash or a line break, which no query may hold"
    )]
    Value {
        /// The label.
        label: String,
    },
    /// The template gives an empty text.
    #[error("metricsQuery gives an empty query")]
    Empty,
}

/// What a query is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// The name of the series; queries for CPU and memory have none.
    pub(crate) series: &'a str,
    /// Which series of that name.
    pub(crate) selector: &'a Selector,
    /// The namespace of the objects.
    pub(crate) namespace: Option<&'a str>,
    /// The resource and the names of the objects; external metrics have none.
    pub(crate) objects: Option<(&'a GroupResource, &'a [String])>,
    /// A label beside that of the objects to tell results apart; empty if there is none.
    pub(crate) container_label: &'a str,
}

impl QueryTemplate {
    /// The template at `key`.
    pub(crate) fn new(key: &'static str, text: &str) -> Result<Self, RuleError> {
        let failed = |source| RuleError::Template { key, source };
        let template = Template::parse(text).map_err(failed)?;
        Ok(Self {
            unknown_field: template.check_fields(&FIELDS).err(),
            template,
        })
    }

    /// The text of the template.
    pub(crate) fn text(&self) -> &str {
        self.template.text()
    }

    /// A field that it names and that there isn't.
    pub(crate) fn unknown_field(&self) -> Option<&TemplateError> {
        self.unknown_field.as_ref()
    }

    /// Whether it names one of some fields.
    pub(crate) fn uses(&self, fields: &[&str]) -> bool {
        let others: Vec<_> = FIELDS
            .into_iter()
            .filter(|field| !fields.contains(field))
            .collect();
        self.unknown_field.is_none() && self.template.check_fields(&others).is_err()
    }

    /// Whether the queries for different series differ.
    pub(crate) fn names_series(&self) -> bool {
        let [one, other] = ["a", "b"].map(|series| {
            let asked = Asked {
                series,
                selector: &Selector::default(),
                namespace: None,
                objects: None,
                container_label: "",
            };
            self.render(&asked, |resource| Ok(resource.to_string()))
                .ok()
        });
        one != other
    }

    /// The query for what is asked. `label` gives the label that names the objects of a resource.
    pub(crate) fn render(
        &self,
        asked: &Asked<'_>,
        label: impl Fn(&GroupResource) -> Result<String, LabelError>,
    ) -> Result<String, PromqlError> {
        let mut matchers = Vec::new();
        let mut values = BTreeMap::new();
        let mut requirements: Vec<_> = asked.selector.requirements.iter().collect();
        requirements.sort_by_key(|requirement| &requirement.key);
        for requirement in requirements {
            let (operator, value) = operator_and_value(requirement)?;
            matchers.push(matcher(&requirement.key, operator, &value));
            values.insert(requirement.key.clone(), value);
        }
        if let Some(namespace) = asked.namespace {
            let label = label(&GroupResource::new("", "namespaces"))?;
            matchers.push(matcher(&label, "=", namespace));
            values.insert(label, namespace.to_owned());
        }
        let mut group_by = Vec::new();
        if let Some((resource, names)) = asked.objects {
            let label = label(resource)?;
            let operator = if names.len() > 1 { "=~" } else { "=" };
            let names = names.join("|");
            matchers.push(matcher(&label, operator, &names));
            group_by.push(label.clone());
            values.insert(label, names);
        }
        if !asked.container_label.is_empty() {
            group_by.push(asked.container_label.to_owned());
        }
        let data = data(asked.series, &matchers, &values, &group_by)?;
        let promql = self.template.render(&data)?;
        if promql.is_empty() {
            return Err(PromqlError::Empty);
        }
        Ok(promql)
    }
}

/// What a template is executed with. Labels compare as themselves, and are printed as PromQL takes
/// them; values are such that a string which a template puts them into holds them.
fn data(
    series: &str,
    matchers: &[String],
    values: &BTreeMap<String, String>,
    group_by: &[String],
) -> Result<Value, PromqlError> {
    let label = |label: &str| Text::printed_as(label, &label_name(label));
    if let Some((label, _)) = values.iter().find(|(_, value)| !stays_in_quotes(value)) {
        let label = label.clone();
        return Err(PromqlError::Value { label });
    }
    let by_name = values
        .iter()
        .map(|(name, value)| (label(name), Text::from(value.as_str())));
    let printed: Vec<_> = group_by.iter().map(|name| label_name(name)).collect();
    let together = Text::printed_as(&group_by.join(","), &printed.join(","));
    let fields = [
        Value::text(series),
        Value::text(matchers.join(",")),
        Value::map(by_name),
        Value::Text(together),
        Value::List(group_by.iter().map(|name| label(name)).collect()),
    ];
    let fields: Vec<_> = FIELDS.into_iter().zip(fields).collect();
    Ok(Value::Record(fields.into()))
}

/// Whether a value can't end a string of PromQL, whatever its quotes. Values come from names and
/// selectors of requests, which are checked before; templates put them into any place of a query.
fn stays_in_quotes(value: &str) -> bool {
    !value.contains(['"', '\'', '`', '\\']) && !value.contains(char::is_control)
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
    if is_label_name(label) || label.is_empty() {
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

    fn build(template: &str, names: &[&str], selector: &str) -> Result<String, PromqlError> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let label =
            |resource: &GroupResource| Ok(resource.resource.trim_end_matches('s').to_owned());
        let template = QueryTemplate::new("metricsQuery", template).unwrap();
        let asked = Asked {
            series: "http_requests_total",
            selector: &Selector::parse(selector).unwrap(),
            namespace: Some("default"),
            objects: Some((&GroupResource::parse("pods"), &names)),
            container_label: "",
        };
        template.render(&asked, label)
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
        for name in ["a\"} or vector(1) #", "a\\", "a'", "a`", "a\n"] {
            let refused = build("<<.LabelMatchers>>", &[name], "");
            assert!(
                matches!(refused, Err(PromqlError::Value { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn no_function_makes_a_quote_of_names_and_selectors() {
        // Whatever is allowed in names and values of labels.
        let name = "web-1._:@A";
        for template in [
            "<<index .LabelValuesByName `pod`>>",
            "<<range $l, $v := .LabelValuesByName>><<$v>><<end>>",
            "<<printf `%s %x` .LabelValuesByName.pod .LabelValuesByName.verb>>",
            "<<slice .LabelValuesByName.pod 1 5>>",
            "<<js .LabelValuesByName.pod>><<html .LabelValuesByName>><<urlquery .LabelValuesByName.pod>>",
            "<<index .LabelValuesByName.pod 3>><<len .LabelValuesByName.pod>>",
        ] {
            let query = build(template, &[name, "b"], "verb in (GET,POST)").unwrap();
            assert!(
                !query.contains(['"', '\'', '`', '\\', '{', '}', '\n']),
                "{query}"
            );
        }
        let quoted = build("<<printf `%q` .LabelValuesByName.pod>>", &[name], "");
        assert_eq!(quoted.unwrap(), format!("\"{name}\""));
        // No verb makes a character of a number, such as the length of a name.
        let made = build("<<printf `%c` (len .LabelValuesByName.pod)>>", &[name], "");
        assert!(matches!(made, Err(PromqlError::Template(_))));
    }

    #[test]
    fn labels_are_walked_in_order_and_printed_as_promql_takes_them() {
        let template = "x{<<range $l, $v := .LabelValuesByName>><<if ne $l `namespace`>><<$l>>=\"<<$v>>\",<<end>><<end>>}";
        assert_eq!(
            build(template, &["a"], "app.kubernetes.io/name=web,verb=GET").unwrap(),
            r#"x{"app.kubernetes.io/name"="web",pod="a",verb="GET",}"#
        );
        let by_group = "<<index .LabelValuesByName .GroupBy>> by <<.GroupBySlice>>";
        assert_eq!(build(by_group, &["a"], "").unwrap(), "a by [pod]");
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
