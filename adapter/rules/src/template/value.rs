//! What templates work with, and how Go's `fmt` prints it.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A value of a template. Which of Go's types it stands for, [`Value::kind`] says.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// `nil`, or the value of a key that a map doesn't have.
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Text),
    /// `[]string`
    List(Arc<[Text]>),
    /// `map[string]string`
    Map(Arc<BTreeMap<Arc<str>, (Text, Text)>>),
    /// A struct: fields by name, in their order.
    Record(Arc<[(&'static str, Self)]>),
}

/// A string. The name of a label compares as itself, and is printed as PromQL takes it.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(super) text: Arc<str>,
    pub(super) printed: Option<Arc<str>>,
}

impl Text {
    /// A string that is printed as another text.
    pub(crate) fn printed_as(text: &str, printed: &str) -> Self {
        Self {
            text: text.into(),
            printed: (text != printed).then(|| printed.into()),
        }
    }

    pub(super) fn printed(&self) -> &str {
        self.printed.as_deref().unwrap_or(&self.text)
    }
}

impl<T: Into<Arc<str>>> From<T> for Text {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            printed: None,
        }
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into().into())
    }

    /// A map of strings.
    pub(crate) fn map(entries: impl IntoIterator<Item = (Text, Text)>) -> Self {
        let entries = entries
            .into_iter()
            .map(|(key, value)| (key.text.clone(), (key, value)));
        Self::Map(Arc::new(entries.collect()))
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "a missing value",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Float(_) => "a floating point number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Record(_) => "the template's data",
        }
    }

    /// Go's truth (`text/template.IsTrue`).
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Record(_) => true,
        }
    }

    /// Writes it as `fmt.Print` does. A missing value is written as `missing`.
    pub(super) fn print(&self, out: &mut String, missing: &str) {
        match self {
            Self::Nil => out.push_str(missing),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Int(value) => out.push_str(&value.to_string()),
            Self::Float(value) => out.push_str(&float(*value)),
            Self::Text(text) => out.push_str(text.printed()),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Text::printed).collect();
                out.push_str(&format!("[{}]", items.join(" ")));
            }
            Self::Map(entries) => {
                let entries = entries.values();
                let entry =
                    |(key, value): &(Text, Text)| format!("{}:{}", key.printed(), value.printed());
                let entries: Vec<_> = entries.map(entry).collect();
                out.push_str(&format!("map[{}]", entries.join(" ")));
            }
            Self::Record(fields) => {
                out.push('{');
                for (position, (_, field)) in fields.iter().enumerate() {
                    if position > 0 {
                        out.push(' ');
                    }
                    field.print(out, missing);
                }
                out.push('}');
            }
        }
    }

    /// About how many bytes [`Self::print`] writes, so that it can be refused before.
    pub(super) fn printed_len(&self) -> usize {
        match self {
            Self::Text(text) => text.printed().len(),
            Self::List(items) => {
                items
                    .iter()
                    .map(|item| item.printed().len() + 1)
                    .sum::<usize>()
                    + 2
            }
            Self::Map(entries) => {
                let len =
                    |(key, value): &(Text, Text)| key.printed().len() + value.printed().len() + 2;
                entries.values().map(len).sum::<usize>() + 5
            }
            Self::Record(fields) => fields
                .iter()
                .map(|(_, field)| field.printed_len() + 1)
                .sum(),
            Self::Nil | Self::Bool(_) | Self::Int(_) | Self::Float(_) => 24,
        }
    }
}

/// `%v` of a float64: the shortest digits, with an exponent below 1e-4 and from 1e6 (`%g` of `strconv`).
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if value != 0.0 && !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.unsigned_abs());
    }
    format!("{value}")
}
