//! What is answered where a sample is no number, is infinite, or isn't there: keys that prometheus-adapter
//! doesn't have.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use setpoint_metrics_api::Quantity;

/// What is answered in place of values that there aren't. What is left out is as in prometheus-adapter, as far as that
/// has a number for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValuePolicy {
    /// For NaN, as of a division by zero. Left out: zero in `rules`, an error in `externalRules`.
    #[serde(default)]
    pub nan: Option<Instead>,
    /// For an infinite value. Left out: an error.
    #[serde(default)]
    pub infinite: Option<Instead>,
    /// Where the query has no result for an object, or none at all. Left out: there is no value.
    #[serde(default)]
    pub absent: Option<Instead>,
}

/// What counts in place of a value.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Instead {
    /// Nothing: an object is left out, and where that leaves none, and of an external metric, it is an error.
    Error,
    /// Zero.
    Zero,
    /// A value.
    Default(DefaultValue),
}

/// A quantity, written as a number or as in an HPA, such as `2.5` or `500m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultValue(pub Quantity);

impl ValuePolicy {
    /// What counts in place of a value that is no finite number; none for any other, and for an infinite one of which
    /// nothing is said. Where nothing is said of NaN, it counts as `nan`.
    pub(crate) fn instead<'a>(&'a self, value: f64, nan: &'a Instead) -> Option<&'a Instead> {
        match value {
            value if value.is_nan() => Some(self.nan.as_ref().unwrap_or(nan)),
            value if value.is_infinite() => self.infinite.as_ref(),
            _ => None,
        }
    }
}

impl Instead {
    /// The value that counts; none for an error.
    #[must_use]
    pub fn value(&self) -> Option<Quantity> {
        match self {
            Self::Error => None,
            Self::Zero => Some(Quantity::from_integer(0)),
            Self::Default(DefaultValue(value)) => Some(value.clone()),
        }
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("error"),
            Self::Zero => f.write_str("zero"),
            Self::Default(DefaultValue(value)) => write!(f, "default {value}"),
        }
    }
}

impl fmt::Display for ValuePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = [
            ("nan", &self.nan),
            ("infinite", &self.infinite),
            ("absent", &self.absent),
        ];
        let said = keys.into_iter().filter_map(|(key, instead)| {
            let instead = instead.as_ref()?;
            Some(format!("{key}: {instead}"))
        });
        f.write_str(&said.collect::<Vec<_>>().join(", "))
    }
}

impl<'de> Deserialize<'de> for DefaultValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrText)
    }
}

struct NumberOrText;

impl de::Visitor<'_> for NumberOrText {
    type Value = DefaultValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quantity such as 5, 2.5 or 500m")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<DefaultValue, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<DefaultValue, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<DefaultValue, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DefaultValue, E> {
        // HPAs count in thousandths, in 64 bits.
        let quantity = text.parse::<Quantity>().ok();
        let quantity = quantity.filter(|quantity| quantity.milli_value().is_some());
        quantity.map(DefaultValue).ok_or_else(|| {
            let start: String = text.chars().take(40).collect();
            E::custom(format_args!(
                "`{start}` is no quantity such as 5, 2.5 or 500m"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_of_another_type_is_refused_with_examples() {
        let error = serde_json::from_str::<ValuePolicy>(r#"{"nan": {"default": true}}"#);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("expected a quantity such as 5, 2.5 or 500m"),
            "{error}"
        );
    }
}
