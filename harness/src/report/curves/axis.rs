//! Where numbers are on a drawing.

/// A range of numbers along a length of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    /// The number at its beginning.
    pub from: f64,
    /// The number at its end.
    pub to: f64,
    /// Where it begins.
    pub begins: f64,
    /// Where it ends.
    pub ends: f64,
}

impl Axis {
    /// Where a number is; what is out of range is at the nearer end.
    pub(super) fn at(&self, number: f64) -> f64 {
        let span = self.to - self.from;
        if span <= 0.0 || !number.is_finite() {
            return self.begins;
        }
        let part = ((number - self.from) / span).clamp(0.0, 1.0);
        self.begins + part * (self.ends - self.begins)
    }

    /// Round numbers along it, about that many.
    pub(super) fn ticks(&self, count: f64) -> Vec<f64> {
        let step = round_step((self.to - self.from) / count);
        let first = (self.from / step).ceil() as i64;
        let last = (self.to / step).floor() as i64;
        (first..=last).map(|tick| tick as f64 * step).collect()
    }
}

/// The least of 1, 2, 5, 10, 20 … and their tenths that is no less than this.
fn round_step(least: f64) -> f64 {
    if !least.is_finite() || least <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    steps
        .into_iter()
        .find(|step| *step >= least * 0.999)
        .unwrap_or(10.0 * power)
}

/// A number in as few digits as tell it, by thousands where it is large: `1.5`, `20k`, `3M`.
pub(super) fn short(number: f64) -> String {
    let (mut number, mut unit) = (number, "");
    for larger in ["k", "M", "G", "T", "P", "E"] {
        if number.abs() < 10_000.0 {
            break;
        }
        (number, unit) = (number / 1_000.0, larger);
    }
    let text = format!("{number:.3}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    let text = if text == "-0" { "0" } else { text };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_numbers_out_of_range_are_at_an_end() {
        let axis = Axis {
            from: 0.0,
            to: 8.0,
            begins: 100.0,
            ends: 0.0,
        };
        assert_eq!(axis.ticks(4.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(
            (axis.at(4.0), axis.at(9.0), axis.at(-1.0)),
            (50.0, 0.0, 100.0)
        );
        assert_eq!(axis.at(f64::NAN), 100.0);
        assert_eq!(Axis { to: 0.7, ..axis }.ticks(3.0), [0.0, 0.5]);
        assert_eq!(Axis { to: 0.0, ..axis }.ticks(3.0), [0.0]);
    }

    #[test]
    fn numbers_have_as_few_digits_as_tell_them() {
        assert_eq!(
            [10.0, 1.5, 0.0, 0.1234, -0.0001, 20_000.0, 3.5e7].map(short),
            ["10", "1.5", "0", "0.123", "0", "20k", "35M"]
        );
    }
}
