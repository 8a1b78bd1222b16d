use super::missing_group;
use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Subject;

static KIND: Kind = Kind {
    code: "unnameable",
    severity: Severity::Error,
    about: "`name` makes names that no path of the API can name, such as an empty one, so the rule gives no metrics.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    let Some(name) = subject.unnameable() else {
        return;
    };
    let because = match name.as_str() {
        "" => "it makes an empty name".to_owned(),
        "." | ".." => format!("it makes the name `{name}`"),
        name => format!("it makes names with `{name}`"),
    };
    let because =
        format!("{because}, which no path of the API can name: this rule gives no metrics");
    let key = missing_group::key(subject);
    match missing_group::found(subject) {
        Some((sentence, cure)) if name.is_empty() => {
            told.tell(subject.at(key), format!("{sentence}; {because}"), cure);
        }
        _ => told.tell(
            subject.at(key),
            because,
            "a name has at least one character, no `/` and no `%`",
        ),
    }
}
