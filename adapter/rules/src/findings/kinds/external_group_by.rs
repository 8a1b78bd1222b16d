use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::{Of, Query};

static KIND: Kind = Kind {
    code: "external-group-by",
    severity: Severity::Warning,
    about: "`<<.GroupBy>>` is always empty in rules for external metrics, which belong to no object.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    if query.of == Of::External && query.template.uses(&["GroupBy", "GroupBySlice"]) {
        told.tell(
            query.at.clone(),
            "`<<.GroupBy>>` is always empty here, as external metrics belong to no object: `by (<<.GroupBy>>)` adds up all series",
            "leave it out, or name the labels that are to stay, such as `by (queue)`",
        );
    }
}
