use std::collections::BTreeSet;

use super::{Check, Kind, Look, Severity, Told};
use crate::expression::{Expression, ResultLabels};
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "several-results",
    severity: Severity::Warning,
    about: "A query is grouped by more labels than the object's, so an object may have several results, of which the last counts.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let further = query.samples.iter().find_map(|sample| {
        let (_, label) = sample.object.as_ref()?;
        let expression = sample.expression()?;
        let ResultLabels::Only(labels) = ResultLabels::that_tell_apart(expression) else {
            // Without an aggregation there may well be one series of each object.
            return None;
        };
        let fixed = of_one_value(expression);
        let is_further = |found: &&String| {
            *found != label && !sample.others.contains(found) && !fixed.contains(found.as_str())
        };
        let mut further = labels.iter().filter(|found| is_further(found));
        labels.contains(label).then(|| further.next().cloned())?
    });
    if let Some(further) = further {
        told.tell(
            query.at.clone(),
            format!(
                "its results are grouped by `{further}` too, so an object may have several of them, of which the last counts"
            ),
            "aggregate by <<.GroupBy>> alone",
        );
    }
}

/// Labels that have one value in all results: `absent` takes them of its matchers, or each selector wants that value.
fn of_one_value(expression: &Expression) -> BTreeSet<&str> {
    let (mut of_absent, mut written) = (BTreeSet::new(), BTreeSet::new());
    let mut of_all: Option<BTreeSet<(&str, &str)>> = None;
    expression.visit(&mut |part, functions| match part {
        Expression::Selector(selector) => {
            let matchers = selector.matchers.iter();
            let equal = matchers.filter(|matcher| matcher.operator == "=");
            let equal = equal.map(|matcher| (matcher.label.as_str(), matcher.value.as_str()));
            let is_absent = |name: &&str| matches!(*name, "absent" | "absent_over_time");
            if functions.iter().any(is_absent) {
                of_absent.extend(equal.map(|(label, _)| label));
            } else {
                let equal: BTreeSet<_> = equal.collect();
                of_all = Some(of_all.take().map_or_else(
                    || equal.clone(),
                    |known| known.intersection(&equal).copied().collect(),
                ));
            }
        }
        Expression::Call(call) if matches!(call.name.as_str(), "label_replace" | "label_join") => {
            written.extend(call.arguments.get(1).and_then(text));
        }
        Expression::Aggregate(aggregate) if aggregate.name == "count_values" => {
            written.extend(aggregate.arguments.first().and_then(text));
        }
        _ => {}
    });
    let of_all = of_all.unwrap_or_default().into_iter();
    let mut labels: BTreeSet<_> = of_all.map(|(label, _)| label).chain(of_absent).collect();
    // They may have another value in each result.
    labels.retain(|label| !written.contains(label));
    labels
}

fn text(expression: &Expression) -> Option<&str> {
    match expression {
        Expression::Text(text) => Some(text),
        _ => None,
    }
}
