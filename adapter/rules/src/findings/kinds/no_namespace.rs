use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::{BUILT_IN, Subject, objects};
use crate::resources::GroupResource;

static KIND: Kind = Kind {
    code: "no-namespace-label",
    severity: Severity::Error,
    about: "A rule for objects in namespaces has no label for namespaces, so its metrics have no values.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

const CURE: &str = "add an override such as `namespace: {resource: namespace}`";

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let resources = &subject.rule.resources;
    let namespaces = GroupResource::new("", "namespaces");
    if resources.label(&namespaces, &BUILT_IN).is_ok() {
        return;
    }
    if subject.is_external() {
        if subject.rule.namespaced {
            told.tell(
                subject.at("resources"),
                "it has no label for namespaces, so each request for its metrics fails",
                format!(
                    "{CURE}, or `namespaced: false`, which leaves the namespace out of the query"
                ),
            );
        }
        return;
    }
    let objects = objects(resources).into_iter();
    let mut namespaced = objects.filter(|(resource, _)| !resource.is_root_scoped());
    if let Some((resource, _)) = namespaced.next() {
        told.tell(
            subject.at("resources"),
            format!("it has no label for namespaces, so its metrics of {resource} are listed and have no values"),
            CURE,
        );
    }
}
