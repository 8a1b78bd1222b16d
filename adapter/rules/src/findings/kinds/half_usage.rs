use super::{At, Check, Kind, Look, Severity, Told};
use crate::findings::usage::{Consumers, Usage};

static KIND: Kind = Kind {
    code: "half-usage",
    severity: Severity::Note,
    about: "`resourceRules` has queries of pods alone or of nodes alone, so the others have no values.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Usage(look),
};

fn look(usage: &Usage<'_>, told: &mut Told<'_>) {
    let [pods, nodes] = Consumers::BOTH.map(|consumers| {
        let mut measures = usage.measures.iter();
        measures.any(|measure| measure.asks_about(consumers))
    });
    let lacking = match (pods, nodes) {
        (true, false) => Consumers::Nodes,
        (false, true) => Consumers::Pods,
        _ => return,
    };
    told.tell(
        At::usage(""),
        format!("it has no query of {lacking}, so `kubectl top {lacking}` has no values"),
        format!("write `{}` of `cpu` and of `memory`", lacking.query()),
    );
}
