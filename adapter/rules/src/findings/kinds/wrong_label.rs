use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Selector;
use crate::findings::mapping::Mapping;
use crate::findings::subject::{BUILT_IN, objects};
use crate::resources::GroupResource;
use crate::rule::ResourceLabels;

static KIND: Kind = Kind {
    code: "wrong-label",
    severity: Severity::Warning,
    about: "A label names objects of another resource than its name says, or `seriesQuery` wants a label that the rule doesn't use.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Labels(look),
};

fn look(mapping: &Mapping<'_>, told: &mut Told<'_>) {
    for (label, resource) in mapping.labels.overrides() {
        let Some(named) = BUILT_IN.resource(&GroupResource::new("", label)) else {
            continue;
        };
        let meant = BUILT_IN.resource(resource);
        let is_other = meant.is_some_and(|meant| meant.singular != named.singular);
        // Such as `pod` for nodes; names such as `service` are used for much else.
        if is_other && matches!(named.singular.as_str(), "pod" | "namespace" | "node") {
            told.tell(
                mapping.at.key("overrides"),
                format!(
                    "label `{label}` is to name {resource}, though it is called as those of {} are",
                    named.plural
                ),
                "look at the labels of the series: the resource may be written at the wrong label",
            );
        }
    }
    let Some(series) = mapping.series else { return };
    for (resource, label) in objects(mapping.labels) {
        if let Some(wanted) = other_label(series, mapping.labels, &resource, &label) {
            told.tell(
                mapping.at.clone(),
                format!("`seriesQuery` wants `{wanted}`, and the rule takes label `{label}` for {resource}"),
                format!("add the override `{wanted}: {{resource: {}}}`, if that names them", singular(&resource)),
            );
        }
    }
}

fn singular(resource: &GroupResource) -> String {
    let known = BUILT_IN.resource(resource);
    known.map_or(resource.resource.clone(), |known| known.singular.clone())
}

/// A label that the series must have, which the rule doesn't use, and whose name speaks of the resource; none where they must
/// have the label of the rule.
fn other_label(
    series: &Selector,
    labels: &ResourceLabels,
    resource: &GroupResource,
    label: &str,
) -> Option<String> {
    let singular = singular(resource);
    let is_wanted = |matcher: &&crate::expression::Matcher| match matcher.operator {
        "!=" => matcher.value.is_empty(),
        "=~" => matcher.value == ".+",
        _ => false,
    };
    let mut wanted = series.matchers.iter().filter(is_wanted);
    if wanted.clone().any(|matcher| matcher.label == label) {
        return None;
    }
    let speaks = wanted.find(|matcher| {
        let words: Vec<_> = matcher.label.split('_').collect();
        let is_used = labels.of_label(&matcher.label, &BUILT_IN).is_some();
        words.contains(&singular.as_str()) && !is_used
    });
    speaks.map(|matcher| matcher.label.clone())
}
