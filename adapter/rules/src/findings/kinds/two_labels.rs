use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Selector;
use crate::findings::mapping::Mapping;
use crate::findings::subject::Of;
use crate::resources::GroupResource;
use crate::rule::may_match_empty;

static KIND: Kind = Kind {
    code: "two-labels",
    severity: Severity::Warning,
    about: "Two overrides name the same resource and series have both labels, of which one is asked for: here the first by the alphabet, in prometheus-adapter any.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Labels(look),
};

fn look(mapping: &Mapping<'_>, told: &mut Told<'_>) {
    for (resource, mut labels) in mapping.overridden() {
        let is_namespaces = resource == GroupResource::new("", "namespaces");
        match mapping.of {
            // Where series may have either label, that which they have is asked for.
            Of::Custom => labels.retain(|label| is_certain(mapping.series, label)),
            Of::External if !is_namespaces || !mapping.in_namespaces => continue,
            Of::External | Of::Pods | Of::Nodes => {}
        }
        let [first, second, ..] = labels[..] else {
            continue;
        };
        told.tell(
            mapping.at.key("overrides"),
            format!(
                "labels `{first}` and `{second}` both name {resource}: they are asked for by `{first}`, the first by the alphabet, and `{second}` changes nothing; in prometheus-adapter chance decides at each start"
            ),
            "leave out the override of the label that doesn't name them",
        );
    }
}

/// Whether all series have the label.
fn is_certain(series: Option<&Selector>, label: &str) -> bool {
    let mut matchers = series.iter().flat_map(|series| &series.matchers);
    matchers
        .any(|matcher| matcher.label == label && !may_match_empty(matcher.operator, &matcher.value))
}
