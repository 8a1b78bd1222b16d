//! Kubernetes' fixed-point numbers.

mod decimal;
mod parse;
mod print;
mod wire;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use num_bigint::BigInt;

use decimal::Decimal;
pub use parse::ParseQuantityError;

/// How a quantity is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// `12e6`
    DecimalExponent,
    /// `12Mi`: 12 · 2²⁰
    BinarySi,
    /// `12M`: 12 · 10⁶
    DecimalSi,
}

/// A number as Kubernetes' `resource.Quantity` parses, compares and prints it.
///
/// Equality, order and hash are those of the number; the way it was written doesn't count. Printing
/// gives the canonical form, or the text it was parsed from where apimachinery takes that for
/// canonical (`k8s.io/apimachinery/pkg/api/resource/quantity.go`, `ParseQuantity`).
#[derive(Debug, Clone)]
pub struct Quantity {
    number: Decimal,
    format: Format,
    /// What apimachinery caches while parsing and prints ever after, such as `1.500` or `+5`.
    text: Option<Box<str>>,
}

impl Quantity {
    /// A number of thousandths, decimal: apimachinery's `NewMilliQuantity(value, DecimalSI)`.
    #[must_use]
    pub fn from_milli(milli: i64) -> Self {
        Self {
            number: Decimal::new(BigInt::from(milli), -3),
            format: Format::DecimalSi,
            text: None,
        }
    }

    /// A whole number, decimal: apimachinery's `NewQuantity(value, DecimalSI)`.
    #[must_use]
    pub fn from_integer(value: i64) -> Self {
        Self {
            number: Decimal::new(BigInt::from(value), 0),
            format: Format::DecimalSi,
            text: None,
        }
    }

    /// The same number, written in another way.
    #[must_use]
    pub fn in_format(self, format: Format) -> Self {
        Self {
            number: self.number,
            format,
            text: None,
        }
    }

    /// How it is written.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The thousandths, rounded up (towards positive infinity; apimachinery's `MilliValue` does so
    /// above zero); none where 64 bits don't hold them.
    #[must_use]
    pub fn milli_value(&self) -> Option<i64> {
        self.number.scaled_up_to_i64(-3)
    }

    /// The nearest floating-point number.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.number.as_f64()
    }

    /// The same number in canonical form, whatever it was parsed from: apimachinery's
    /// `CanonicalizeBytes`.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Self {
            text: None,
            ..self.clone()
        }
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.number.is_zero()
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Quantity {}
impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.number.compare(&other.number)
    }
}
impl Hash for Quantity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.without_factors_of_ten().hash(state);
    }
}
