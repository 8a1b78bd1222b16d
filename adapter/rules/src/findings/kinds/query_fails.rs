use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Query;
use crate::rule::PromqlError;

static KIND: Kind = Kind {
    code: "query-fails",
    severity: Severity::Error,
    about: "The template of a query fails when it is executed for a usual request.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    if query.template.text().is_empty() || query.template.unknown_field().is_some() {
        return;
    }
    let error = query
        .samples
        .iter()
        .find_map(|sample| sample.query.as_ref().err());
    if let Some(error) = error {
        let reason = match error {
            PromqlError::Template(error) => error.to_string(),
            error => error.to_string(),
        };
        told.tell(query.at.clone(), format!("it gives no query: {reason}"), "");
    }
}
