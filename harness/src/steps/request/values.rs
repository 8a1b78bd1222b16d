//! The values of an answer by the names of their objects, in any order and in any spelling.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::format::{Amount, Tolerance};

/// The items of an answer aren't those that are expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValuesFinding {
    #[error("body.items is no list")]
    NoList,
    #[error("body.items[{index}] describes no object by its name: {seen}")]
    Nameless { index: usize, seen: Value },
    #[error("body.items has no value of {0}")]
    Missing(String),
    #[error("body.items has {0} twice")]
    Twice(String),
    #[error("body.items has a value of {0}, which isn't expected")]
    Unexpected(String),
    #[error("the value of {name} is {seen} instead of {expected}")]
    Value {
        name: String,
        expected: String,
        seen: Value,
    },
}

/// Nothing if the items are of these objects, each once and with this value; else the first thing that is otherwise.
pub(super) fn judge_values(
    body: &Value,
    expected: &BTreeMap<String, Amount>,
) -> Result<(), ValuesFinding> {
    let items = body["items"].as_array().ok_or(ValuesFinding::NoList)?;
    let mut seen = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let name = item["describedObject"]["name"].as_str();
        let name = name.ok_or_else(|| ValuesFinding::Nameless {
            index,
            seen: item.clone(),
        })?;
        if seen.insert(name, &item["value"]).is_some() {
            return Err(ValuesFinding::Twice(name.to_owned()));
        }
    }
    for (name, expected) in expected {
        let value = seen.remove(name.as_str());
        let value = value.ok_or_else(|| ValuesFinding::Missing(name.clone()))?;
        let is_equal = |text| expected.is_near(text, Tolerance::default());
        if !value.as_str().is_some_and(is_equal) {
            return Err(ValuesFinding::Value {
                name: name.clone(),
                expected: expected.to_string(),
                seen: value.clone(),
            });
        }
    }
    match seen.keys().next() {
        Some(name) => Err(ValuesFinding::Unexpected((*name).to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected(values: &[(&str, &str)]) -> BTreeMap<String, Amount> {
        let amount = |text: &str| Amount::try_from(text.to_owned()).unwrap();
        let values = values.iter();
        values
            .map(|(name, value)| ((*name).to_owned(), amount(value)))
            .collect()
    }

    fn item(name: &str, value: &str) -> Value {
        json!({"describedObject": {"name": name}, "value": value})
    }

    #[test]
    fn values_are_compared_by_name_in_any_order_and_spelling() {
        let body = json!({"items": [item("b", "1k"), item("a", "0.5")]});
        assert_eq!(
            judge_values(&body, &expected(&[("a", "500m"), ("b", "1000")])),
            Ok(())
        );
        assert_eq!(judge_values(&json!({"items": []}), &expected(&[])), Ok(()));
    }

    #[test]
    fn each_object_is_there_once_with_its_value_and_no_other() {
        let said = |body: Value| {
            let found = judge_values(&body, &expected(&[("a", "7"), ("b", "-2500m")]));
            found.unwrap_err().to_string()
        };
        let (a, b) = (item("a", "7"), item("b", "-2500m"));
        let bodies = [
            json!({}),
            json!({"items": [{"value": "7"}]}),
            json!({"items": [a]}),
            json!({"items": [a, b, a]}),
            json!({"items": [a, b, item("c", "7")]}),
            json!({"items": [item("a", "8"), b]}),
            json!({"items": [a, item("b", "2500m")]}),
            json!({"items": [item("a", "many"), b]}),
        ];
        insta::assert_snapshot!(bodies.map(said).join("\n"), @r#"
        body.items is no list
        body.items[0] describes no object by its name: {"value":"7"}
        body.items has no value of b
        body.items has a twice
        body.items has a value of c, which isn't expected
        the value of a is "8" instead of 7
        the value of b is "2500m" instead of -2500m
        the value of a is "many" instead of 7
        "#);
    }
}
