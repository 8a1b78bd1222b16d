//! Literals of Go: strings, characters and numbers (`strconv.Unquote`, `ParseInt`, `ParseFloat`).

use super::error::Problem;

/// A number as it is written; which kind it is, its letters say.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
    /// It fits only a type without sign, which no function of templates takes.
    TooBig(String),
}

/// The text of `"…"` or `` `…` ``.
pub(super) fn text(literal: &str) -> Result<String, Problem> {
    let wrong = || Problem::Literal(shortened(literal));
    if let Some(raw) = literal.strip_prefix('`') {
        let raw = raw.strip_suffix('`').ok_or_else(wrong)?;
        return Ok(raw.replace('\r', ""));
    }
    let inner = literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let mut rest = inner.ok_or_else(wrong)?;
    let mut bytes = Vec::new();
    while !rest.is_empty() {
        let (unit, after) = unit(rest, '"').ok_or_else(wrong)?;
        match unit {
            Unit::Char(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Unit::Byte(byte) => bytes.push(byte),
        }
        rest = after;
    }
    // Go's strings are bytes; a query of Prometheus is UTF-8.
    String::from_utf8(bytes).map_err(|_| wrong())
}

/// The number that `'…'` stands for.
pub(super) fn character(literal: &str) -> Result<Number, Problem> {
    let value = literal
        .strip_prefix('\'')
        .and_then(|inner| unit(inner, '\''))
        .filter(|(_, rest)| *rest == "'")
        .map(|(unit, _)| match unit {
            Unit::Char(c) => i64::from(u32::from(c)),
            Unit::Byte(byte) => i64::from(byte),
        });
    let value = value.ok_or_else(|| Problem::Literal(shortened(literal)))?;
    Ok(Number::Int(value))
}

/// A number without sign or with one (`parse.Tree.newNumber`).
pub(super) fn number(literal: &str) -> Result<Number, Problem> {
    if literal.ends_with('i') {
        return Err(Problem::Complex(shortened(literal)));
    }
    let lower = literal.to_ascii_lowercase();
    let (negative, digits) = match lower.strip_prefix(['-', '+']) {
        Some(digits) => (lower.starts_with('-'), digits),
        None => (false, lower.as_str()),
    };
    let wrong = || Problem::Literal(shortened(literal));
    if let Some(magnitude) = integer(digits) {
        let Some(magnitude) = magnitude else {
            return Err(Problem::Overflow(shortened(literal)));
        };
        let signed = if negative {
            0_i64.checked_sub_unsigned(magnitude)
        } else {
            i64::try_from(magnitude).ok()
        };
        return match signed {
            Some(value) => Ok(Number::Int(value)),
            // `ParseUint` takes no sign.
            None if lower.starts_with(['-', '+']) => Err(Problem::Overflow(shortened(literal))),
            None => Ok(Number::TooBig(shortened(literal))),
        };
    }
    let float = match digits.strip_prefix("0x") {
        Some(hexadecimal) => hexadecimal_float(hexadecimal),
        None => decimal_float(digits),
    };
    let float = float.filter(|float| float.is_finite()).ok_or_else(wrong)?;
    Ok(Number::Float(if negative { -float } else { float }))
}

enum Unit {
    Char(char),
    Byte(u8),
}

/// The first character of a literal, and what follows it (`strconv.UnquoteChar`).
fn unit(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), chars.as_str()));
    }
    let escaped = chars.next()?;
    let rest = chars.as_str();
    let simple = |c| Some((Unit::Char(c), rest));
    match escaped {
        'a' => simple('\x07'),
        'b' => simple('\x08'),
        'f' => simple('\x0c'),
        'n' => simple('\n'),
        'r' => simple('\r'),
        't' => simple('\t'),
        'v' => simple('\x0b'),
        '\\' => simple('\\'),
        c if c == quote => simple(c),
        'x' => {
            let (value, rest) = digits(rest, 2, 16)?;
            Some((Unit::Byte(u8::try_from(value).ok()?), rest))
        }
        'u' | 'U' => {
            let (value, rest) = digits(rest, if escaped == 'u' { 4 } else { 8 }, 16)?;
            Some((Unit::Char(char::from_u32(value)?), rest))
        }
        '0'..='7' => {
            let (value, rest) = digits(text.get(1..)?, 3, 8)?;
            Some((Unit::Byte(u8::try_from(value).ok()?), rest))
        }
        _ => None,
    }
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let all = digits.chars().all(|c| c.is_digit(radix));
    let value = u32::from_str_radix(digits, radix).ok().filter(|_| all)?;
    Some((value, rest))
}

/// An integer with the prefix of its base; none if the text is no integer, `Some(None)` if it is
/// too big.
#[expect(clippy::option_option, reason = "no integer, one too big, or one")]
fn integer(text: &str) -> Option<Option<u64>> {
    let (radix, digits) = match text.as_bytes() {
        [b'0', b'x', ..] => (16, &text[2..]),
        [b'0', b'o', ..] => (8, &text[2..]),
        [b'0', b'b', ..] => (2, &text[2..]),
        [b'0', _, ..] => (8, &text[1..]),
        _ => (10, text),
    };
    let prefixed = digits.len() < text.len();
    let plain = plain_digits(digits, prefixed)?;
    if plain.is_empty() || !plain.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    Some(u64::from_str_radix(&plain, radix).ok())
}

/// Digits without the underscores between them; none if one stands elsewhere. One may follow the
/// prefix of the base (`strconv.underscoreOK`).
fn plain_digits(text: &str, prefixed: bool) -> Option<String> {
    let inner = text.strip_prefix('_').filter(|_| prefixed);
    let inner = inner.unwrap_or(text);
    let misplaced = inner.starts_with('_') || inner.ends_with('_') || inner.contains("__");
    (!misplaced).then(|| inner.replace('_', ""))
}

fn decimal_float(text: &str) -> Option<f64> {
    let legal = |c: char| c.is_ascii_digit() || ".e+-".contains(c);
    if !text.chars().all(legal) || !text.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `1.8p3`, without `0x`. A mantissa of more than 53 bits is refused.
fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || digits.contains(['+', '-']) {
        return None;
    }
    let mantissa = u64::from_str_radix(&digits, 16).ok()?;
    if mantissa >= 1 << 53 {
        return None;
    }
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    #[expect(clippy::cast_precision_loss, reason = "it has 53 bits at the most")]
    let mantissa = mantissa as f64;
    Some(mantissa * 2_f64.powi(exponent.checked_sub(places)?))
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_of_the_kind_that_their_letters_say() {
        for (text, expected) in [
            ("0", Number::Int(0)),
            ("-12", Number::Int(-12)),
            ("+7", Number::Int(7)),
            ("0x1F", Number::Int(31)),
            ("0b101", Number::Int(5)),
            ("0o17", Number::Int(15)),
            ("017", Number::Int(15)),
            ("0x_1_f", Number::Int(31)),
            ("1_000", Number::Int(1000)),
            ("-9223372036854775808", Number::Int(i64::MIN)),
            (
                "9223372036854775808",
                Number::TooBig("9223372036854775808".to_owned()),
            ),
            ("1.5", Number::Float(1.5)),
            ("1e3", Number::Float(1000.0)),
            (".5", Number::Float(0.5)),
            ("0x1.8p3", Number::Float(12.0)),
        ] {
            assert_eq!(number(text), Ok(expected), "{text}");
        }
        for text in [
            "1__0",
            "_1",
            "1_",
            "1_0.5",
            "1e",
            "0x",
            "1.2.3",
            "-",
            "18446744073709551616",
            "2i",
            "1e999",
        ] {
            assert!(number(text).is_err(), "{text}");
        }
    }

    #[test]
    fn escapes_are_those_of_go() {
        assert_eq!(
            text(r#""a\tb\"\\\x41\u00e9\101""#),
            Ok("a\tb\"\\Aé\u{41}".to_owned())
        );
        assert_eq!(text("`a\\\r\n`"), Ok("a\\\n".to_owned()));
        for wrong in [
            r#""\q""#,
            r#""\'""#,
            r#""\xff""#,
            r#""\u12""#,
            r#""\400""#,
            "\"\"\"",
        ] {
            assert!(text(wrong).is_err(), "{wrong}");
        }
        assert_eq!(character("'a'"), Ok(Number::Int(97)));
        assert_eq!(character(r"'\n'"), Ok(Number::Int(10)));
        assert_eq!(character(r"'\''"), Ok(Number::Int(39)));
        for wrong in ["''", "'ab'", r#"'\"'"#] {
            assert!(character(wrong).is_err(), "{wrong}");
        }
    }
}
