use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "not-judged",
    severity: Severity::Note,
    about: "A query is longer or nests deeper than is judged here, so nothing is known of it; Prometheus may well take it.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let read = query
        .samples
        .iter()
        .filter_map(|sample| sample.read.as_ref());
    let mut errors = read.filter_map(|read| read.as_ref().err());
    if let Some(limit) = errors.find(|error| error.is_limit()) {
        told.tell(
            query.at.clone(),
            format!("what it gives is not judged: {limit}"),
            "`setpoint-adapter check --prometheus-url` asks Prometheus whether it takes the query",
        );
    }
}
