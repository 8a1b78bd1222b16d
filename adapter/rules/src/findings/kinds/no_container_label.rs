use super::{Check, Kind, Look, Severity, Told};
use crate::findings::usage::{Consumers, Usage};

static KIND: Kind = Kind {
    code: "no-container-label",
    severity: Severity::Warning,
    about: "`containerLabel` is left out, so a pod's values count as those of one container without a name.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Usage(look),
};

fn look(usage: &Usage<'_>, told: &mut Told<'_>) {
    for measure in &usage.measures {
        if measure.written.container_label.is_empty() && measure.asks_about(Consumers::Pods) {
            told.tell(
                measure.at("containerLabel"),
                "it is left out, so a pod's values count as those of one container without a name, of several the last alone; \
                 `kubectl top pod --containers` and HPAs on metrics of type ContainerResource find no container",
                "name the label that names containers, such as `container`",
            );
        }
    }
}
