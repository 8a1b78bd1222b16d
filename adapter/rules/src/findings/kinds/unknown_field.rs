use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "unknown-field",
    severity: Severity::Error,
    about: "A template names a field that there isn't, and fails where that is executed.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    if let Some(error) = query.template.unknown_field() {
        let sentence = format!(
            "{error}; where that is executed, the metrics of this rule are listed and have no values"
        );
        told.tell(query.at.clone(), sentence, "");
    }
}
