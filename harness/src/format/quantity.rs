//! Quantities and how far what is found may differ from them.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::quantity::{is_quantity, milli};

/// A quantity, such as `10`, `500m` or `2k`, that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct Amount {
    text: String,
    milli: i128,
}

impl Amount {
    /// Whether a quantity of an object differs from this one by no more than is tolerated.
    #[must_use]
    pub(crate) fn is_near(&self, found: &str, tolerance: Tolerance) -> bool {
        #[expect(
            clippy::cast_precision_loss,
            reason = "quantities of scenarios are small"
        )]
        milli(found).is_some_and(|found| tolerance.allows(found as f64, self.milli as f64))
    }
}

impl TryFrom<String> for Amount {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match milli(&text) {
            Some(milli) => Ok(Self { text, milli }),
            None if is_quantity(&text) => Err(format!("`{text}` is too large to be compared")),
            None => Err(no_quantity(&text)),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

pub(super) fn no_quantity(text: &str) -> String {
    format!("`{text}` is no quantity; expected one such as 500m or 2k")
}

/// By which part of the expected value what is found may differ, such as 0.1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(with = "f64")]
pub(crate) struct Tolerance(f64);

impl Tolerance {
    /// Whether what is found is near enough.
    #[must_use]
    pub(crate) fn allows(self, found: f64, expected: f64) -> bool {
        (found - expected).abs() <= expected.abs() * self.0
    }
}

impl TryFrom<f64> for Tolerance {
    type Error = String;

    fn try_from(part: f64) -> Result<Self, String> {
        if (0.0..1.0).contains(&part) {
            Ok(Self(part))
        } else {
            Err(format!(
                "a tolerance is a part of the expected value, from 0 to below 1; found {part}"
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Result<Amount, String> {
        Amount::try_from(text.to_owned())
    }

    #[test]
    fn quantities_are_compared_by_what_they_mean() {
        let tenth = Tolerance::try_from(0.1).unwrap();
        let exact = Tolerance::default();
        assert!(amount("2k").unwrap().is_near("2000", exact));
        assert!(!amount("10").unwrap().is_near("10900m", exact));
        assert!(amount("10").unwrap().is_near("10900m", tenth));
        assert!(!amount("10").unwrap().is_near("11100m", tenth));
        assert!(!amount("10").unwrap().is_near("ten", tenth));
    }

    #[test]
    fn what_can_not_be_compared_is_no_amount() {
        assert!(amount("ten").unwrap_err().contains("is no quantity"));
        assert!(Tolerance::try_from(1.0).is_err());
        assert!(Tolerance::try_from(-0.1).is_err());
        assert!(Tolerance::try_from(f64::NAN).is_err());
    }
}
