use super::{Check, Kind, Look, Severity, Told};
use crate::config::Instead;
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "absent-needs-series",
    severity: Severity::Note,
    about: "`valuePolicy.absent` has a value for where series are absent, and the metric is there only as long as Prometheus has some.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let absent = &subject.written.value_policy.absent;
    let has_value = absent
        .as_ref()
        .is_some_and(|absent| *absent != Instead::Error);
    if has_value && !subject.rule.is_known_without_series() {
        told.tell(
            subject.at("valuePolicy.absent"),
            "it says what counts where series are absent; but once Prometheus has had none for --metrics-max-age, the metric is not found, because `seriesQuery` doesn't say its name or what its objects are",
            "let `seriesQuery` name one series, and `resources.overrides` the labels of the objects",
        );
    }
}
