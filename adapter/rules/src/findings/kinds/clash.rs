use std::collections::BTreeMap;

use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::{Subject, objects};

static KIND: Kind = Kind {
    code: "clash",
    severity: Severity::Warning,
    about: "Two rules give a metric of one name; the later one is asked, and the other where that has no value.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::All(look),
};

fn look(subjects: &[Subject<'_>], told: &mut Told<'_>) {
    let mut known: BTreeMap<(&str, String, String), usize> = BTreeMap::new();
    for subject in subjects {
        let Some(metric) = subject.metric() else {
            continue;
        };
        let resources: Vec<String> = match subject.is_external() {
            true => vec![String::new()],
            false => {
                let objects = objects(&subject.rule.resources).into_iter();
                objects
                    .map(|(resource, _)| format!("{resource}/"))
                    .collect()
            }
        };
        for resource in resources {
            let position = subject.rule.position();
            let key = (subject.list, resource.clone(), metric.clone());
            let Some(earlier) = known.insert(key, position) else {
                continue;
            };
            let list = subject.list;
            told.tell(
                subject.at("name"),
                format!(
                    "{resource}{metric} is what {list}[{earlier}] gives too: this rule is asked, and that one where this has no value"
                ),
                "give them different names by `name.as`",
            );
            break;
        }
    }
}
