//! `ParseQuantity` of `k8s.io/apimachinery/pkg/api/resource/quantity.go`, its quirks included.

use std::str::FromStr;

use num_bigint::{BigInt, Sign};

use super::decimal::Decimal;
use super::{Format, Quantity};

/// Why a text is no quantity, in apimachinery's words, which users search for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseQuantityError {
    /// The text doesn't have the form of a quantity.
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    /// The part before the suffix has no digit.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// The suffix is unknown.
    #[error("unable to parse quantity's suffix")]
    Suffix,
}

/// Digits that a 64-bit number holds whatever they are (`maxInt64Factors`).
const FACTORS_OF_I64: i64 = 18;
/// The smallest exponent there is; what is finer is rounded up.
const NANO: i32 = -9;

/// The parts of a quantity's text.
struct Parts<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros, at least one.
    integer: &'a str,
    /// Whether there is a point and nothing else.
    digits_missing: bool,
    /// Digits after the point.
    fraction: &'a str,
    suffix: &'a str,
}

impl FromStr for Quantity {
    type Err = ParseQuantityError;

    fn from_str(text: &str) -> Result<Self, ParseQuantityError> {
        if text.is_empty() {
            return Err(ParseQuantityError::Format);
        }
        let parts = split(text)?;
        let (base, exponent, format) = interpret(parts.suffix).ok_or(ParseQuantityError::Suffix)?;
        match small(&parts, exponent, format, text) {
            Some(quantity) => Ok(quantity),
            // The long way hands the text to a decimal parser, which wants a digit.
            None if parts.digits_missing => Err(ParseQuantityError::Number),
            None => large(&parts, base, exponent, format),
        }
    }
}

/// `parseQuantityString`: the shape, and nothing about meaning.
fn split(text: &str) -> Result<Parts<'_>, ParseQuantityError> {
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let significant = unsigned.trim_start_matches('0');
    let (integer, rest) = split_digits(significant);
    let (fraction, suffix) = match rest.strip_prefix('.') {
        Some(after_point) => split_digits(after_point),
        None => ("", rest),
    };
    let letters_end = suffix
        .find(|c| !"eEinumkKMGTP".contains(c))
        .unwrap_or(suffix.len());
    let after_letters = &suffix[letters_end..];
    let digits = after_letters
        .strip_prefix(['-', '+'])
        .unwrap_or(after_letters);
    if !split_digits(digits).1.is_empty() {
        return Err(ParseQuantityError::Format);
    }
    let digits_missing =
        significant.starts_with('.') && fraction.is_empty() && significant.len() == unsigned.len();
    let integer = if integer.is_empty() { "0" } else { integer };
    Ok(Parts {
        negative,
        integer,
        digits_missing,
        fraction,
        suffix,
    })
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(
        text.find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len()),
    )
}

/// `suffixHandler.interpret`: base, exponent and format of a suffix.
fn interpret(suffix: &str) -> Option<(u8, i32, Format)> {
    Some(match suffix {
        "" => (10, 0, Format::DecimalSi),
        "n" => (10, -9, Format::DecimalSi),
        "u" => (10, -6, Format::DecimalSi),
        "m" => (10, -3, Format::DecimalSi),
        "k" => (10, 3, Format::DecimalSi),
        "M" => (10, 6, Format::DecimalSi),
        "G" => (10, 9, Format::DecimalSi),
        "T" => (10, 12, Format::DecimalSi),
        "P" => (10, 15, Format::DecimalSi),
        "E" => (10, 18, Format::DecimalSi),
        "Ki" => (2, 10, Format::BinarySi),
        "Mi" => (2, 20, Format::BinarySi),
        "Gi" => (2, 30, Format::BinarySi),
        "Ti" => (2, 40, Format::BinarySi),
        "Pi" => (2, 50, Format::BinarySi),
        "Ei" => (2, 60, Format::BinarySi),
        _ => {
            let exponent: i64 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "apimachinery truncates: int32(parsed)"
            )]
            let exponent = exponent as i32;
            (10, exponent, Format::DecimalExponent)
        }
    })
}

/// The path of numbers that fit 64 bits; none sends the text to [`large`].
fn small(parts: &Parts<'_>, exponent: i32, format: Format, text: &str) -> Option<Quantity> {
    let length = |digits: &str| i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let (precision, exponent_of_value, multiplier) = match format {
        Format::DecimalSi | Format::DecimalExponent => (
            FACTORS_OF_I64
                .saturating_sub(length(parts.integer))
                .saturating_sub(length(parts.fraction)),
            exponent,
            1,
        ),
        Format::BinarySi if parts.fraction.is_empty() => (
            (14 - i64::from(exponent) * 3 / 10).saturating_sub(length(parts.integer)),
            0,
            1_i64.checked_shl(exponent.unsigned_abs())?,
        ),
        Format::BinarySi => return None,
    };
    if precision < 0 {
        return None;
    }
    // The digits are few by now. Go subtracts in 32 bits, which may wrap.
    let scale = exponent_of_value.wrapping_sub(i32::try_from(parts.fraction.len()).ok()?);
    if scale < NANO {
        return None;
    }
    let digits = format!("{}{}", parts.integer, parts.fraction);
    let value: i64 = digits.parse().ok()?;
    let product = value.checked_mul(multiplier)?;
    let is_canonical = match format {
        Format::BinarySi => value & 0x07 != 0,
        _ => scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0'),
    };
    Some(Quantity {
        number: Decimal::new(
            BigInt::from(if parts.negative { -product } else { product }),
            scale,
        ),
        format,
        text: is_canonical.then(|| text.into()),
    })
}

/// The path of long or very small numbers: rounded up (away from zero) to nano, binary ones capped
/// at 2⁶³−1.
fn large(
    parts: &Parts<'_>,
    base: u8,
    exponent: i32,
    format: Format,
) -> Result<Quantity, ParseQuantityError> {
    let digits = format!("{}{}", parts.integer, parts.fraction);
    let mut magnitude =
        BigInt::parse_bytes(digits.as_bytes(), 10).ok_or(ParseQuantityError::Number)?;
    let mut scale = -i64::try_from(parts.fraction.len()).unwrap_or(i64::MAX);
    if base == 10 {
        scale = scale.saturating_add(i64::from(exponent));
    } else {
        magnitude <<= exponent.unsigned_abs();
    }
    let mut number = rounded_up_to_nano(magnitude, scale);
    let mut format = format;
    if format == Format::BinarySi {
        let most = Decimal::new(BigInt::from(i64::MAX), 0);
        if number.compare(&most).is_gt() {
            number = most;
        }
        if !number.is_zero() && number.compare(&Decimal::new(BigInt::from(1), 0)).is_lt() {
            format = Format::DecimalSi;
        }
    }
    if parts.negative {
        number.unscaled = -number.unscaled;
    }
    Ok(Quantity {
        number,
        format,
        text: None,
    })
}

/// `magnitude · 10^scale` with at most nine digits after the point; what is not zero doesn't become
/// zero.
fn rounded_up_to_nano(magnitude: BigInt, scale: i64) -> Decimal {
    if magnitude.sign() == Sign::NoSign {
        return Decimal::new(magnitude, 0);
    }
    let too_fine = i64::from(NANO) - scale;
    if too_fine <= 0 {
        let exponent = i32::try_from(scale).unwrap_or(i32::MAX);
        return Decimal::new(magnitude, exponent);
    }
    let digits = i64::try_from(magnitude.magnitude().to_str_radix(10).len()).unwrap_or(i64::MAX);
    let divisor = match u32::try_from(too_fine) {
        Ok(power) if too_fine <= digits => BigInt::from(10).pow(power),
        _ => return Decimal::new(BigInt::from(1), NANO),
    };
    let quotient = &magnitude / &divisor;
    let exact = &quotient * &divisor == magnitude;
    Decimal::new(if exact { quotient } else { quotient + 1 }, NANO)
}
