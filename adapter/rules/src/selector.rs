//! Label selectors as text, parsed as `k8s.io/apimachinery/pkg/labels` parses them.

use std::collections::BTreeMap;
use std::fmt;

use setpoint_metrics_api::{LabelSelector, LabelSelectorRequirement};

/// A parsed label selector: requirements that must all hold. No requirement selects everything.
///
/// It prints as text that parses to the same selector.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    /// The requirements, sorted by key as in Go (`labels.ByKey`).
    pub requirements: Vec<Requirement>,
}

/// A requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is required of its value.
    pub condition: Condition,
}

/// What is required of the value of a label. Sets are sorted and without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `key=value` or `key==value`
    Equals(String),
    /// `key!=value`
    NotEquals(String),
    /// `key in (a,b)`
    In(Vec<String>),
    /// `key notin (a,b)`
    NotIn(Vec<String>),
    /// `key`
    Exists,
    /// `!key`
    DoesNotExist,
    /// `key>1`
    GreaterThan(i64),
    /// `key<1`
    LessThan(i64),
}

/// Why a text is no selector, in apimachinery's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unable to parse requirement: found '{found}', expected: {expected}")]
pub struct ParseSelectorError {
    found: String,
    expected: &'static str,
}

impl Selector {
    /// Parses a selector such as `app=web,tier in (front,back),!canary`. An empty text selects
    /// everything.
    ///
    /// # Errors
    /// The first token that stands where another is expected.
    pub fn parse(text: &str) -> Result<Self, ParseSelectorError> {
        let mut tokens = Tokens { rest: text };
        let mut requirements = Vec::new();
        if tokens.peek().is_empty() {
            return Ok(Self { requirements });
        }
        loop {
            requirements.push(requirement(&mut tokens)?);
            match tokens.next() {
                "" => {
                    requirements.sort_by(|left, right| left.key.cmp(&right.key));
                    return Ok(Self { requirements });
                }
                "," => {}
                found => return Err(unexpected(found, "',' or 'end of string'")),
            }
        }
    }

    /// Whether an object with these labels is selected (`labels.Requirement.Matches`).
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }

    /// The `metav1.LabelSelector` that answers carry (`metav1.ParseToLabelSelector`); none without
    /// requirements. It has no form for `>` and `<`, which are left out.
    #[must_use]
    pub fn to_label_selector(&self) -> Option<LabelSelector> {
        if self.requirements.is_empty() {
            return None;
        }
        let mut selector = LabelSelector::default();
        for Requirement { key, condition } in &self.requirements {
            let (operator, values) = match condition {
                Condition::Equals(value) => {
                    selector.match_labels.insert(key.clone(), value.clone());
                    continue;
                }
                Condition::GreaterThan(_) | Condition::LessThan(_) => continue,
                Condition::In(values) => ("In", values.clone()),
                Condition::NotIn(values) => ("NotIn", values.clone()),
                Condition::NotEquals(value) => ("NotIn", vec![value.clone()]),
                Condition::Exists => ("Exists", Vec::new()),
                Condition::DoesNotExist => ("DoesNotExist", Vec::new()),
            };
            selector.match_expressions.push(LabelSelectorRequirement {
                key: key.clone(),
                operator: operator.to_owned(),
                values,
            });
        }
        Some(selector)
    }
}

impl Requirement {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match &self.condition {
            Condition::Equals(wanted) => value == Some(wanted),
            Condition::NotEquals(unwanted) => value != Some(unwanted),
            Condition::In(wanted) => value.is_some_and(|value| wanted.contains(value)),
            Condition::NotIn(unwanted) => !value.is_some_and(|value| unwanted.contains(value)),
            Condition::Exists => value.is_some(),
            Condition::DoesNotExist => value.is_none(),
            Condition::GreaterThan(least) => number().is_some_and(|number| number > *least),
            Condition::LessThan(most) => number().is_some_and(|number| number < *most),
        }
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
    let condition = match tokens.peek() {
        _ if negated => Condition::DoesNotExist,
        "" | "," => Condition::Exists,
        _ => match tokens.next() {
            "in" => Condition::In(value_set(tokens)?),
            "notin" => Condition::NotIn(value_set(tokens)?),
            "=" | "==" => Condition::Equals(value(tokens)?),
            "!=" => Condition::NotEquals(value(tokens)?),
            ">" => Condition::GreaterThan(integer(tokens)?),
            "<" => Condition::LessThan(integer(tokens)?),
            found => return Err(unexpected(found, "one of: in, notin, =, ==, !=, >, <")),
        },
    };
    Ok(Requirement {
        key: key.to_owned(),
        condition,
    })
}

fn integer(tokens: &mut Tokens<'_>) -> Result<i64, ParseSelectorError> {
    let text = tokens.next();
    let number = text.parse().ok().filter(|_| is_label_value(text));
    number.ok_or_else(|| unexpected(text, "an integer"))
}

fn value(tokens: &mut Tokens<'_>) -> Result<String, ParseSelectorError> {
    // `key=` and `key=,…` compare with the empty value.
    if matches!(tokens.peek(), "" | ",") {
        return Ok(String::new());
    }
    let value = tokens.next();
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
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.condition {
            Condition::Equals(value) => write!(f, "{key}={value}"),
            Condition::NotEquals(value) => write!(f, "{key}!={value}"),
            Condition::In(values) => write!(f, "{key} in ({})", values.join(",")),
            Condition::NotIn(values) => write!(f, "{key} notin ({})", values.join(",")),
            Condition::Exists => f.write_str(key),
            Condition::DoesNotExist => write!(f, "!{key}"),
            Condition::GreaterThan(number) => write!(f, "{key}>{number}"),
            Condition::LessThan(number) => write!(f, "{key}<{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_object_without_the_label_is_selected_by_what_is_negated_only() {
        let labels = |labels: &[(&str, &str)]| {
            let pairs = labels.iter();
            pairs
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        };
        let (web, bare): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (labels(&[("app", "web"), ("n", "5")]), labels(&[]));
        for (text, of_web, of_bare) in [
            ("", true, true),
            ("app=web", true, false),
            ("app=api", false, false),
            ("app!=web", false, true),
            ("app!=api", true, true),
            ("app in (api,web)", true, false),
            ("app notin (api)", true, true),
            ("app notin (web)", false, true),
            ("app", true, false),
            ("!app", false, true),
            ("n>4,n<6", true, false),
            ("n>5", false, false),
            ("n<5", false, false),
            ("app>1", false, false),
        ] {
            let selector = Selector::parse(text).unwrap();
            let selected = (selector.matches(&web), selector.matches(&bare));
            assert_eq!(selected, (of_web, of_bare), "{text}");
        }
    }

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
            "c,x.y/a=b",
            "a=",
            "a in (,b)",
        ] {
            assert_eq!(Selector::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Selector::parse("a == b").unwrap(),
            Selector::parse("a=b").unwrap()
        );
        assert_eq!(
            Selector::parse("b,c=d,a").unwrap().to_string(),
            "a,b,c=d",
            "sorted by key, as Go does"
        );
        assert_eq!(Selector::parse(" ").unwrap(), Selector::default());
    }

    #[test]
    fn a_text_that_is_no_selector_is_refused_by_its_token() {
        for text in [
            ",", "a b", "a in b", "a in (b", "a=b=c", "!", "a>b", "a=-", "a,", "/a", "a=b c",
            "ä=b", "a>", "a<,b", "a>-1",
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
    fn answers_carry_the_selector_as_a_label_selector() {
        let selector = Selector::parse("verb=GET,code notin (500)").unwrap();
        insta::assert_json_snapshot!(selector.to_label_selector().unwrap(), @r#"
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

    #[test]
    fn each_requirement_has_its_operator_in_a_label_selector_but_comparisons() {
        for (text, operator, values) in [
            ("a!=1", "NotIn", &["1"][..]),
            ("a in (1,2)", "In", &["1", "2"]),
            ("a notin (1,2)", "NotIn", &["1", "2"]),
            ("a", "Exists", &[]),
            ("!a", "DoesNotExist", &[]),
        ] {
            let selector = Selector::parse(text).unwrap().to_label_selector().unwrap();
            let [expression] = &selector.match_expressions[..] else {
                panic!("{text}: {selector:?}");
            };
            assert_eq!(expression.key, "a");
            assert_eq!(expression.operator, operator, "{text}");
            assert_eq!(expression.values, values, "{text}");
        }
        for text in ["a>1", "a<1"] {
            let selector = Selector::parse(text).unwrap().to_label_selector();
            assert_eq!(selector, Some(LabelSelector::default()), "{text}");
        }
        assert_eq!(Selector::default().to_label_selector(), None);
    }

    proptest! {
        #[test]
        fn what_is_parsed_prints_as_something_that_parses_to_the_same(text in "[a-c!=<>(), /.-]{0,20}") {
            if let Ok(selector) = Selector::parse(&text) {
                prop_assert_eq!(Selector::parse(&selector.to_string()), Ok(selector));
            }
        }
    }

    #[test]
    fn the_prefix_of_a_key_is_a_name_of_dns() {
        for key in ["a-b.c/d", "a.b/c", "1/a"] {
            assert!(Selector::parse(key).is_ok(), "{key}");
        }
        let long = format!("{}/a", "a".repeat(254));
        for key in [
            "a..b/c",
            "-a/b",
            "a-/b",
            "A/b",
            "a_b/c",
            "/a",
            "a/",
            long.as_str(),
        ] {
            assert!(Selector::parse(key).is_err(), "{key}");
        }
        assert!(Selector::parse(&long[1..]).is_ok());
    }
}
