//! Label selectors as text, parsed as `k8s.io/apimachinery/pkg/labels` parses them.

use std::fmt;

use setpoint_metrics_api::{LabelSelector, LabelSelectorRequirement};

/// Requirements that must all hold; none means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// The requirements, in the order written.
    pub requirements: Vec<Requirement>,
}

/// One requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is required of it.
    pub operator: Operator,
    /// The values that the operator speaks of; none for existence.
    pub values: Vec<String>,
}

/// What is required of a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`, `==`
    Equals,
    /// `!=`
    NotEquals,
    /// `in (…)`
    In,
    /// `notin (…)`
    NotIn,
    /// the bare key
    Exists,
    /// `!key`
    DoesNotExist,
    /// `>`
    GreaterThan,
    /// `<`
    LessThan,
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse requirement: found '{found}', expected: {expected}")]
pub struct ParseSelectorError {
    found: String,
    expected: &'static str,
}

impl Selector {
    /// Parses a selector such as `app=web,tier in (front,back),!canary`.
    ///
    /// # Errors
    /// What stands where something else is expected.
    pub fn parse(text: &str) -> Result<Self, ParseSelectorError> {
        let mut tokens = Tokens { rest: text };
        let mut requirements = Vec::new();
        if tokens.peek().is_empty() {
            return Ok(Self { requirements });
        }
        loop {
            requirements.push(requirement(&mut tokens)?);
            match tokens.next() {
                "" => return Ok(Self { requirements }),
                "," => {}
                found => return Err(unexpected(found, "',' or 'end of string'")),
            }
        }
    }

    /// The document that answers carry: what `metav1.ParseToLabelSelector` makes of it; none where nothing
    /// is required. `>` and `<` have no place in it.
    #[must_use]
    pub fn document(&self) -> Option<LabelSelector> {
        if self.requirements.is_empty() {
            return None;
        }
        let mut document = LabelSelector::default();
        for requirement in &self.requirements {
            let operator = match requirement.operator {
                Operator::Equals => {
                    let value = requirement.values.first().cloned().unwrap_or_default();
                    document.match_labels.insert(requirement.key.clone(), value);
                    continue;
                }
                Operator::In => "In",
                Operator::NotIn | Operator::NotEquals => "NotIn",
                Operator::Exists => "Exists",
                Operator::DoesNotExist => "DoesNotExist",
                Operator::GreaterThan | Operator::LessThan => continue,
            };
            document.match_expressions.push(LabelSelectorRequirement {
                key: requirement.key.clone(),
                operator: operator.to_owned(),
                values: requirement.values.clone(),
            });
        }
        Some(document)
    }
}

fn requirement(tokens: &mut Tokens<'_>) -> Result<Requirement, ParseSelectorError> {
    let negated = tokens.peek() == "!";
    if negated {
        tokens.next();
    }
    let key = tokens.next();
    if !is_label_key(key) {
        return Err(unexpected(key, "a label's name"));
    }
    let (operator, values) = match tokens.peek() {
        _ if negated => (Operator::DoesNotExist, Vec::new()),
        "" | "," => (Operator::Exists, Vec::new()),
        "in" | "notin" => {
            let operator = if tokens.next() == "in" {
                Operator::In
            } else {
                Operator::NotIn
            };
            (operator, value_set(tokens)?)
        }
        "=" | "==" | "!=" | ">" | "<" => {
            let operator = match tokens.next() {
                "!=" => Operator::NotEquals,
                ">" => Operator::GreaterThan,
                "<" => Operator::LessThan,
                _ => Operator::Equals,
            };
            (operator, vec![single_value(tokens, operator)?])
        }
        found => return Err(unexpected(found, "one of: in, notin, =, ==, !=, >, <")),
    };
    Ok(Requirement {
        key: key.to_owned(),
        operator,
        values,
    })
}

fn single_value(tokens: &mut Tokens<'_>, operator: Operator) -> Result<String, ParseSelectorError> {
    // `key=` and `key=,…` compare with the empty value.
    if matches!(tokens.peek(), "" | ",") {
        return Ok(String::new());
    }
    let value = tokens.next();
    if matches!(operator, Operator::GreaterThan | Operator::LessThan)
        && value.parse::<i64>().is_err()
    {
        return Err(unexpected(value, "an integer"));
    }
    if is_label_value(value) {
        Ok(value.to_owned())
    } else {
        Err(unexpected(value, "a label's value"))
    }
}

fn value_set(tokens: &mut Tokens<'_>) -> Result<Vec<String>, ParseSelectorError> {
    match tokens.next() {
        "(" => {}
        found => return Err(unexpected(found, "'('")),
    }
    let mut values = Vec::new();
    loop {
        let value = match tokens.peek() {
            "," | ")" => "",
            _ => tokens.next(),
        };
        if !is_label_value(value) {
            return Err(unexpected(value, "a label's value"));
        }
        values.push(value.to_owned());
        match tokens.next() {
            ")" => {
                values.sort();
                values.dedup();
                return Ok(values);
            }
            "," => {}
            found => return Err(unexpected(found, "',' or ')'")),
        }
    }
}

fn unexpected(found: &str, expected: &'static str) -> ParseSelectorError {
    let found = if found.is_empty() {
        "end of string"
    } else {
        found
    };
    ParseSelectorError {
        found: found.chars().take(80).collect(),
        expected,
    }
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    /// The next token and what follows it; the empty token is the end.
    fn split(&self) -> (&'a str, &'a str) {
        let rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        for symbol in ["==", "!=", "=", "!", ">", "<", "(", ")", ","] {
            if let Some(after) = rest.strip_prefix(symbol) {
                return (symbol, after);
            }
        }
        let end = rest
            .find([' ', '\t', '\r', '\n', '=', '!', '>', '<', '(', ')', ','])
            .unwrap_or(rest.len());
        rest.split_at(end)
    }

    fn peek(&self) -> &'a str {
        self.split().0
    }

    fn next(&mut self) -> &'a str {
        let (token, rest) = self.split();
        self.rest = rest;
        token
    }
}

/// A qualified name: `[prefix/]name`.
fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let prefix_fits = prefix.is_none_or(|prefix| {
        !prefix.is_empty()
            && prefix.len() <= 253
            && prefix.split('.').all(|label| {
                is_framed(
                    label,
                    |c| c.is_ascii_lowercase() || c.is_ascii_digit(),
                    |c| c == '-',
                )
            })
    });
    prefix_fits && !name.is_empty() && is_label_value(name)
}

fn is_label_value(value: &str) -> bool {
    value.is_empty()
        || value.len() <= 63
            && is_framed(
                value,
                |c| c.is_ascii_alphanumeric(),
                |c| matches!(c, '-' | '_' | '.'),
            )
}

/// Whether all characters are outer or inner ones, and the first and last are outer ones.
fn is_framed(text: &str, outer: impl Fn(char) -> bool, inner: impl Fn(char) -> bool) -> bool {
    text.chars().all(|c| outer(c) || inner(c)) && text.starts_with(&outer) && text.ends_with(outer)
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements.iter().enumerate() {
            let (comma, key) = (if index == 0 { "" } else { "," }, &requirement.key);
            let values = requirement.values.join(",");
            match requirement.operator {
                Operator::Equals => write!(f, "{comma}{key}={values}")?,
                Operator::NotEquals => write!(f, "{comma}{key}!={values}")?,
                Operator::In => write!(f, "{comma}{key} in ({values})")?,
                Operator::NotIn => write!(f, "{comma}{key} notin ({values})")?,
                Operator::Exists => write!(f, "{comma}{key}")?,
                Operator::DoesNotExist => write!(f, "{comma}!{key}")?,
                Operator::GreaterThan => write!(f, "{comma}{key}>{values}")?,
                Operator::LessThan => write!(f, "{comma}{key}<{values}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn all_operators_are_read() {
        for text in [
            "a=b",
            "a!=b",
            "a in (b,c)",
            "a notin (b)",
            "a",
            "!a",
            "a>1",
            "a<2",
            "x.y/a=b,c",
            "a=",
            "a in (,b)",
        ] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Selector::parse("a == b").unwrap(),
            Selector::parse("a=b").unwrap()
        );
        assert_eq!(Selector::parse(" ").unwrap(), Selector::default());
    }

    #[test]
    fn what_is_no_selector_is_refused_with_the_place() {
        for text in [
            ",", "a b", "a in b", "a in (b", "a=b=c", "!", "a>b", "a=-", "a,", "/a", "a=b c", "ä=b",
        ] {
            assert!(Selector::parse(text).is_err(), "{text}");
        }
        let error = Selector::parse("a in b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unable to parse requirement: found 'b', expected: '('"
        );
    }

    #[test]
    fn answers_carry_the_selector_as_a_document() {
        let document = Selector::parse("verb=GET,code notin (500)")
            .unwrap()
            .document()
            .unwrap();
        insta::assert_json_snapshot!(document, @r#"
        {
          "matchLabels": {
            "verb": "GET"
          },
          "matchExpressions": [
            {
              "key": "code",
              "operator": "NotIn",
              "values": [
                "500"
              ]
            }
          ]
        }
        "#);
    }

    proptest! {
        #[test]
        fn what_is_parsed_prints_as_something_that_parses_to_the_same(text in "[a-c!=<>(), /.-]{0,20}") {
            if let Ok(selector) = Selector::parse(&text) {
                prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
            }
        }
    }
}
