//! A series that a rule selects and names.

use std::collections::BTreeMap;

use regex_syntax::hir::{Class, Hir, HirKind};
use setpoint_go_regex::GoRegex;
use setpoint_replay::labels::{Labels, METRIC_NAME};
use setpoint_replay::promql::{Demand, Selector, parse_selector};
use setpoint_rules::config::DiscoveryRule;
use setpoint_rules::{GroupResource, Resource, RestMapper};

/// What stands for any text.
const ANY: &str = "demo";
/// The longest text that is made for an expression.
const LONGEST: usize = 200;

/// Labels of a series that the rule's `seriesQuery` selects, that passes its `seriesFilters`, and whose name its `name`
/// takes; none where none is found.
pub(super) fn series(rule: &DiscoveryRule, mapper: &RestMapper) -> Option<Labels> {
    let selector = parse_selector(&rule.series_query).ok()?;
    let filters = Filters::of(rule)?;
    let labels = labels(rule, &selector, mapper);
    candidates(rule, &selector).into_iter().find_map(|name| {
        if !filters.take(&name) {
            return None;
        }
        let pairs = labels.iter().map(|(key, value)| (&**key, &**value));
        let pairs = pairs.chain([(METRIC_NAME, &*name)]);
        let labels: Labels = pairs
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        selector.matches(&labels).then_some(labels)
    })
}

/// The conditions on the name of a series.
struct Filters {
    is: Vec<GoRegex>,
    is_not: Vec<GoRegex>,
}

impl Filters {
    /// None where one isn't a regular expression.
    fn of(rule: &DiscoveryRule) -> Option<Self> {
        let mut filters = Self {
            is: vec![GoRegex::new(&rule.name.matches).ok()?],
            is_not: Vec::new(),
        };
        for filter in &rule.series_filters {
            if !filter.is.is_empty() {
                filters.is.push(GoRegex::new(&filter.is).ok()?);
            }
            if !filter.is_not.is_empty() {
                filters.is_not.push(GoRegex::new(&filter.is_not).ok()?);
            }
        }
        Some(filters)
    }

    fn take(&self, name: &str) -> bool {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        name.chars().all(legal)
            && name.starts_with(|c: char| !c.is_ascii_digit())
            && self.is.iter().all(|is| is.is_match(name))
            && !self.is_not.iter().any(|is_not| is_not.is_match(name))
    }
}

/// Names that may fit: what the selector, the filters and the naming each say, and these one after another.
fn candidates(rule: &DiscoveryRule, selector: &Selector) -> Vec<String> {
    let mut said = Vec::new();
    for (label, demand) in selector.demands() {
        match demand {
            Demand::Is(name) if label == METRIC_NAME => return vec![name.to_owned()],
            Demand::Like(pattern) if label == METRIC_NAME => said.extend(texts(pattern)),
            _ => {}
        }
    }
    said.extend(texts(&rule.name.matches));
    let filters = rule.series_filters.iter();
    said.extend(filters.flat_map(|filter| texts(&filter.is)));
    said.retain(|text| !text.is_empty());
    said.push(ANY.to_owned());
    let mut names = said.clone();
    for first in &said {
        names.extend(said.iter().map(|second| format!("{first}{second}")));
        names.extend(said.iter().map(|second| format!("{first}_{second}")));
    }
    for suffix in ["_total", "_seconds_total", "_count", "_bytes"] {
        names.extend(said.iter().map(|first| format!("{first}{suffix}")));
    }
    names.extend(said.iter().map(|text| format!("{ANY}{text}")));
    names
}

/// The labels that name objects, each with the resource.
pub(super) fn object_labels(
    rule: &DiscoveryRule,
    mapper: &RestMapper,
) -> BTreeMap<String, GroupResource> {
    let known = |name: GroupResource| {
        let resource = mapper.resource(&name).map(Resource::group_resource);
        resource.unwrap_or(name)
    };
    let overrides = rule.resources.overrides.iter();
    let mut labels: BTreeMap<String, GroupResource> = overrides
        .map(|(label, name)| {
            (
                label.clone(),
                known(GroupResource::new(&name.group, &name.resource)),
            )
        })
        .collect();
    let template = &rule.resources.template;
    for resource in ["namespace", "pod"] {
        let label = template
            .replace("<<.Resource>>", resource)
            .replace("<<.Group>>", "");
        if !label.is_empty() && !label.contains("<<") {
            labels
                .entry(label)
                .or_insert_with(|| known(GroupResource::new("", resource)));
        }
    }
    labels
}

/// The labels of the series but its name: those that name objects, and those that the selector demands.
fn labels(
    rule: &DiscoveryRule,
    selector: &Selector,
    mapper: &RestMapper,
) -> BTreeMap<String, String> {
    let of_objects = object_labels(rule, mapper).into_iter();
    let mut labels: BTreeMap<String, String> = of_objects
        .map(|(label, resource)| {
            let known = mapper.resource(&resource);
            let name = known.map_or(&resource.resource, |known| &known.singular);
            (label, named(name))
        })
        .collect();
    for (label, demand) in selector
        .demands()
        .filter(|(label, _)| *label != METRIC_NAME)
    {
        match demand {
            Demand::Is("") => {
                labels.remove(label);
            }
            Demand::Is(value) => {
                labels.insert(label.to_owned(), value.to_owned());
            }
            Demand::Like(pattern) => {
                if let Some(text) = texts(pattern).into_iter().next() {
                    labels.insert(label.to_owned(), text);
                }
            }
            Demand::IsNot("") => {
                labels
                    .entry(label.to_owned())
                    .or_insert_with(|| named(label));
            }
            Demand::IsNot(_) | Demand::Unlike(_) => {}
        }
    }
    labels
}

/// The name of an object, by the singular of its resource.
fn named(singular: &str) -> String {
    match singular {
        "namespace" => "default".to_owned(),
        other => format!("{other}-1"),
    }
}

/// Texts that a regular expression matches; none for one that can't be read.
fn texts(pattern: &str) -> Vec<String> {
    let regex = GoRegex::new(pattern).ok();
    let Some(parsed) = regex.and_then(|regex| regex_syntax::parse(regex.regex().as_str()).ok())
    else {
        return Vec::new();
    };
    let mut text = String::new();
    append(&parsed, &mut text);
    vec![text]
}

fn append(part: &Hir, text: &mut String) {
    if text.len() > LONGEST {
        return;
    }
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => text.push(of_class(class)),
        HirKind::Repetition(repeated) => {
            let is_any =
                matches!(repeated.sub.kind(), HirKind::Class(class) if of_class(class) == 'a');
            if is_any && repeated.max.is_none() {
                text.push_str(ANY);
            } else {
                (0..repeated.min).for_each(|_| append(&repeated.sub, text));
            }
        }
        HirKind::Capture(capture) => append(&capture.sub, text),
        HirKind::Concat(parts) => parts.iter().for_each(|part| append(part, text)),
        HirKind::Alternation(parts) => {
            if let Some(part) = parts.first() {
                append(part, text);
            }
        }
    }
}

/// A character of a class, `a` if it has that.
fn of_class(class: &Class) -> char {
    match class {
        Class::Unicode(class) => {
            let mut ranges = class.ranges().iter();
            if ranges
                .clone()
                .any(|range| range.start() <= 'a' && range.end() >= 'a')
            {
                return 'a';
            }
            ranges
                .next()
                .map_or('a', regex_syntax::hir::ClassUnicodeRange::start)
        }
        Class::Bytes(class) => class
            .ranges()
            .first()
            .map_or('a', |range| range.start().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::resources::built_in;
    use super::*;

    fn example(rule: &str) -> Option<String> {
        let rule: DiscoveryRule = serde_saphyr::from_str(rule).unwrap();
        let mapper = RestMapper::new(built_in());
        series(&rule, &mapper).map(|labels| labels.to_string())
    }

    #[test]
    fn a_series_is_found_that_selector_filters_and_naming_take() {
        for (rule, expected) in [
            (
                "{seriesQuery: 'http_requests_total{namespace!=\"\",pod!=\"\"}', resources: {template: <<.Resource>>}}",
                r#"{__name__="http_requests_total", namespace="default", pod="pod-1"}"#,
            ),
            (
                "{seriesQuery: '{__name__=~\"^container_.*\",container!=\"POD\",namespace!=\"\",pod!=\"\"}', seriesFilters: [{is: '_total$'}, {isNot: '_seconds_total$'}], \
                 resources: {overrides: {namespace: {resource: namespace}, pod: {resource: pod}}}, name: {matches: '^container_(.*)_total$'}}",
                r#"{__name__="container_demo_total", namespace="default", pod="pod-1"}"#,
            ),
            (
                "{seriesQuery: '{namespace!=\"\",__name__!~\"^container_.*\"}', seriesFilters: [{isNot: '_total$'}], resources: {template: <<.Resource>>}}",
                r#"{__name__="demo", namespace="default", pod="pod-1"}"#,
            ),
            (
                "{seriesQuery: 'up{job=\"x\",code=~\"5..|4..\",mode!=\"idle\"}', resources: {overrides: {app: {group: apps, resource: deployment}}}}",
                r#"{__name__="up", app="deployment-1", code="5aa", job="x"}"#,
            ),
            (
                "{seriesQuery: '{__name__=~\"jvm_(memory|threads)_[a-z]+_bytes\"}', name: {as: x}}",
                r#"{__name__="jvm_memory_demo_bytes"}"#,
            ),
        ] {
            assert_eq!(example(rule).as_deref(), Some(expected), "{rule}");
        }
        assert_eq!(
            example("{seriesQuery: 'up', seriesFilters: [{isNot: up}]}"),
            None
        );
    }

    #[test]
    fn no_expression_makes_a_text_without_end() {
        for pattern in ["(a{1000}){1000}", "((((x+)+)+)+){5}", "(a|b){900}"] {
            assert!(
                texts(pattern).iter().all(|text| text.len() < 10_000),
                "{pattern}"
            );
        }
    }
}
