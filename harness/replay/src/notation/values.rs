//! The values of a series.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::shapes::{NAMES, Shape};
use super::{NotationError, cursor::Cursor};

/// How many samples one series may be written out to; `1x1e12` must not cost the memory of the machine.
pub const MAX_SAMPLES: usize = 1_000_000;

/// What stands at one step of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Point {
    /// No sample (`_`).
    Missing,
    /// The staleness marker (`stale`).
    Stale,
    /// A sample.
    Value(f64),
}

/// Values in promtool's notation, such as `0+10x60 _ 5x3 stale`: read once, and written as they were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Values {
    text: String,
    points: Arc<[Point]>,
}

impl Values {
    /// Nothing but the staleness marker.
    #[must_use]
    pub fn stale() -> Self {
        Self::of(vec![Point::Stale])
    }

    /// A single value.
    #[must_use]
    pub(crate) fn always(value: f64) -> Self {
        Self::of(vec![Point::Value(value)])
    }

    /// What stands at each step.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The values from a step on.
    #[must_use]
    pub fn from_step(&self, step: usize) -> Self {
        if step == 0 {
            return self.clone();
        }
        Self::of(self.points.get(step..).unwrap_or_default().to_vec())
    }

    fn of(points: Vec<Point>) -> Self {
        let text: Vec<String> = points.iter().map(ToString::to_string).collect();
        let text = text.join(" ");
        let points = points.into();
        Self { text, points }
    }

    /// The points, shared.
    pub(crate) fn shared(&self) -> Arc<[Point]> {
        Arc::clone(&self.points)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Stale => f.write_str("stale"),
            Self::Missing => f.write_str("_"),
        }
    }
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Values> for String {
    fn from(values: Values) -> Self {
        values.text
    }
}

impl FromStr for Values {
    type Err = ValuesError;

    fn from_str(text: &str) -> Result<Self, ValuesError> {
        let text = text.to_owned();
        match parse_values(&text) {
            Ok(points) => {
                let points = points.into();
                Ok(Self { text, points })
            }
            Err(source) => Err(ValuesError { text, source }),
        }
    }
}

impl TryFrom<String> for Values {
    type Error = ValuesError;

    fn try_from(text: String) -> Result<Self, ValuesError> {
        text.parse()
    }
}

/// Values that can't be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("values `{text}`: {source}")]
pub struct ValuesError {
    text: String,
    source: NotationError,
}

/// Reads values such as `0+10x60 _ 5x3 stale` and writes them out.
///
/// A shape is `NAME(NUMBER,…)xN`, N+1 samples:
///
/// | shape | its samples |
/// |---|---|
/// | `sine(middle,height,steps)` | a wave that takes so many steps |
/// | `step(low,high,steps)` | so many steps low, so many high, and so on |
/// | `spike(base,top,steps)` | the base, and each so many steps the top once |
/// | `noise(low,high,seed)` | any numbers between, the same ones for the same seed |
/// | `restart(rise,steps)` | a counter that rises at each step and begins anew each so many steps |
/// | `churn(value,there,gone)` | so many steps the value, then it goes stale and is gone for so many |
///
/// As in Prometheus a progression is a running addition, so that rounding errors are the same too.
///
/// # Errors
/// Where the notation can't be read, or stands for more than [`MAX_SAMPLES`].
///
/// ```
/// use setpoint_replay::notation::{Point, parse_values};
/// let points = parse_values("1+2x2 _ stale")?;
/// assert_eq!(points, [Point::Value(1.0), Point::Value(3.0), Point::Value(5.0), Point::Missing, Point::Stale]);
/// assert_eq!(parse_values("1+2").unwrap_err().column, 4);
/// # Ok::<(), setpoint_replay::notation::NotationError>(())
/// ```
pub fn parse_values(text: &str) -> Result<Vec<Point>, NotationError> {
    let mut cursor = Cursor::new(text);
    let mut points = Vec::new();
    cursor.skip_space();
    while cursor.peek().is_some() {
        item(&mut cursor, &mut points)?;
        if cursor.peek().is_some_and(|c| !c.is_whitespace()) {
            return Err(cursor.expected("a space between two items"));
        }
        cursor.skip_space();
    }
    Ok(points)
}

fn item(cursor: &mut Cursor<'_>, points: &mut Vec<Point>) -> Result<(), NotationError> {
    if cursor.take('_') {
        let count = if cursor.take('x') {
            times(cursor, points.len(), 0)?
        } else {
            1
        };
        return append(cursor, points, (0..count).map(|_| Point::Missing));
    }
    if cursor.rest().starts_with("stale") {
        cursor.skip("stale");
        return append(cursor, points, std::iter::once(Point::Stale));
    }
    if cursor.rest().starts_with("{{") {
        return Err(
            cursor.expected("a number, `_` or `stale` (native histograms are not supported)")
        );
    }
    if let Some(name) = NAMES.iter().find(|name| cursor.rest().starts_with(**name)) {
        return shaped(name, cursor, points);
    }
    let first = number(cursor)?;
    let step = match cursor.peek() {
        Some('+' | '-') => Some(number(cursor)?),
        _ => None,
    };
    if !cursor.take('x') {
        return match step {
            Some(_) => Err(cursor.expected("`x` and how many steps")),
            None => append(cursor, points, std::iter::once(Point::Value(first))),
        };
    }
    let count = times(cursor, points.len(), 1)?;
    let mut value = first;
    let progression = (0..=count).map(|_| {
        let this = value;
        value += step.unwrap_or(0.0);
        Point::Value(this)
    });
    append(cursor, points, progression)
}

/// `NAME(NUMBER,…)xN`.
fn shaped(
    name: &str,
    cursor: &mut Cursor<'_>,
    points: &mut Vec<Point>,
) -> Result<(), NotationError> {
    cursor.skip(name);
    let start = cursor.offset();
    if !cursor.take('(') {
        return Err(cursor.expected("`(` and the numbers of the shape"));
    }
    let mut numbers = vec![number(cursor)?];
    while cursor.take(',') {
        cursor.skip_space();
        numbers.push(number(cursor)?);
    }
    if !cursor.take(')') {
        return Err(cursor.expected("`,` or `)`"));
    }
    let Some(shape) = Shape::new(name, &numbers) else {
        return Err(cursor.expected_at(
            start,
            format!("the numbers of `{name}`, steps as whole numbers above zero"),
        ));
    };
    if !cursor.take('x') {
        return Err(cursor.expected("`x` and how many steps"));
    }
    let count = times(cursor, points.len(), 1)?;
    append(cursor, points, (0..=count).map(|step| shape.at(step)))
}

fn append(
    cursor: &Cursor<'_>,
    points: &mut Vec<Point>,
    more: impl Iterator<Item = Point>,
) -> Result<(), NotationError> {
    points.extend(more);
    if points.len() > MAX_SAMPLES {
        return Err(cursor.expected(format!("at most {MAX_SAMPLES} samples in one series")));
    }
    Ok(())
}

/// The count after `x`.
fn times(cursor: &mut Cursor<'_>, have: usize, extra: usize) -> Result<usize, NotationError> {
    let start = cursor.offset();
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    if digits.is_empty() {
        return Err(cursor.expected("how many steps, a whole number"));
    }
    if matches!(cursor.peek(), Some('.' | 'e' | 'E')) {
        return Err(cursor.expected_at(start, "how many steps, a whole number"));
    }
    match digits.parse::<usize>() {
        Ok(count) if count.saturating_add(have).saturating_add(extra) <= MAX_SAMPLES => Ok(count),
        _ => Err(cursor.expected_at(
            start,
            format!("at most {MAX_SAMPLES} samples in one series"),
        )),
    }
}

/// A signed number; decimal, since in this notation `0x3` is four zeros.
fn number(cursor: &mut Cursor<'_>) -> Result<f64, NotationError> {
    const EXPECTED: &str = "a number, `_` or `stale`";
    let start = cursor.offset();
    let sign = if cursor.take('-') {
        -1.0
    } else {
        cursor.take('+');
        1.0
    };
    if cursor.peek().is_some_and(char::is_alphabetic) {
        let word = cursor
            .take_while(|c| c.is_alphabetic() && c != 'x')
            .to_ascii_lowercase();
        return match word.as_str() {
            "nan" => Ok(f64::NAN),
            "inf" => Ok(sign * f64::INFINITY),
            _ => Err(cursor.expected_at(start, EXPECTED)),
        };
    }
    let digits = cursor.offset();
    cursor.take_while(|c| c.is_ascii_digit() || c == '.');
    let mantissa = cursor.offset();
    if cursor.take('e') || cursor.take('E') {
        if !cursor.take('-') {
            cursor.take('+');
        }
        if cursor.take_while(|c| c.is_ascii_digit()).is_empty() {
            return Err(cursor.expected("the digits of the exponent"));
        }
    }
    let end = cursor.offset();
    cursor.back_to(digits);
    let text = cursor.rest().get(..end - digits).unwrap_or_default();
    cursor.back_to(end);
    match text.parse::<f64>() {
        Ok(value) if mantissa > digits => Ok(sign * value),
        _ => Err(cursor.expected_at(start, EXPECTED)),
    }
}
