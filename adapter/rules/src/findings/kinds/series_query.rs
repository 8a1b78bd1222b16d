use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Selector;
use crate::findings::subject::Subject;
use crate::rule::may_match_empty;

static KIND: Kind = Kind {
    code: "series-query",
    severity: Severity::Error,
    about: "`seriesQuery` is no selector that Prometheus takes, so the rule finds no series.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let at = || subject.at("seriesQuery");
    let text = &subject.written.series_query;
    let series = match &subject.series {
        Ok(series) => series,
        Err(error) => {
            return told.tell(
                at(),
                format!("`{text}` is no selector of series: {error}"),
                "write a name and matchers, such as `http_requests_total{pod!=\"\"}`; functions belong into `metricsQuery`",
            );
        }
    };
    if let Err(invalid) = series.check() {
        let sentence = format!("Prometheus refuses `{text}`: {invalid}");
        told.tell(at(), sentence, invalid.cure());
    } else if !selects(series) {
        told.tell(
            at(),
            format!("Prometheus refuses `{text}`, because each of its matchers may match a series without the label"),
            "add a matcher that only a value fits, such as `pod!=\"\"`",
        );
    }
}

/// Whether there is a matcher that a missing label doesn't fit.
fn selects(series: &Selector) -> bool {
    let mut matchers = series.matchers.iter();
    series.name.is_some()
        || matchers.any(|matcher| !may_match_empty(matcher.operator, &matcher.value))
}
