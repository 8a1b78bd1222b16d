//! Decimal numbers of any size: `unscaled · 10^exponent`, compared without writing zeros out.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};

/// `unscaled · 10^exponent`.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    pub(super) unscaled: BigInt,
    pub(super) exponent: i32,
}

impl Decimal {
    pub(super) fn new(unscaled: BigInt, exponent: i32) -> Self {
        Self { unscaled, exponent }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.unscaled.sign() == Sign::NoSign
    }

    /// The same number with the smallest possible unscaled part, as (unscaled, exponent).
    pub(super) fn without_factors_of_ten(&self) -> (BigInt, i64) {
        if self.is_zero() {
            return (BigInt::ZERO, 0);
        }
        let text = self.unscaled.magnitude().to_str_radix(10);
        let kept = text.trim_end_matches('0');
        let dropped = text.len() - kept.len();
        let exponent = i64::from(self.exponent) + i64::try_from(dropped).unwrap_or(i64::MAX);
        let unscaled = match u32::try_from(dropped) {
            Ok(0) | Err(_) => self.unscaled.clone(),
            Ok(digits) => &self.unscaled / BigInt::from(10).pow(digits),
        };
        (unscaled, exponent)
    }

    /// Numeric order. Numbers of very different size are told apart by their number of digits, so
    /// that `1e2000000000` costs nothing.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let by_sign = sign_of(&self.unscaled).cmp(&sign_of(&other.unscaled));
        if by_sign != Ordering::Equal || self.is_zero() {
            return by_sign;
        }
        let magnitudes = compare_magnitudes(self, other);
        if self.unscaled.sign() == Sign::Minus {
            magnitudes.reverse()
        } else {
            magnitudes
        }
    }

    /// `number / 10^exponent`, rounded up (towards positive infinity), if 64 bits hold it.
    pub(super) fn scaled_up_to_i64(&self, exponent: i32) -> Option<i64> {
        let (unscaled, own) = self.without_factors_of_ten();
        let shift = own - i64::from(exponent);
        if self.is_zero() {
            return Some(0);
        }
        if shift >= 0 {
            let zeros = u32::try_from(shift).ok().filter(|zeros| *zeros <= 19)?;
            return i64::try_from(unscaled * BigInt::from(10).pow(zeros)).ok();
        }
        let quotient = &unscaled / BigInt::from(10).pow(u32::try_from(-shift).ok()?);
        // Without factors of ten nothing is left of no number, and what is left of one above zero counts as one more.
        let rounded = if unscaled.sign() == Sign::Plus {
            quotient + 1
        } else {
            quotient
        };
        i64::try_from(rounded).ok()
    }

    pub(super) fn as_f64(&self) -> f64 {
        format!("{}e{}", self.unscaled, self.exponent)
            .parse()
            .unwrap_or(f64::NAN)
    }
}

fn sign_of(number: &BigInt) -> i8 {
    match number.sign() {
        Sign::Minus => -1,
        Sign::NoSign => 0,
        Sign::Plus => 1,
    }
}

fn compare_magnitudes(left: &Decimal, right: &Decimal) -> Ordering {
    let (left_unscaled, left_exponent) = left.without_factors_of_ten();
    let (right_unscaled, right_exponent) = right.without_factors_of_ten();
    let (left, right) = (
        digits_of(left_unscaled.magnitude()),
        digits_of(right_unscaled.magnitude()),
    );
    let length = |digits: &str, exponent: i64| {
        i64::try_from(digits.len())
            .unwrap_or(i64::MAX)
            .saturating_add(exponent)
    };
    // Of equally long numbers without factors of ten, the digits decide like words in a dictionary.
    length(&left, left_exponent)
        .cmp(&length(&right, right_exponent))
        .then_with(|| left.cmp(&right))
}

fn digits_of(number: &BigUint) -> String {
    number.to_str_radix(10)
}
