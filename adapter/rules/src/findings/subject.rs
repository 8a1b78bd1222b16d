//! Rules and queries as kinds of findings look at them.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use crate::config::{DiscoveryRule, MetricsDiscoveryConfig};
use crate::expression::{Expression, Invalid, Selector as SeriesSelector, Type, Unreadable};
use crate::path::{is_path_segment, may_be_in_segment};
use crate::resources::{GroupResource, Resource, RestMapper};
use crate::rule::{Asked, LabelError, NamePart, PromqlError, QueryTemplate, ResourceLabels, Rule};
use crate::selector::Selector;
use crate::usage::UsageRules;

use super::finding::At;
use super::mapping::Mapping;
use super::usage::Usage;

/// Names of a request, found again in the query that is made of it.
pub(super) const OBJECT: &str = "an-object";
pub(super) const NAMESPACE: &str = "a-namespace";
pub(super) const VALUE: &str = "a-value";
/// The series where `seriesQuery` selects several names.
pub(super) const SERIES: &str = "a_series";
/// The label that the selector of a request names.
const LABEL: &str = "a_label";
/// The label of namespaces where the rule has none: that is found by itself.
const OF_NAMESPACES: &str = "namespace";

/// The resources of Kubernetes itself.
pub(super) static BUILT_IN: LazyLock<RestMapper> = LazyLock::new(RestMapper::built_in);

/// At most so many resources of a rule are looked at.
pub(super) const MAX_RESOURCES: usize = 8;

/// Rules that are looked at, each list compiled and as it is written.
pub(crate) struct Looked<'a> {
    pub(crate) config: &'a MetricsDiscoveryConfig,
    pub(crate) custom: (&'a [Arc<Rule>], &'a [DiscoveryRule]),
    pub(crate) external: (&'a [Arc<Rule>], &'a [DiscoveryRule]),
    pub(crate) usage: Option<&'a UsageRules>,
}

impl<'a> Looked<'a> {
    /// The rules for CPU and memory, where they can be used.
    pub(super) fn usage(&self) -> Option<Usage<'a>> {
        let written = self.config.resource_rules.as_ref()?;
        Some(Usage::new(written, self.usage?))
    }
}

/// A rule of `rules` or `externalRules`.
pub(super) struct Subject<'a> {
    pub(super) list: &'static str,
    pub(super) written: &'a DiscoveryRule,
    pub(super) rule: &'a Rule,
    pub(super) series: Result<SeriesSelector, Unreadable>,
    pub(super) query: Query<'a>,
}

/// A template of a query.
pub(super) struct Query<'a> {
    pub(super) at: At,
    pub(super) of: Of,
    pub(super) template: &'a QueryTemplate,
    /// What it gives for some requests.
    pub(super) samples: Vec<Sample>,
}

/// What the values of a query are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Custom,
    External,
    /// The pods of a namespace and their containers.
    Pods,
    Nodes,
}

/// A request and the query for it.
pub(super) struct Sample {
    /// The resource of the objects, and the label that names them; external metrics have none.
    pub(super) object: Option<(GroupResource, String)>,
    /// Labels beside that of the object which the request gives one value, or which name containers: they don't tell
    /// results of an object apart.
    pub(super) others: Vec<String>,
    pub(super) query: Result<String, PromqlError>,
    pub(super) read: Option<Result<Expression, Unreadable>>,
    /// What it gives, or why Prometheus refuses it, where it can be read.
    pub(super) gives: Option<Result<Option<Type>, Invalid>>,
}

impl Query<'_> {
    /// What the queries for some requests say, as far as they can be read.
    pub(super) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.samples.iter().filter_map(Sample::expression)
    }
}

impl Sample {
    /// What the query says, where it can be read.
    pub(super) fn expression(&self) -> Option<&Expression> {
        self.read.as_ref()?.as_ref().ok()
    }
}

impl Subject<'_> {
    pub(super) fn is_external(&self) -> bool {
        self.list == "externalRules"
    }

    pub(super) fn at(&self, key: &'static str) -> At {
        At::rule(self.list, self.rule.position(), key)
    }

    /// The labels that name its objects.
    pub(super) fn mapping(&self) -> Mapping<'_> {
        Mapping {
            at: self.at("resources"),
            of: self.query.of,
            in_namespaces: self.rule.namespaced,
            labels: &self.rule.resources,
            series: self.series.as_ref().ok(),
        }
    }

    /// The one name that its metrics have, where that is known without series.
    pub(super) fn metric(&self) -> Option<String> {
        self.written_name().filter(|name| is_path_segment(name))
    }

    /// The name of its metrics, or a part of it, because of which no path of the API can name them.
    pub(super) fn unnameable(&self) -> Option<String> {
        let part = || {
            let parts = self.rule.name_parts().into_iter();
            let mut texts = parts.filter_map(|part| match part {
                NamePart::Text(text) => Some(text.to_owned()),
                _ => None,
            });
            texts.find(|text| !may_be_in_segment(text))
        };
        let name = self.written_name().or_else(part);
        name.filter(|name| !is_path_segment(name))
    }

    /// What is written for the name of all its metrics, where that is known without series.
    fn written_name(&self) -> Option<String> {
        let of_series = || {
            let series = self.series.as_ref().ok()?.series()?;
            self.rule.metric_name(series)
        };
        self.rule.fixed_name().or_else(of_series)
    }
}

pub(super) fn subjects<'a>(looked: &Looked<'a>) -> Vec<Subject<'a>> {
    let lists = [("rules", looked.custom), ("externalRules", looked.external)];
    let mut subjects = Vec::new();
    for (list, (rules, written)) in lists {
        for rule in rules {
            if let Some(written) = written.get(rule.position()) {
                subjects.push(subject(list, rule, written));
            }
        }
    }
    subjects
}

fn subject<'a>(list: &'static str, rule: &'a Rule, written: &'a DiscoveryRule) -> Subject<'a> {
    let series = SeriesSelector::parse(&written.series_query);
    let name = series.as_ref().ok().and_then(SeriesSelector::series);
    let name = name.unwrap_or(SERIES).to_owned();
    let of = match list {
        "rules" => Of::Custom,
        _ => Of::External,
    };
    let samples = match of {
        Of::External => vec![sample(rule, &name, None)],
        _ => {
            let objects = objects(&rule.resources).into_iter();
            let samples = objects.map(|object| sample(rule, &name, Some(object)));
            samples.collect()
        }
    };
    Subject {
        list,
        written,
        rule,
        series,
        query: Query {
            at: At::rule(list, rule.position(), "metricsQuery"),
            of,
            template: &rule.metrics_query,
            samples,
        },
    }
}

/// Resources that a rule has metrics of, as far as that is known without series, and the labels that name their objects.
pub(super) fn objects(labels: &ResourceLabels) -> Vec<(GroupResource, String)> {
    let mut objects = objects_with_namespaces(labels);
    let is_namespace = |(resource, _): &(GroupResource, String)| resource.resource == "namespaces";
    if !objects.iter().all(is_namespace) {
        objects.retain(|object| !is_namespace(object));
    }
    objects.truncate(MAX_RESOURCES);
    objects
}

/// [`objects`], and namespaces among them.
pub(super) fn objects_with_namespaces(labels: &ResourceLabels) -> Vec<(GroupResource, String)> {
    let mut objects: Vec<(GroupResource, String)> = labels
        .overrides()
        .map(|(label, resource)| {
            let known = BUILT_IN.resource(resource);
            let known = known.map_or(resource.clone(), Resource::group_resource);
            (known, label.to_owned())
        })
        .collect();
    if labels.has_template() {
        let pods = GroupResource::new("", "pods");
        for resource in [pods, GroupResource::new("", "namespaces")] {
            if let Ok(label) = labels.label(&resource, &BUILT_IN) {
                objects.push((resource, label));
            }
        }
    }
    // Of several labels of a resource, the first names the objects.
    let mut known = BTreeSet::new();
    objects.retain(|(resource, _)| known.insert(resource.clone()));
    objects
}

fn sample(rule: &Rule, series: &str, object: Option<(GroupResource, String)>) -> Sample {
    let selector = Selector::parse(&format!("{LABEL}={VALUE}")).unwrap_or_default();
    let is_root = object
        .as_ref()
        .is_some_and(|(resource, _)| resource.is_root_scoped());
    let in_namespace = match object {
        Some(_) => !is_root,
        None => rule.namespaced,
    };
    let asked = Asked {
        series,
        selector: &selector,
        namespace: in_namespace.then_some(NAMESPACE),
        objects: None,
        container_label: "",
    };
    let mut sample = rendered(&rule.metrics_query, &rule.resources, asked, object);
    sample.others.push(LABEL.to_owned());
    sample
}

/// The label that names namespaces.
fn namespace_label(labels: &ResourceLabels) -> String {
    let label = labels.label(&GroupResource::new("", "namespaces"), &BUILT_IN);
    label.unwrap_or_else(|_| OF_NAMESPACES.to_owned())
}

/// The query for an object.
pub(super) fn rendered(
    template: &QueryTemplate,
    labels: &ResourceLabels,
    asked: Asked<'_>,
    object: Option<(GroupResource, String)>,
) -> Sample {
    let label = |resource: &GroupResource| -> Result<String, LabelError> {
        match &object {
            Some((of_object, label)) if of_object == resource => Ok(label.clone()),
            _ => Ok(namespace_label(labels)),
        }
    };
    let names = [OBJECT.to_owned()];
    let asked = Asked {
        objects: object
            .as_ref()
            .map(|(resource, _)| (resource, names.as_slice())),
        ..asked
    };
    let query = template.render(&asked, label);
    let read = query.as_ref().ok().map(|query| Expression::parse(query));
    let expression = read.as_ref().and_then(|read| read.as_ref().ok());
    Sample {
        gives: expression.map(Expression::check),
        read,
        query,
        object,
        // A request is about one namespace.
        others: vec![namespace_label(labels)],
    }
}
