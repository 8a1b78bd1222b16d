//! Whether a JSON document holds another one: the answer of an adapter, or an object of Kubernetes.

use serde_json::Value;

use crate::quantity::apart;

/// The keys of quantities in answers, which have several spellings: an adapter may say 7 or 7000m.
pub(crate) const QUANTITIES: [&str; 3] = ["value", "cpu", "memory"];

/// The first place where a document doesn't hold the expected one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Difference {
    #[error("{place} is missing; {expected} is expected")]
    Missing { place: String, expected: Value },
    #[error("{place} is {}, which is not {expected} long", shortened(&.seen.to_string()))]
    Length {
        place: String,
        expected: usize,
        seen: Value,
    },
    #[error("{place} is {} instead of {expected}", shortened(&.seen.to_string()))]
    Value {
        place: String,
        expected: Value,
        seen: Value,
    },
}

impl Difference {
    /// Where it is, such as `.spec.replicas`.
    pub(crate) fn place(&self) -> &str {
        match self {
            Self::Missing { place, .. }
            | Self::Length { place, .. }
            | Self::Value { place, .. } => place,
        }
    }
}

/// Nothing, or the first difference. Objects may have more keys, lists may not have more elements: whoever
/// lists the items of an answer means all of them. `place` is the name of the whole document. At the keys of `quantities`, values are compared by
/// thousandths, as the HPA controller reads them.
pub(crate) fn holds(
    seen: &Value,
    expected: &Value,
    place: &str,
    quantities: &[&str],
) -> Result<(), Difference> {
    let are_equal = |key: &str, seen: &Value, expected: &Value| {
        let texts = seen.as_str().zip(expected.as_str());
        quantities.contains(&key)
            && texts.and_then(|(seen, expected)| apart(seen, expected)) == Some(0)
    };
    match (seen, expected) {
        (Value::Object(seen), Value::Object(expected)) => {
            expected.iter().try_for_each(|(key, expected)| {
                let place = format!("{place}.{key}");
                match seen.get(key) {
                    Some(seen) if are_equal(key, seen, expected) => Ok(()),
                    Some(seen) => holds(seen, expected, &place, quantities),
                    None => Err(Difference::Missing {
                        place,
                        expected: expected.clone(),
                    }),
                }
            })
        }
        (Value::Array(elements), Value::Array(expected)) => {
            if elements.len() != expected.len() {
                return Err(Difference::Length {
                    place: place.to_owned(),
                    expected: expected.len(),
                    seen: seen.clone(),
                });
            }
            let mut pairs = elements.iter().zip(expected).enumerate();
            pairs.try_for_each(|(index, (seen, expected))| {
                holds(seen, expected, &format!("{place}[{index}]"), quantities)
            })
        }
        _ if seen == expected => Ok(()),
        _ => Err(Difference::Value {
            place: place.to_owned(),
            expected: expected.clone(),
            seen: seen.clone(),
        }),
    }
}

/// The beginning of a text, for a finding that must stay readable.
pub(crate) fn shortened(text: &str) -> &str {
    let end = text
        .char_indices()
        .nth(300)
        .map_or(text.len(), |(index, _)| index);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_may_hold_more_than_is_expected_but_lists_may_not() {
        let found = json!({"a": 1, "b": [{"c": 2, "d": 3}]});
        let problem = |wanted: Value| {
            let held = holds(&found, &wanted, "body", &[]);
            held.err().map(|difference| difference.to_string())
        };
        assert_eq!(problem(json!({"b": [{"c": 2}]})), None);
        let cases = [
            (
                json!({"b": []}),
                r#"body.b is [{"c":2,"d":3}], which is not 0 long"#,
            ),
            (json!({"b": [{"c": 3}]}), "body.b[0].c is 2 instead of 3"),
            (json!({"x": 1}), "body.x is missing; 1 is expected"),
            (json!({"a": {"y": 1}}), r#"body.a is 1 instead of {"y":1}"#),
        ];
        for (wanted, expected) in cases {
            assert_eq!(problem(wanted).as_deref(), Some(expected));
        }
    }

    #[test]
    fn quantities_are_compared_in_any_spelling_and_other_texts_as_they_are() {
        for (found, wanted, expected) in [
            (json!({"value": "7000m"}), json!({"value": "7"}), true),
            (json!({"value": "7001m"}), json!({"value": "7"}), false),
            (json!({"value": "many"}), json!({"value": "many"}), true),
            (json!({"value": "many"}), json!({"value": "much"}), false),
            (json!({"value": 7}), json!({"value": "7"}), false),
            (
                json!({"usage": {"cpu": "0.25", "memory": "1Ki"}}),
                json!({"usage": {"cpu": "250m", "memory": "1024"}}),
                true,
            ),
            (json!({"name": "7000m"}), json!({"name": "7"}), false),
        ] {
            let held = holds(&found, &wanted, "body", &QUANTITIES);
            assert_eq!(held.is_ok(), expected, "{found} {wanted}");
            let held = holds(&found, &wanted, "body", &[]);
            assert_eq!(held.is_ok(), found == wanted, "{found} {wanted}");
        }
    }
}
