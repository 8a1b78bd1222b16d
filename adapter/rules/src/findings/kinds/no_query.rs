use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "no-query",
    severity: Severity::Error,
    about: "`metricsQuery` is left out, so the metrics are listed and have no values.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    if subject.written.metrics_query.is_empty() {
        told.tell(
            subject.at("metricsQuery"),
            "it is empty, so the metrics of this rule are listed and have no values",
            "write a query such as `sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)`",
        );
    }
}
