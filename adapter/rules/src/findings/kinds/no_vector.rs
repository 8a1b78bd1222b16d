use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Type;
use crate::findings::subject::{Of, Query};

static KIND: Kind = Kind {
    code: "no-vector",
    severity: Severity::Error,
    about: "A query gives no value of series, such as the samples of a range, so nothing has a value.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let samples = query.samples.iter();
    let mut gives = samples.filter_map(|sample| sample.gives.as_ref()?.as_ref().ok().copied()?);
    // A number is the value of an external metric, which belongs to no object.
    let found = gives.find(|gives| match gives {
        Type::Vector => false,
        Type::Scalar => query.of != Of::External,
        Type::Matrix | Type::Text => true,
    });
    let Some(found) = found else { return };
    let cure = match found {
        Type::Matrix => {
            "make one value of the samples, as `avg_over_time(…[5m])` does, or leave the range out"
        }
        _ => {
            "ask for values of series, such as `sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)`"
        }
    };
    let given = found.described();
    told.tell(
        query.at.clone(),
        format!("it gives {given}, and an adapter needs a value of each series"),
        cure,
    );
}
