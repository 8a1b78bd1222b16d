//! Quantities as the judge reads them, never through the adapter's own type.

/// The thousandths of a quantity such as `35`, `35500m`, `2k` or `1Ki`, rounded up as Kubernetes does; none for what isn't
/// one, or is too large to be compared.
#[must_use]
pub fn milli(text: &str) -> Option<i128> {
    let parts = Parts::of(text)?;
    // A number is digits times a scale; below, scales are millionths of thousandths.
    let (scale, divisor) = parts.scale?;
    let mut over = divisor;
    for _ in 0..parts.decimals {
        over = over.checked_mul(10)?;
    }
    let unscaled = parts.digits.checked_mul(scale)?.checked_mul(1_000)?;
    let up = i128::from(unscaled % over != 0);
    let magnitude = unscaled / over + up;
    Some(if parts.negative {
        -magnitude
    } else {
        magnitude
    })
}

/// By how many thousandths two quantities differ, however they are spelled; none where one isn't a quantity, or is too large.
#[must_use]
pub fn apart(a: &str, b: &str) -> Option<u128> {
    Some(milli(a)?.abs_diff(milli(b)?))
}

/// Whether a text is a quantity, however large.
#[must_use]
pub fn is_quantity(text: &str) -> bool {
    Parts::of(text).is_some()
}

struct Parts {
    negative: bool,
    /// All digits, without the point.
    digits: i128,
    /// How many of them stand behind it.
    decimals: usize,
    /// By what they are multiplied and divided; none where that is out of reach.
    scale: Option<(i128, i128)>,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let end = text
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let scale = scale(suffix)?;
        let few = digits.trim_start_matches('0').len() <= 30;
        Some(Self {
            negative,
            digits: digits.parse().unwrap_or_default(),
            decimals: fraction.len(),
            scale: scale.filter(|_| few),
        })
    }
}

/// Multiplier and divisor of a suffix: none if there is no such suffix, and none within if its exponent is out of reach.
fn scale(suffix: &str) -> Option<Option<(i128, i128)>> {
    let decimal = |exponent: i32| {
        let power = 10_i128.checked_pow(exponent.unsigned_abs());
        power.map(|power| if exponent < 0 { (1, power) } else { (power, 1) })
    };
    Some(match suffix {
        "" => Some((1, 1)),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => Some((1 << 10, 1)),
        "Mi" => Some((1 << 20, 1)),
        "Gi" => Some((1 << 30, 1)),
        "Ti" => Some((1 << 40, 1)),
        "Pi" => Some((1 << 50, 1)),
        "Ei" => Some((1 << 60, 1)),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            decimal(exponent.parse().ok()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantities_are_compared_in_thousandths() {
        for (text, expected) in [
            ("35", Some(35_000)),
            ("35500m", Some(35_500)),
            ("35.5", Some(35_500)),
            ("2k", Some(2_000_000)),
            ("1Ki", Some(1_024_000)),
            ("1.5e3", Some(1_500_000)),
            ("1u", Some(1)),
            ("-1m", Some(-1)),
            ("0", Some(0)),
            (".5", Some(500)),
            ("x", None),
            ("1.2.3", None),
            ("", None),
            ("m", None),
            ("5 ", None),
        ] {
            assert_eq!(milli(text), expected, "{text}");
            assert_eq!(is_quantity(text), expected.is_some(), "{text}");
        }
    }

    #[test]
    fn a_quantity_that_is_too_large_is_one_and_is_not_compared() {
        for text in [
            "999999999999999999999999999999999E",
            "1e2000000000",
            "1e-99",
        ] {
            assert!(is_quantity(text), "{text}");
            assert_eq!(milli(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-+]?[0-9.]{0,40}(n|u|m|k|E|Ei|e[-+]?[0-9]{0,12})?") {
            let _ = milli(&text);
        }
    }
}
