use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "no-promql",
    severity: Severity::Warning,
    about: "What the template of a query gives is no PromQL, so Prometheus refuses it.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let broken = query.samples.iter().find_map(|sample| {
        let error = sample.read.as_ref()?.as_ref().err()?;
        Some((sample.query.as_ref().ok()?, error))
    });
    if let Some((text, error)) = broken {
        told.tell(
            query.at.clone(),
            format!("it gives `{}`, which is no PromQL: {error}", text.trim()),
            "",
        );
    }
}
