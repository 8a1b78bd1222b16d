use super::{Check, Kind, Look, Severity, Told};
use crate::findings::mapping::Mapping;
use crate::findings::subject::BUILT_IN;

static KIND: Kind = Kind {
    code: "unknown-resource",
    severity: Severity::Note,
    about: "An override names a resource that Kubernetes itself doesn't have; prometheus-adapter doesn't start where it isn't there.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Labels(look),
};

fn look(mapping: &Mapping<'_>, told: &mut Told<'_>) {
    for unknown in mapping.labels.unknown(&BUILT_IN) {
        let cure = match unknown.elsewhere {
            Some(other) => format!("there is {other}"),
            None => "where that is a custom resource, all is well".to_owned(),
        };
        let (label, resource) = (unknown.label, unknown.resource);
        told.tell(
            mapping.at.key("overrides"),
            format!("label `{label}` is to name {resource}, which Kubernetes itself doesn't have"),
            cure,
        );
    }
}
