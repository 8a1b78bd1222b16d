use super::{Check, Kind, Look, Severity, Told};
use crate::expression::Matcher;
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "every-series",
    severity: Severity::Note,
    about: "`seriesQuery` selects nearly everything that Prometheus has, which costs memory there and here, and lists thousands of metrics.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let Ok(series) = &subject.series else { return };
    if series.name.is_none() && series.matchers.iter().all(is_wide) && !series.matchers.is_empty() {
        told.tell(
            subject.at("seriesQuery"),
            format!(
                "`{}` selects every series but a few: each relist asks Prometheus for all of them, and each of their names becomes a metric",
                subject.written.series_query
            ),
            "name what HPAs use: a name, or `__name__=~\"^http_.*\"`",
        );
    }
}

/// Whether a matcher leaves out little: it wants any value, or some value not.
fn is_wide(matcher: &Matcher) -> bool {
    match matcher.operator {
        "!=" | "!~" => true,
        "=~" => matches!(
            matcher.value.as_str(),
            ".*" | ".+" | "^.*" | "^.+" | "^.*$" | "^.+$"
        ),
        _ => matcher.value.is_empty(),
    }
}
