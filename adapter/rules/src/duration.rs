//! Durations as Prometheus writes them (`github.com/prometheus/common/model`, `ParseDuration`).

use std::time::Duration;

/// Units from the longest on, in milliseconds: the order in which they may follow one another.
pub const DURATION_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `5m` or `1h30m` as milliseconds: whole numbers of units, the longest first and each at most once. `0` needs
/// no unit. None for anything else, and for what no `u64` holds; callers have limits of their own.
#[must_use]
pub fn duration_millis(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = DURATION_UNITS.iter();
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let (_, length) = units.find(|(known, _)| *known == unit)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*length)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(millis)
}

/// [`duration_millis`], up to the 292 years that Go's nanoseconds hold.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let longest = i64::MAX.unsigned_abs() / 1_000_000;
    let millis = duration_millis(text).filter(|millis| *millis <= longest);
    millis.map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_in_their_order_and_once() {
        for (text, seconds) in [
            ("5m", 300),
            ("1h30m", 5400),
            ("1d", 86_400),
            ("0", 0),
            ("0s", 0),
            ("2w1d", 15 * 86_400),
        ] {
            let duration = Duration::from_secs(seconds);
            assert_eq!(parse_duration(text), Some(duration), "{text}");
        }
        assert_eq!(parse_duration("1s5ms"), Some(Duration::from_millis(1005)));
        for text in [
            "", "5", "m", "30m1h", "1m1m", "1.5h", "-1m", "5 m", "1h 5m", "300y", "5M", "1µs",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
