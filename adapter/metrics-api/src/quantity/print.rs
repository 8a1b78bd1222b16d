//! `CanonicalizeBytes` of `k8s.io/apimachinery/pkg/api/resource/quantity.go`.

use std::fmt;

use num_bigint::{BigInt, Sign};

use super::decimal::Decimal;
use super::{Format, Quantity};

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            return f.write_str(text);
        }
        if self.number.is_zero() {
            return f.write_str("0");
        }
        let whole = || whole_of(&self.number).filter(|whole| whole.magnitude() >= &1024_u16.into());
        match self.format {
            Format::BinarySi => match whole() {
                Some(whole) => write_binary(f, whole),
                // Small or broken numbers would lose something: apimachinery writes them as decimal
                // ones.
                None => write_decimal(f, &self.number, Format::DecimalSi),
            },
            format => write_decimal(f, &self.number, format),
        }
    }
}

fn whole_of(number: &Decimal) -> Option<BigInt> {
    let (unscaled, exponent) = number.without_factors_of_ten();
    let zeros = u32::try_from(exponent).ok().filter(|zeros| *zeros <= 64)?;
    Some(unscaled * BigInt::from(10).pow(zeros))
}

/// The digits with an exponent that is a multiple of three, then the suffix for it. Beyond `E`
/// there is no decimal suffix, and apimachinery prints none: `1000E` is printed as `1`.
fn write_decimal(f: &mut fmt::Formatter<'_>, number: &Decimal, format: Format) -> fmt::Result {
    let (unscaled, exponent) = number.without_factors_of_ten();
    let surplus = exponent.rem_euclid(3);
    let digits = unscaled
        * if surplus == 0 {
            1
        } else if surplus == 1 {
            10
        } else {
            100
        };
    let exponent = exponent - surplus;
    write!(f, "{digits}")?;
    match (format, exponent) {
        (_, 0) => Ok(()),
        (Format::DecimalExponent, _) => write!(f, "e{exponent}"),
        (_, -9) => f.write_str("n"),
        (_, -6) => f.write_str("u"),
        (_, -3) => f.write_str("m"),
        (_, 3) => f.write_str("k"),
        (_, 6) => f.write_str("M"),
        (_, 9) => f.write_str("G"),
        (_, 12) => f.write_str("T"),
        (_, 15) => f.write_str("P"),
        (_, 18) => f.write_str("E"),
        _ => Ok(()),
    }
}

fn write_binary(f: &mut fmt::Formatter<'_>, mut whole: BigInt) -> fmt::Result {
    let mut suffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].iter();
    let mut suffix = "";
    while (&whole % 1024_u16).sign() == Sign::NoSign {
        let Some(next) = suffixes.next() else { break };
        suffix = next;
        whole /= 1024_u16;
    }
    write!(f, "{whole}{suffix}")
}
