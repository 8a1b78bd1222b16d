use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::{BUILT_IN, Subject};

static KIND: Kind = Kind {
    code: "unknown-resource",
    severity: Severity::Note,
    about: "An override names a resource that Kubernetes itself doesn't have; prometheus-adapter doesn't start where it isn't there.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    for unknown in subject.rule.resources.unknown(&BUILT_IN) {
        let cure = match unknown.elsewhere {
            Some(other) => format!("there is {other}"),
            None => "where that is a custom resource, all is well".to_owned(),
        };
        let (label, resource) = (unknown.label, unknown.resource);
        told.tell(
            subject.at("resources.overrides"),
            format!("label `{label}` is to name {resource}, which Kubernetes itself doesn't have"),
            cure,
        );
    }
}
