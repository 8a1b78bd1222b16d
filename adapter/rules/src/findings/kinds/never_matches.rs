use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "never-matches",
    severity: Severity::Error,
    about: "The series that `seriesQuery` selects are left out by the rule's other conditions, so it gives no metrics.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let Ok(series) = &subject.series else { return };
    let mut labels: Vec<_> = series
        .matchers
        .iter()
        .map(|matcher| &matcher.label)
        .collect();
    labels.sort_unstable();
    labels.dedup();
    for label in labels {
        let of_label = || {
            series
                .matchers
                .iter()
                .filter(|matcher| matcher.label == *label)
        };
        let mut equal = of_label().filter(|matcher| matcher.operator == "=");
        let Some(first) = equal.next() else { continue };
        let other = of_label().find(|matcher| match matcher.operator {
            "=" => matcher.value != first.value,
            "!=" => matcher.value == first.value,
            _ => false,
        });
        if let Some(other) = other {
            let sentence = format!(
                "no series has both {label}{}{:?} and {label}{}{:?}, so it selects none",
                first.operator, first.value, other.operator, other.value
            );
            return told.tell(subject.at("seriesQuery"), sentence, "leave one of them out");
        }
    }
    let Some(name) = series.series() else { return };
    if let Some((key, pattern)) = subject.rule.leaves_out(name) {
        told.tell(
            subject.at(key),
            format!("`{pattern}` leaves out `{name}`, and `seriesQuery` selects no other name: this rule gives no metrics"),
            "",
        );
    }
}
