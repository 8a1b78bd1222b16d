//! In which form a document is answered: JSON, indented JSON or YAML, as `k8s.io/apiserver` chooses it
//! (`pkg/endpoints/handlers/negotiation`).

use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::status::ApiError;

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";

/// The form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Representation {
    /// As documents are made.
    Json,
    /// Indented, for people.
    Pretty,
    Yaml,
}

impl Representation {
    /// The form that a request asks for; none if it takes only others. Of equally good ones the first counts.
    pub(super) fn asked(headers: &HeaderMap, query_string: Option<&str>) -> Option<Self> {
        let accept = headers.get_all(header::ACCEPT).iter();
        let ranges = accept.filter_map(|accept| accept.to_str().ok());
        let ranges: Vec<&str> = ranges.flat_map(|accept| accept.split(',')).collect();
        let (mut best, mut found) = (0.0, None);
        for range in &ranges {
            let (quality, representation) = of_range(range);
            if representation.is_some() && quality > best {
                (best, found) = (quality, representation);
            }
        }
        let empty = ranges.iter().all(|range| range.trim().is_empty());
        let found = found.or_else(|| empty.then_some(Self::Json));
        let pretty = found == Some(Self::Json) && is_pretty(query_string);
        found.map(|found| if pretty { Self::Pretty } else { found })
    }

    /// Gives a document in JSON this form; other answers stay as they are.
    pub(super) async fn applied(self, response: Response) -> Response {
        let content_type = response.headers().get(header::CONTENT_TYPE);
        if self == Self::Json || content_type.is_none_or(|found| found != JSON) {
            return response;
        }
        let (mut head, body) = response.into_parts();
        // It is in memory already.
        let Ok(document) = to_bytes(body, usize::MAX).await else {
            return ApiError::Panic.into_response();
        };
        let text = if self == Self::Yaml {
            let yaml = HeaderValue::from_static(YAML);
            head.headers.insert(header::CONTENT_TYPE, yaml);
            serde_json::from_slice(&document)
                .map_or_else(|_| String::new(), |value| yaml_of(&value))
        } else {
            indented(&String::from_utf8_lossy(&document))
        };
        head.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(head, Body::from(text))
    }
}

/// How much a range of an `Accept` header is wanted, and what it asks for.
fn of_range(range: &str) -> (f64, Option<Representation>) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut quality = 1.0;
    let mut transformed = false;
    for part in parts {
        match part.split_once('=') {
            Some(("q", value)) => quality = value.parse().unwrap_or(1.0),
            // Another kind of document, such as a table. Groups that have one look for themselves.
            Some(("as" | "stream", _)) => transformed = true,
            _ => {}
        }
    }
    let representation = match media_type {
        _ if transformed && media_type != JSON => None,
        JSON | "application/*" | "*/*" => Some(Representation::Json),
        YAML => Some(Representation::Yaml),
        _ => None,
    };
    (quality, representation)
}

/// `pretty` asks for indentation unless it is `false` or `0`.
fn is_pretty(query_string: Option<&str>) -> bool {
    let parameters = url::form_urlencoded::parse(query_string.unwrap_or_default().as_bytes());
    let mut pretty = parameters.filter(|(key, _)| key == "pretty");
    let value = pretty.next();
    value.is_some_and(|(_, value)| matches!(&*value, "1" | "true" | "t" | "T" | "TRUE" | "True"))
}

/// Compact JSON indented as Go's `json.Indent` does it.
fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = json.trim_end().chars().peekable();
    let line = |text: &mut String, depth: usize| {
        text.push('\n');
        text.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(character) = characters.next() {
        if in_string {
            text.push(character);
            (in_string, escaped) = match character {
                _ if escaped => (true, false),
                '\\' => (true, true),
                '"' => (false, false),
                _ => (true, false),
            };
            continue;
        }
        match character {
            '{' | '[' => {
                text.push(character);
                if let Some(end) = characters.next_if(|next| matches!(next, '}' | ']')) {
                    text.push(end);
                } else {
                    depth += 1;
                    line(&mut text, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            _ => {
                in_string = character == '"';
                text.push(character);
            }
        }
    }
    text
}

/// A document in YAML as `sigs.k8s.io/yaml` writes it: keys sorted, sequences not indented.
fn yaml_of(value: &Value) -> String {
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

    fn asked(accept: &str, query: &str) -> Option<Representation> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().unwrap());
        Representation::asked(&headers, Some(query))
    }

    #[test]
    fn the_form_is_the_one_that_is_wanted_most() {
        use Representation::{Json, Pretty, Yaml};
        for (accept, expected) in [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/vnd.kubernetes.protobuf, */*", Some(Json)),
            ("application/yaml", Some(Yaml)),
            ("application/json;q=0.5, application/yaml", Some(Yaml)),
            ("application/json, application/yaml", Some(Json)),
            ("application/yaml;as=Table, application/json", Some(Json)),
            ("text/html", None),
            ("application/vnd.kubernetes.protobuf", None),
        ] {
            assert_eq!(asked(accept, ""), expected, "{accept}");
        }
        assert_eq!(asked("*/*", "a=b&pretty=true"), Some(Pretty));
        assert_eq!(asked("*/*", "pretty=false"), Some(Json));
    }

    #[test]
    fn json_is_indented_as_by_go() {
        let compact = r#"{"a":{},"b":[],"c":[1,{"d":"{,:\"}"}],"e":null}"#;
        let expected = "{\n  \"a\": {},\n  \"b\": [],\n  \"c\": [\n    1,\n    {\n      \"d\": \"{,:\\\"}\"\n    }\n  ],\n  \"e\": null\n}";
        assert_eq!(indented(compact), expected);
    }

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
