//! Numbers and durations (`promql/parser/lex.go`, `strconv` of Go), and durations that are computed of them.

use super::Unreadable;
use super::parse::Parser;
use super::tokens::Token;
use super::validity::Invalid;
use crate::duration::{duration_millis, parse_duration};

/// The most seconds of a duration: Go counts nanoseconds (`durationLiteralOutOfRange`).
const LONGEST: f64 = 9_223_372_036.0;

/// Operators between durations.
const OPERATORS: [&str; 6] = ["+", "-", "*", "/", "%", "^"];

/// What durations are computed by. `max` and `min` are the names that releases before 3.16 have.
const FUNCTIONS: [&str; 6] = ["max", "max_of", "min", "min_of", "range", "step"];

impl Parser {
    /// A duration: its seconds, where it is not computed.
    pub(super) fn duration(&mut self) -> Result<Option<f64>, Unreadable> {
        let mut seconds = self.operand()?;
        while OPERATORS.into_iter().any(|sign| self.take(sign)) {
            self.count()?;
            self.operand()?;
            seconds = None;
        }
        Ok(seconds)
    }

    /// What stands between the operators of a duration.
    pub(super) fn operand(&mut self) -> Result<Option<f64>, Unreadable> {
        if self.take("-") {
            let seconds = self.deeper(Self::operand)?;
            return Ok(seconds.map(|seconds| -seconds));
        }
        if self.take("+") {
            return self.deeper(Self::operand);
        }
        if self.take("(") {
            self.deeper(Self::duration)?;
            self.expect(")", "an operator or `)`")?;
            return Ok(None);
        }
        let Token::Word(word) = self.peek().clone() else {
            return Err(self.unexpected("a duration"));
        };
        self.next += 1;
        if !is_number(&word) {
            return self.computed(word);
        }
        let seconds = self.literal(&word);
        if seconds.is_some_and(|seconds| seconds.is_nan() || seconds > LONGEST) {
            self.refuse(Invalid::TooLong(word));
        }
        Ok(seconds)
    }

    /// `step()`, or `max_of(5m, step())`, behind its name.
    fn computed(&mut self, name: String) -> Result<Option<f64>, Unreadable> {
        let is_known = FUNCTIONS.contains(&name.to_ascii_lowercase().as_str());
        if !is_known || !self.is("(") {
            self.refuse(Invalid::Literal(name));
        }
        if self.take("(") {
            while !self.take(")") {
                self.deeper(Self::duration)?;
                if !self.take(",") && !self.is(")") {
                    return Err(self.unexpected("`,` or `)`"));
                }
            }
        }
        Ok(None)
    }

    /// What a number or a duration stands for, in seconds; none where Prometheus refuses it.
    pub(super) fn literal(&mut self, word: &str) -> Option<f64> {
        match value(word) {
            Ok(value) => Some(value),
            Err(invalid) => {
                self.refuse(invalid);
                None
            }
        }
    }
}

/// Whether a word begins as a number or a duration does.
pub(super) fn is_number(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    lower == "inf" || lower == "nan" || lower.starts_with(|c: char| c.is_ascii_digit() || c == '.')
}

fn value(word: &str) -> Result<f64, Invalid> {
    match number(word) {
        Some(number) if number.is_infinite() && !word.eq_ignore_ascii_case("inf") => {
            return Err(Invalid::TooGreat(word.to_owned()));
        }
        Some(number) => return Ok(number),
        None => {}
    }
    match parse_duration(word) {
        Some(duration) => Ok(duration.as_secs_f64()),
        None if duration_millis(word).is_some() => Err(Invalid::TooLong(word.to_owned())),
        None => Err(Invalid::Literal(word.to_owned())),
    }
}

/// A number as Go reads it (`strconv.ParseInt` and `ParseFloat`).
fn number(word: &str) -> Option<f64> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "inf" => return Some(f64::INFINITY),
        "nan" => return Some(f64::NAN),
        _ => {}
    }
    let Some(digits) = lower.strip_prefix("0x") else {
        return without_underscores(&lower, 10)?.parse().ok();
    };
    let digits = digits.strip_prefix('_').unwrap_or(digits);
    let whole = i64::from_str_radix(&without_underscores(digits, 16)?, 16).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "as in Prometheus")]
    let number = whole as f64;
    Some(number)
}

/// Digits without the underscores that stand between them.
fn without_underscores(digits: &str, radix: u32) -> Option<String> {
    let parts: Vec<&str> = digits.split('_').collect();
    let is_digit = |c: char| c.is_digit(radix);
    let are_digits = |pair: &[&str]| pair[0].ends_with(is_digit) && pair[1].starts_with(is_digit);
    parts.windows(2).all(are_digits).then(|| parts.concat())
}
