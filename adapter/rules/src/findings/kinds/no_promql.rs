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
    let refused = query.samples.iter().find_map(|sample| {
        let text = sample.query.as_ref().ok()?.trim();
        if let Err(error) = sample.read.as_ref()? {
            // `not_judged` tells of it.
            if error.is_limit() {
                return None;
            }
            let sentence = format!("it gives `{text}`, which is no PromQL: {error}");
            return Some((sentence, ""));
        }
        let invalid = sample.gives.as_ref()?.as_ref().err()?;
        let sentence = format!("it gives `{text}`, which Prometheus refuses: {invalid}");
        Some((sentence, invalid.cure()))
    });
    if let Some((sentence, cure)) = refused {
        told.tell(query.at.clone(), sentence, cure);
    }
}
