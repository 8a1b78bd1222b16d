use super::{Check, Kind, Look, Severity, Told};
use crate::expression::ResultLabels;
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "label-lost",
    severity: Severity::Error,
    about: "The results of a query lack the label that names the object, so no object has a value.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let lost = query.samples.iter().find_map(|sample| {
        let (resource, label) = sample.object.as_ref()?;
        let labels = ResultLabels::of(sample.expression()?);
        (!labels.may_have(label)).then_some((resource, label))
    });
    if let Some((resource, label)) = lost {
        told.tell(
            query.at.clone(),
            format!(
                "its results have no label `{label}`, so no value belongs to any of {resource}, and none of them has the metric"
            ),
            "aggregate `by (<<.GroupBy>>)`, as in `sum(…) by (<<.GroupBy>>)`",
        );
    }
}
