//! What files expect, and how it is written into them.

use super::api_group::ApiGroup;
use super::document::{ExpectedError, ExpectedItem, ExpectedUsage, ExpectedValue};

/// An expected answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Items(Vec<ExpectedItem>),
    Values(Vec<ExpectedValue>),
    Usage(Vec<ExpectedUsage>),
    Error(ExpectedError),
    /// Sorted.
    Resources(Vec<String>),
    /// Sorted.
    External(Vec<String>),
}

impl Expected {
    /// Its key in a file.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Self::Items(_) => "exp_items",
            Self::Values(_) => "exp_values",
            Self::Usage(_) => "exp_usage",
            Self::Error(_) => "exp_error",
            Self::Resources(_) => "exp_resources",
            Self::External(_) => "exp_external",
        }
    }

    /// The items; none where it has another form.
    pub(super) fn items(&self) -> &[ExpectedItem] {
        match self {
            Self::Items(items) => items,
            _ => &[],
        }
    }

    /// The values of an external metric; none where it has another form.
    pub(super) fn values(&self) -> &[ExpectedValue] {
        match self {
            Self::Values(values) => values,
            _ => &[],
        }
    }

    /// CPU and memory; none where it has another form.
    pub(super) fn usage(&self) -> &[ExpectedUsage] {
        match self {
            Self::Usage(taken) => taken,
            _ => &[],
        }
    }

    /// The API group that answers in this form; none where any does.
    pub(super) fn group(&self) -> Option<ApiGroup> {
        match self {
            Self::Items(_) | Self::Resources(_) => Some(ApiGroup::Custom),
            Self::Values(_) | Self::External(_) => Some(ApiGroup::External),
            Self::Usage(_) => Some(ApiGroup::Resource),
            Self::Error(_) => None,
        }
    }
}

/// An answer as it is written into a file, a line for each element.
pub(super) fn shown(expected: &Expected) -> String {
    match (expected, lines(expected)) {
        (_, Some(lines)) => lines.join("\n") + "\n",
        (Expected::Error(error), None) => {
            let message = error.message.as_deref().map(scalar);
            let message = message.map(|message| format!("message: {message}\n"));
            format!("code: {}\n{}", error.code, message.unwrap_or_default())
        }
        (_, None) => flow(expected) + "\n",
    }
}

/// The elements of an answer as lines of a YAML list; none where it isn't one, or has no element.
pub(super) fn lines(expected: &Expected) -> Option<Vec<String>> {
    let elements = elements(expected)?;
    let lines = elements.iter().map(|element| format!("- {element}"));
    (!elements.is_empty()).then(|| lines.collect())
}

/// An answer as YAML in brackets.
pub(super) fn flow(expected: &Expected) -> String {
    match (expected, elements(expected)) {
        (Expected::Error(error), _) => {
            let message = error.message.as_deref().map(scalar);
            let message = message.map(|message| format!(", message: {message}"));
            format!("{{code: {}{}}}", error.code, message.unwrap_or_default())
        }
        (_, elements) => format!("[{}]", elements.unwrap_or_default().join(", ")),
    }
}

/// The elements of an answer; none where it is an error.
fn elements(expected: &Expected) -> Option<Vec<String>> {
    match expected {
        Expected::Items(items) => Some(items.iter().map(of_item).collect()),
        Expected::Values(values) => Some(values.iter().map(of_value).collect()),
        Expected::Usage(taken) => Some(taken.iter().map(of_usage).collect()),
        Expected::Resources(names) | Expected::External(names) => {
            Some(names.iter().map(|name| scalar(name)).collect())
        }
        Expected::Error(_) => None,
    }
}

fn of_item(item: &ExpectedItem) -> String {
    in_braces([
        ("name", Some(&item.name)),
        ("kind", item.kind.as_ref()),
        ("namespace", item.namespace.as_ref()),
        ("value", Some(&item.value)),
    ])
}

fn of_value(value: &ExpectedValue) -> String {
    let labels = value.labels.as_ref().map(|labels| {
        let labels = labels.iter();
        let labels = labels.map(|(name, value)| format!("{}: {}", scalar(name), scalar(value)));
        format!("labels: {{{}}}, ", labels.collect::<Vec<_>>().join(", "))
    });
    format!(
        "{{{}value: {}}}",
        labels.unwrap_or_default(),
        scalar(&value.value)
    )
}

fn of_usage(taken: &ExpectedUsage) -> String {
    in_braces([
        ("name", Some(&taken.name)),
        ("namespace", taken.namespace.as_ref()),
        ("container", taken.container.as_ref()),
        ("cpu", Some(&taken.cpu)),
        ("memory", Some(&taken.memory)),
    ])
}

/// The keys that have a value, as a YAML map in braces.
fn in_braces<const N: usize>(pairs: [(&str, Option<&String>); N]) -> String {
    let pairs = pairs.into_iter();
    let pairs = pairs.filter_map(|(key, value)| Some(format!("{key}: {}", scalar(value?))));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
}

/// A text as a YAML scalar, in quotes where it takes them.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    let word = text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let special = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    if word && !special.contains(&text.to_ascii_lowercase().as_str()) {
        text.to_owned()
    } else {
        // JSON is YAML.
        serde_json::to_string(text).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        let texts = [
            "web-1", "5", "a b", "true", "-1", "job:x", "\"", "é", "500m", "", "1e3", "0x1", "~",
        ];
        for text in texts {
            let read: ExpectedItem =
                serde_saphyr::from_str(&format!("{{name: {}, value: 1}}", scalar(text))).unwrap();
            assert_eq!(read.name, text);
        }
    }
}
