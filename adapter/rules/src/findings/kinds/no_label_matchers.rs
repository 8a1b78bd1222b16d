use super::{Check, Kind, Look, Severity, Told};
use crate::expression::{Expression, Selector};
use crate::findings::subject::{NAMESPACE, OBJECT, Of, Query, VALUE};

static KIND: Kind = Kind {
    code: "no-label-matchers",
    severity: Severity::Warning,
    about: "A query without `<<.LabelMatchers>>` asks for all objects of all namespaces and mixes them.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Query(look),
};

fn look(query: &Query<'_>, told: &mut Told<'_>) {
    // Of nodes there is one of a name, and queries that join series can't have the matchers.
    if query.of == Of::Nodes {
        return;
    }
    let of_request = |value: &str| {
        let mut names = [OBJECT, NAMESPACE, VALUE].into_iter();
        names.any(|name| value.contains(name))
    };
    let is_narrowed = |selector: &Selector| {
        let mut matchers = selector.matchers.iter();
        matchers.any(|matcher| of_request(&matcher.value))
    };
    let lacks = |expression: &Expression| {
        let selectors = expression.selectors();
        !selectors.is_empty() && !selectors.into_iter().any(is_narrowed)
    };
    if query.expressions().any(lacks) {
        let sentence = match query.of {
            Of::External => {
                "it doesn't use `<<.LabelMatchers>>`, so the request's namespace and selector change nothing"
            }
            _ => {
                "it doesn't use `<<.LabelMatchers>>`, so it asks for the series of all namespaces, and objects of one name are mixed"
            }
        };
        told.tell(
            query.at.clone(),
            sentence,
            "write it into the braces of a selector: `<<.Series>>{<<.LabelMatchers>>}`",
        );
    }
}
