use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Expression;
use crate::findings::subject::{Query, SERIES};

static KIND: Kind = Kind {
    code: "counter-without-rate",
    severity: Severity::Note,
    about: "A query gives the value of a counter, which only grows; an HPA needs how fast.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

/// Functions that make something else of a counter.
const OF_COUNTERS: [&str; 12] = [
    "rate",
    "irate",
    "increase",
    "delta",
    "idelta",
    "deriv",
    "resets",
    "changes",
    "count",
    "group",
    "count_over_time",
    "present_over_time",
];

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let mut found = None;
    for expression in query.expressions() {
        expression.visit(&mut |part, functions| {
            let Expression::Selector(selector) = part else {
                return;
            };
            let counter = selector.series().filter(|name| name.ends_with("_total"));
            if !functions.iter().any(|name| OF_COUNTERS.contains(name)) {
                found = found.or(counter);
            }
        });
    }
    if let Some(counter) = found {
        let counter = counter.replace(SERIES, "<<.Series>>");
        told.tell(
            query.at.clone(),
            format!("it gives the value of the counter `{counter}`, which only grows"),
            "ask how fast it grows: `rate(…[2m])`",
        );
    }
}
