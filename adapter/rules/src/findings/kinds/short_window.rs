use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Expression;
use crate::findings::subject::Query;

static KIND: Kind = Kind {
    code: "short-window",
    severity: Severity::Note,
    about: "A rate needs two samples within its window, which should be four times as long as the interval of scrapes.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

/// Functions that need two samples.
const OF_TWO: [&str; 6] = ["rate", "irate", "increase", "delta", "idelta", "deriv"];
/// With Prometheus' usual interval of a minute, a window of Prometheus 3 has one sample.
const SHORT: u64 = 60_000;

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    let mut found = None;
    for expression in query.expressions() {
        expression.visit(&mut |part, functions| {
            if let (Expression::Range(_, Some(millis)), Some(function)) = (part, functions.last())
                && OF_TWO.contains(function)
                // One of zero is refused.
                && (1..=SHORT).contains(millis)
            {
                found = found.or(Some((*function, *millis)));
            }
        });
    }
    if let Some((function, millis)) = found {
        let seconds = millis / 1000;
        told.tell(
            query.at.clone(),
            format!(
                "`{function}` over {seconds}s has no result where series are scraped every {}s or less often: it takes two samples",
                seconds.div_ceil(2)
            ),
            "take a window of four times the interval of scrapes",
        );
    }
}
