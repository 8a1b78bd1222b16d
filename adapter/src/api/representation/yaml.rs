//! YAML as `sigs.k8s.io/yaml` writes it.

use std::fmt::Write as _;

use serde_json::Value;

/// A document: keys sorted, sequences not indented.
pub(super) fn yaml_of(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value, 0, true);
    text
}

/// Writes a value behind a key or a dash; `is_first` where nothing stands before it on its line.
fn write_value(text: &mut String, value: &Value, depth: usize, is_first: bool) {
    let indent = |text: &mut String| text.extend(std::iter::repeat_n("  ", depth));
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (index, (key, value)) in fields.iter().enumerate() {
                if index > 0 || !is_first {
                    indent(text);
                }
                let _ = write!(text, "{}:", scalar(key));
                let nested = match value {
                    Value::Object(fields) => !fields.is_empty(),
                    Value::Array(items) => !items.is_empty(),
                    _ => false,
                };
                if nested {
                    text.push('\n');
                    let depth = depth + usize::from(value.is_object());
                    write_value(text, value, depth, false);
                } else {
                    text.push(' ');
                    write_value(text, value, depth, true);
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                indent(text);
                text.push_str("- ");
                write_value(text, item, depth + 1, true);
            }
        }
        Value::Object(_) => text.push_str("{}\n"),
        Value::Array(_) => text.push_str("[]\n"),
        Value::String(string) => {
            let _ = writeln!(text, "{}", scalar(string));
        }
        other => {
            let _ = writeln!(text, "{other}");
        }
    }
}

/// A string as a YAML scalar: plain, or in quotes where it would be read as something else.
fn scalar(string: &str) -> String {
    let double = || Value::from(string).to_string();
    let other_type = string.is_empty()
        || string.parse::<f64>().is_ok()
        || is_timestamp(string)
        || matches!(
            string.to_ascii_lowercase().as_str(),
            "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null" | "~"
        );
    if other_type || string.chars().any(char::is_control) {
        return double();
    }
    let begins_badly = string
        .starts_with(|first: char| first.is_whitespace() || ",[]{}#&*!|>'\"%@`".contains(first));
    // These begin something else only before a space.
    let before_a_space = ["-", "?", ":"].contains(&string)
        || ["- ", "? ", ": "]
            .iter()
            .any(|first| string.starts_with(first));
    let special = begins_badly
        || before_a_space
        || string.ends_with([' ', ':'])
        || string.contains(": ")
        || string.contains(" #");
    if special {
        return format!("'{}'", string.replace('\'', "''"));
    }
    string.to_owned()
}

/// Whether a string begins as a date does.
fn is_timestamp(string: &str) -> bool {
    let bytes = string.as_bytes();
    let digits = |from: usize, to: usize| {
        let part = bytes.get(from..to);
        part.is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0, 4) && bytes.get(4) == Some(&b'-') && digits(5, 7)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_is_written_as_by_go() {
        let value = json!({
            "kind": "List", "apiVersion": "a/v1", "metadata": {},
            "items": [{"name": "a", "labels": {"b": "1"}, "value": "500m"}, {"name": "", "of": [[], null, true]}],
        });
        let expected = "apiVersion: a/v1\nitems:\n- labels:\n    b: \"1\"\n  name: a\n  value: 500m\n- name: \"\"\n  of:\n  - []\n  - null\n  - true\nkind: List\nmetadata: {}\n";
        assert_eq!(yaml_of(&value), expected);
    }

    #[test]
    fn strings_that_yaml_takes_for_something_else_are_quoted() {
        for (string, expected) in [
            ("/v1", "/v1"),
            ("2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""),
            ("1e3", "\"1e3\""),
            ("on", "\"on\""),
            ("-1m", "-1m"),
            ("- a", "'- a'"),
            ("*", "'*'"),
            ("a: b", "'a: b'"),
            ("it's", "it's"),
            ("a\nb", "\"a\\nb\""),
        ] {
            assert_eq!(scalar(string), expected);
        }
    }
}
