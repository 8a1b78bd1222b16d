use super::{Check, Kind, Look, Severity, Told};
use crate::expression::is_label_name;
use crate::findings::mapping::Mapping;
use crate::findings::subject::BUILT_IN;
use crate::resources::GroupResource;

static KIND: Kind = Kind {
    code: "label-template",
    severity: Severity::Warning,
    about: "`resources.template` gives what is no name of a label, so it never matches a series.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Labels(look),
};

fn look(mapping: &Mapping<'_>, told: &mut Told<'_>) {
    let resources = mapping.labels;
    if !resources.has_template() {
        return;
    }
    let label = resources.label_by_template(&GroupResource::new("", "pods"), &BUILT_IN);
    if let Some(label) = label.filter(|label| !is_label_name(label)) {
        told.tell(
            mapping.at.key("template"),
            format!("for pods it gives `{label}`, which is no name of a label that exporters write: it matches no series"),
            "write letters, digits and `_` around <<.Resource>>, such as `kube_<<.Resource>>`",
        );
    }
}
