//! The field `warnings` of an answer.

use serde::de::DeserializeSeed;
use serde::{Deserialize as _, Deserializer};
use serde_json::Value;

/// The most warnings of an answer that are kept.
const MAX_WARNINGS: usize = 10;

/// Reads the first texts of a list; whatever else it is has none. Warnings are no reason to refuse an answer.
pub(super) struct Warnings;

impl<'de> DeserializeSeed<'de> for Warnings {
    type Value = Vec<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<String>, D::Error> {
        let read = Value::deserialize(deserializer)?;
        let list = read.as_array().into_iter().flatten();
        let texts = list.filter_map(|warning| warning.as_str());
        Ok(texts.take(MAX_WARNINGS).map(str::to_owned).collect())
    }
}
