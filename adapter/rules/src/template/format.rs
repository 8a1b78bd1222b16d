//! `printf`: the verbs that make sense in a query. Where Go prints a complaint such as
//! `%!d(string=x)` into the text, this is an error.

use std::str::Chars;

use super::budget::Budget;
use super::error::Problem;
use super::escape;
use super::value::{Text, Value, float};

/// A verb with its flags.
struct Verb<'a> {
    /// As it is written, such as `%-5s`.
    text: &'a str,
    letter: char,
    left: bool,
    zeros: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
}

/// A wider one would be padding for its own sake.
const MAX_WIDTH: usize = 1000;

pub(super) fn printf(arguments: &[Value], budget: &mut Budget) -> Result<String, Problem> {
    let Some((Value::Text(format), mut arguments)) = arguments.split_first() else {
        let kind = arguments.first().map_or("nothing", Value::kind);
        return Err(Problem::Argument {
            function: "printf",
            kind,
        });
    };
    let mut rest = format.printed();
    budget.make(rest.len())?;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let start = &rest[before.len()..];
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let (verb, after) = Verb::parse(start)?;
        let Some((value, others)) = arguments.split_first() else {
            return Err(Problem::NoArgument(verb.text.to_owned()));
        };
        arguments = others;
        verb.print(value, &mut out, budget)?;
        rest = after;
    }
    out.push_str(rest);
    match arguments.len() {
        0 => Ok(out),
        spare => Err(Problem::SpareArguments(spare)),
    }
}

impl<'a> Verb<'a> {
    /// The verb that `text` begins with, and what follows it.
    fn parse(text: &'a str) -> Result<(Self, &'a str), Problem> {
        let mut chars = text.chars();
        chars.next();
        let mut verb = Verb {
            text,
            letter: ' ',
            left: false,
            zeros: false,
            plus: false,
            width: 0,
            precision: None,
        };
        let mut letter = chars.next();
        while let Some(flag @ ('-' | '0' | '+')) = letter {
            match flag {
                '-' => verb.left = true,
                '0' => verb.zeros = true,
                _ => verb.plus = true,
            }
            letter = chars.next();
        }
        (verb.width, letter) = number(letter, &mut chars);
        if letter == Some('.') {
            let precision;
            (precision, letter) = number(chars.next(), &mut chars);
            verb.precision = Some(precision);
        }
        let rest = chars.as_str();
        verb.text = &text[..text.len() - rest.len()];
        let unsupported = || Problem::Verb(verb.text.chars().take(40).collect());
        let letter = letter.ok_or_else(unsupported)?;
        let is_number = matches!(letter, 'd' | 'f');
        let fits = "sqvdfxt".contains(letter)
            && (is_number || !(verb.zeros || verb.plus))
            && verb.width <= MAX_WIDTH
            && verb
                .precision
                .is_none_or(|precision| precision <= MAX_WIDTH && "sqf".contains(letter));
        if !fits {
            return Err(unsupported());
        }
        Ok((Verb { letter, ..verb }, rest))
    }

    fn print(&self, value: &Value, out: &mut String, budget: &mut Budget) -> Result<(), Problem> {
        let elements = match value {
            Value::List(items) => items.len(),
            Value::Map(entries) => entries.len() * 2,
            _ => 1,
        };
        // A byte becomes ten at the most, as `\U0001f600` of four.
        budget.make(
            value
                .printed_len()
                .saturating_mul(4)
                .saturating_add(elements * self.width),
        )?;
        let text = |text: &Text| self.text_of(text);
        match value {
            Value::Text(value) => {
                out.push_str(&text(value).ok_or_else(|| self.refused(value_kind()))?);
            }
            Value::List(items) => {
                let items: Option<Vec<_>> = items.iter().map(text).collect();
                let items = items.ok_or_else(|| self.refused(value.kind()))?;
                out.push_str(&format!("[{}]", items.join(" ")));
            }
            Value::Map(entries) => {
                let entry = |(key, value): &(Text, Text)| {
                    Some(format!("{}:{}", self.text_of(key)?, self.text_of(value)?))
                };
                let entries: Option<Vec<_>> = entries.values().map(entry).collect();
                let entries = entries.ok_or_else(|| self.refused(value.kind()))?;
                out.push_str(&format!("map[{}]", entries.join(" ")));
            }
            value => {
                let scalar = self
                    .scalar(value)
                    .ok_or_else(|| self.refused(value.kind()))?;
                out.push_str(&scalar);
            }
        }
        Ok(())
    }

    fn refused(&self, kind: &'static str) -> Problem {
        let verb = self.text.to_owned();
        Problem::VerbOfKind { verb, kind }
    }

    fn text_of(&self, text: &Text) -> Option<String> {
        let cut = |text: &str| match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        };
        let shown = match self.letter {
            's' | 'v' => cut(text.printed()),
            'q' => escape::quoted(&cut(&text.text)),
            'x' => text
                .text
                .bytes()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
            _ => return None,
        };
        Some(self.padded(shown))
    }

    fn scalar(&self, value: &Value) -> Option<String> {
        match (value, self.letter) {
            (Value::Nil, 'v') => Some(self.padded("<nil>".to_owned())),
            (Value::Bool(value), 'v' | 't') => Some(self.padded(value.to_string())),
            (Value::Int(value), 'v' | 'd') => Some(self.number(&value.to_string())),
            (Value::Int(value), 'x') => {
                let sign = if *value < 0 { "-" } else { "" };
                Some(self.padded(format!("{sign}{:x}", value.unsigned_abs())))
            }
            (Value::Float(value), 'v') => Some(self.padded(float(*value))),
            (Value::Float(value), 'f') => {
                let precision = self.precision.unwrap_or(6);
                Some(self.number(&format!("{value:.precision$}")))
            }
            _ => None,
        }
    }

    /// A number with its sign, and zeros up to the width.
    fn number(&self, text: &str) -> String {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => (if self.plus { "+" } else { "" }, text),
        };
        let zeros = if self.zeros && !self.left {
            self.width.saturating_sub(sign.len() + digits.len())
        } else {
            0
        };
        self.padded(format!("{sign}{}{digits}", "0".repeat(zeros)))
    }

    fn padded(&self, text: String) -> String {
        let width = self.width;
        if self.left {
            format!("{text:<width$}")
        } else {
            format!("{text:>width$}")
        }
    }
}

fn value_kind() -> &'static str {
    Value::text("").kind()
}

/// The number that begins with `first`, and what follows it. It is at most a little more than
/// [`MAX_WIDTH`].
fn number(first: Option<char>, chars: &mut Chars<'_>) -> (usize, Option<char>) {
    let mut value = 0;
    let mut next = first;
    while let Some(digit) = next.and_then(|c| c.to_digit(10)) {
        value = (value * 10 + digit as usize).min(MAX_WIDTH + 1);
        next = chars.next();
    }
    (value, next)
}
