use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::{BUILT_IN, Subject};
use crate::resources::GroupResource;
use crate::rule::is_label_name;

static KIND: Kind = Kind {
    code: "label-template",
    severity: Severity::Warning,
    about: "`resources.template` gives what is no name of a label, so it never matches a series.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let resources = &subject.rule.resources;
    if !resources.has_template() {
        return;
    }
    let label = resources.label_by_template(&GroupResource::new("", "pods"), &BUILT_IN);
    if let Some(label) = label.filter(|label| !is_label_name(label)) {
        told.tell(
            subject.at("resources.template"),
            format!("for pods it gives `{label}`, which is no name of a label that exporters write: it matches no series"),
            "write letters, digits and `_` around <<.Resource>>, such as `kube_<<.Resource>>`",
        );
    }
}
