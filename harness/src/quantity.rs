//! Quantities as the judge reads them: by itself, never through the product's own type.

/// The thousandths of a quantity such as `35`, `35500m` or `2k`; none for what isn't one.
#[must_use]
pub fn milli(text: &str) -> Option<i128> {
    let end = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    // In thousandths; binary suffixes never stand in metrics.
    let scale: i128 = match suffix {
        "m" => 1,
        "" => 1_000,
        "k" => 1_000_000,
        "M" => 1_000_000_000,
        "G" => 1_000_000_000_000,
        _ => return None,
    };
    let (sign, digits) = match number.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, number),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = !whole.is_empty() && whole.len() <= 18 && fraction.len() <= 9;
    if !is_number || !(whole.bytes().chain(fraction.bytes())).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let unit = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let unscaled: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some(sign * unscaled * scale / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_compared_in_thousandths() {
        for (text, expected) in [
            ("35", Some(35_000)),
            ("35500m", Some(35_500)),
            ("35.5", Some(35_500)),
            ("2k", Some(2_000_000)),
            ("-1m", Some(-1)),
            ("0", Some(0)),
            ("x", None),
            ("1.2.3", None),
            ("", None),
            ("5 ", None),
        ] {
            assert_eq!(milli(text), expected, "{text}");
        }
    }
}
