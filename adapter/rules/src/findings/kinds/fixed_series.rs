use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "fixed-series",
    severity: Severity::Warning,
    about: "`seriesQuery` selects series of several names, and the query asks for the same whichever of them is meant.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let has_names = subject
        .series
        .as_ref()
        .is_ok_and(|series| series.series().is_none());
    let has_query = subject
        .query
        .samples
        .iter()
        .any(|sample| sample.query.is_ok());
    // One name for all of them is what the query gives.
    let one_name = subject.rule.fixed_name().is_some();
    if has_names && has_query && !one_name && !subject.rule.metrics_query.names_series() {
        told.tell(
            subject.at("metricsQuery"),
            "it doesn't use `<<.Series>>`, so all metrics of this rule, one for each name of series that `seriesQuery` selects, have the same values",
            "write `<<.Series>>` in place of the name of the series, or narrow `seriesQuery` to one name",
        );
    }
}
