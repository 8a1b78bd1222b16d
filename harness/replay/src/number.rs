//! Numbers as Go writes them.

use crate::promql::{STALE, is_stale};

/// `MarshalFloat`: the shortest decimal, with an exponent of at least two digits below 1e-6 and from 1e21.
pub(crate) fn float(value: f64) -> String {
    shortest(value, 1e-6..1e21)
}

/// As `%g` of Go writes a number in a text.
pub(crate) fn general(value: f64) -> String {
    shortest(value, 1e-4..1e6)
}

/// A value of a sample as text: a number, or `stale`.
pub(crate) fn text_of(value: f64) -> String {
    if is_stale(value) {
        return "stale".to_owned();
    }
    float(value)
}

/// The value that a text stands for, as Prometheus reads numbers; `stale` is the staleness marker.
pub(crate) fn value_of(text: &str) -> Option<f64> {
    match text {
        "stale" => Some(STALE),
        // Any other NaN is the same to a query.
        _ => text.parse().ok(),
    }
}

/// The shortest decimal, without an exponent within a range.
fn shortest(value: f64, plain: std::ops::Range<f64>) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = value.abs();
    if size == 0.0 || plain.contains(&size) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_writes_them() {
        for (value, written) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-6, "0.000001"),
            (9.99e-7, "9.99e-07"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(float(value), written);
        }
    }

    #[test]
    fn numbers_in_texts_are_written_as_go_writes_them() {
        for (value, written) in [
            (2.0, "2"),
            (999_999.0, "999999"),
            (1e6, "1e+06"),
            (57_847_473.5, "5.78474735e+07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(general(value), written);
        }
    }
}
