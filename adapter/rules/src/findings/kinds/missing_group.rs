use super::{Check, Kind, Look, Severity, Told};
use crate::findings::subject::Subject;
use crate::rule::{NamePart, Rule};

static KIND: Kind = Kind {
    code: "missing-group",
    severity: Severity::Warning,
    about: "`name.as` names a group that `name.matches` doesn't have, such as `$1_per_second`, which Go takes for the group `1_per_second`.",
};

pub(super) const CHECK: Check = Check {
    kind: &KIND,
    look: Look::Rule(look),
};

fn look(subject: &Subject<'_>, told: &mut Told<'_>) {
    // That is told with this one as its cause.
    if subject.unnameable().is_some_and(|name| name.is_empty()) {
        return;
    }
    if let Some((sentence, cure)) = found(subject) {
        told.tell(subject.at(key(subject)), sentence, cure);
    }
}

/// The key that makes the names.
pub(super) fn key(subject: &Subject<'_>) -> &'static str {
    match subject.written.name.as_.as_str() {
        "" => "name.matches",
        _ => "name.as",
    }
}

/// What is wrong with a reference of `name.as`, and what helps.
pub(super) fn found(subject: &Subject<'_>) -> Option<(String, String)> {
    let rule = subject.rule;
    let parts = rule.name_parts().into_iter();
    let mut of_parts = parts.filter_map(|part| match part {
        NamePart::NoGroup(name) => Some((
            format!(
                "it names the group `{name}`, and `name.matches` {}, so nothing stands there in the name",
                groups(rule)
            ),
            cure(rule, name),
        )),
        NamePart::Alone => Some((
            "it has a `$` that begins no name of a group, so `$` and what follows stand in the name as they are"
                .to_owned(),
            "write a group as `${1}`, and `$` itself as `$$`".to_owned(),
        )),
        NamePart::Text(_) | NamePart::Group(_) => None,
    });
    of_parts.next()
}

fn groups(rule: &Rule) -> String {
    match rule.count_groups() {
        0 => "has no group".to_owned(),
        1 => "has one, `1`".to_owned(),
        count => format!("has those from `1` to `{count}`"),
    }
}

/// The group that the name begins with is meant, if there is one.
fn cure(rule: &Rule, name: &str) -> String {
    match rule.meant_group(name) {
        Some((group, rest)) => format!(
            "write `${{{group}}}{rest}`: letters, digits and `_` behind `$` are all of the group's name"
        ),
        None => "write the part of the name into `name.matches` in parentheses, as in `^(.*)_total$`, and name it as `${1}`"
            .to_owned(),
    }
}
