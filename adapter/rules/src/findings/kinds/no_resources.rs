use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "no-resources",
    severity: Severity::Error,
    about: "`resources` has neither `template` nor `overrides`, so the rule gives no metrics.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

/// Rules for external metrics need no object.
fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let resources = &subject.rule.resources;
    if !subject.is_external() && !resources.has_template() && resources.overrides().count() == 0 {
        told.tell(
            subject.at("resources"),
            "it needs `template` or `overrides`: else no series belongs to any object, and this rule gives no metrics",
            "",
        );
    }
}
