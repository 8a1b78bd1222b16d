//! The functions of templates (`text/template/funcs.go`), besides `and` and `or`, whose arguments
//! aren't all evaluated.

use std::cmp::Ordering;

use super::budget::Budget;
use super::error::Problem;
use super::value::{Text, Value};
use super::{escape, format};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    And,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    Urlquery,
}

type Answer = Result<Value, Problem>;

impl Function {
    pub(super) const ALL: [Self; 18] = [
        Self::And,
        Self::Eq,
        Self::Ge,
        Self::Gt,
        Self::Html,
        Self::Index,
        Self::Js,
        Self::Le,
        Self::Len,
        Self::Lt,
        Self::Ne,
        Self::Not,
        Self::Or,
        Self::Print,
        Self::Printf,
        Self::Println,
        Self::Slice,
        Self::Urlquery,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::And => "and",
            Self::Eq => "eq",
            Self::Ge => "ge",
            Self::Gt => "gt",
            Self::Html => "html",
            Self::Index => "index",
            Self::Js => "js",
            Self::Le => "le",
            Self::Len => "len",
            Self::Lt => "lt",
            Self::Ne => "ne",
            Self::Not => "not",
            Self::Or => "or",
            Self::Print => "print",
            Self::Printf => "printf",
            Self::Println => "println",
            Self::Slice => "slice",
            Self::Urlquery => "urlquery",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.name() == name)
    }

    /// How many arguments it takes; without a most, any number.
    fn arity(self) -> (usize, Option<usize>) {
        match self {
            Self::Len | Self::Not => (1, Some(1)),
            Self::Ne | Self::Lt | Self::Le | Self::Gt | Self::Ge => (2, Some(2)),
            Self::Slice => (1, Some(4)),
            Self::Eq => (2, None),
            Self::And | Self::Or | Self::Index | Self::Printf => (1, None),
            Self::Print | Self::Println | Self::Html | Self::Js | Self::Urlquery => (0, None),
        }
    }

    /// Whether it takes so many arguments.
    pub(super) fn takes(self, given: usize) -> Result<(), Problem> {
        let (least, most) = self.arity();
        if given >= least && most.is_none_or(|most| given <= most) {
            return Ok(());
        }
        let wanted = match most {
            None => format!("at least {least}"),
            Some(most) if most == least => least.to_string(),
            Some(most) => format!("{least} to {most}"),
        };
        let function = self.name();
        Err(Problem::Arguments {
            function,
            wanted,
            given,
        })
    }

    /// What it gives for arguments. `and` and `or` are not asked here.
    pub(super) fn call(self, arguments: &[Value], budget: &mut Budget) -> Answer {
        self.takes(arguments.len())?;
        match self {
            Self::Not => Ok(Value::Bool(!arguments[0].is_true())),
            Self::Len => self.len(&arguments[0]),
            Self::Index => self.index(&arguments[0], &arguments[1..]),
            Self::Slice => self.slice(&arguments[0], &arguments[1..], budget),
            Self::Eq => self
                .eq(&arguments[0], &arguments[1..], budget)
                .map(Value::Bool),
            Self::Ne => {
                let equal = self.eq(&arguments[0], &arguments[1..], budget)?;
                Ok(Value::Bool(!equal))
            }
            Self::Lt | Self::Le | Self::Gt | Self::Ge => {
                self.compare(&arguments[0], &arguments[1], budget)
            }
            Self::Printf => format::printf(arguments, budget).map(Value::text),
            Self::Print => printed(arguments, budget).map(Value::text),
            Self::Println => printed_line(arguments, budget).map(Value::text),
            Self::Html => escaped(arguments, budget, escape::html),
            Self::Js => escaped(arguments, budget, escape::js),
            Self::Urlquery => escaped(arguments, budget, escape::urlquery),
            Self::And | Self::Or => Ok(Value::Nil),
        }
    }

    fn refused<T>(self, value: &Value) -> Result<T, Problem> {
        let (function, kind) = (self.name(), value.kind());
        Err(Problem::Argument { function, kind })
    }

    fn len(self, value: &Value) -> Answer {
        let len = match value {
            Value::Text(text) => text.text.len(),
            Value::List(items) => items.len(),
            Value::Map(entries) => entries.len(),
            _ => return self.refused(value),
        };
        Ok(Value::Int(i64::try_from(len).unwrap_or(i64::MAX)))
    }

    fn index(self, item: &Value, indexes: &[Value]) -> Answer {
        if let Value::Nil = item {
            return self.refused(item);
        }
        let mut item = item.clone();
        for index in indexes {
            item = match (&item, index) {
                (Value::Map(entries), Value::Text(key)) => {
                    let entry = entries.get(&key.text).map(|(_, value)| value.clone());
                    Value::Text(entry.unwrap_or_else(|| "".into()))
                }
                (Value::List(items), Value::Int(position)) => {
                    let found = usize::try_from(*position).ok().and_then(|at| items.get(at));
                    Value::Text(found.cloned().ok_or_else(|| self.out_of_range(*position))?)
                }
                // A byte.
                (Value::Text(text), Value::Int(position)) => {
                    let bytes = text.text.as_bytes();
                    let found = usize::try_from(*position).ok().and_then(|at| bytes.get(at));
                    let byte = found.ok_or_else(|| self.out_of_range(*position))?;
                    Value::Int(i64::from(*byte))
                }
                (Value::Map(_) | Value::List(_) | Value::Text(_), _) => return self.refused(index),
                _ => return self.refused(&item),
            };
        }
        Ok(item)
    }

    fn slice(self, item: &Value, indexes: &[Value], budget: &mut Budget) -> Answer {
        let mut positions = Vec::new();
        for index in indexes {
            let Value::Int(position) = index else {
                return self.refused(index);
            };
            let at = usize::try_from(*position).map_err(|_| self.out_of_range(*position))?;
            positions.push(at);
        }
        let len = match item {
            Value::Text(_) if positions.len() > 2 => return self.refused(item),
            Value::Text(text) => text.text.len(),
            Value::List(items) => items.len(),
            _ => return self.refused(item),
        };
        let from = positions.first().copied().unwrap_or(0);
        let to = positions.get(1).copied().unwrap_or(len);
        let most = positions.get(2).copied().unwrap_or(len);
        let outside = |at: usize| self.out_of_range(i64::try_from(at).unwrap_or(i64::MAX));
        if most > len || to > most {
            return Err(outside(to.max(most)));
        }
        budget.make(to.saturating_sub(from))?;
        match item {
            Value::Text(text) => text.text.get(from..to).map(Value::text),
            Value::List(items) => items.get(from..to).map(|part| Value::List(part.into())),
            _ => None,
        }
        .ok_or_else(|| outside(from))
    }

    fn out_of_range(self, index: i64) -> Problem {
        let function = self.name();
        Problem::Range { function, index }
    }

    fn incomparable<T>(self, left: &Value, right: &Value) -> Result<T, Problem> {
        Err(Problem::Comparison {
            function: self.name(),
            left: left.kind(),
            right: right.kind(),
        })
    }

    /// Whether a value equals one of others.
    fn eq(self, value: &Value, others: &[Value], budget: &mut Budget) -> Result<bool, Problem> {
        for other in others {
            let equal = match (value, other) {
                (Value::Nil, Value::Nil) => true,
                (Value::Nil, _) | (_, Value::Nil) => false,
                (Value::Bool(a), Value::Bool(b)) => a == b,
                (Value::Float(a), Value::Float(b)) => a == b,
                (Value::Int(a), Value::Int(b)) => a == b,
                (Value::Text(a), Value::Text(b)) => {
                    budget.make(a.text.len().min(b.text.len()))?;
                    a.text == b.text
                }
                _ => return self.incomparable(value, other),
            };
            if equal {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn compare(self, left: &Value, right: &Value, budget: &mut Budget) -> Answer {
        let order = match (left, right) {
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Text(a), Value::Text(b)) => {
                budget.make(a.text.len().min(b.text.len()))?;
                Some(a.text.cmp(&b.text))
            }
            _ => return self.incomparable(left, right),
        };
        // Go derives `gt` and `ge` by negation, which NaN notices; no literal is NaN.
        let holds = match self {
            Self::Lt => order == Some(Ordering::Less),
            Self::Le => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::Gt => order == Some(Ordering::Greater),
            _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
        };
        Ok(Value::Bool(holds))
    }
}

/// `fmt.Sprint`: a space stands between two values of which neither is a string.
fn printed(values: &[Value], budget: &mut Budget) -> Result<String, Problem> {
    let mut out = String::new();
    let mut after_text = true;
    for value in values {
        budget.make(value.printed_len())?;
        let is_text = matches!(value, Value::Text(_));
        if !after_text && !is_text {
            out.push(' ');
        }
        value.print(&mut out, "<nil>");
        after_text = is_text;
    }
    Ok(out)
}

/// `fmt.Sprintln`
fn printed_line(values: &[Value], budget: &mut Budget) -> Result<String, Problem> {
    let mut out = String::new();
    for (position, value) in values.iter().enumerate() {
        budget.make(value.printed_len() + 1)?;
        if position > 0 {
            out.push(' ');
        }
        value.print(&mut out, "<nil>");
    }
    out.push('\n');
    Ok(out)
}

fn escaped(values: &[Value], budget: &mut Budget, escape: fn(&str) -> String) -> Answer {
    let printable = |value: &Value| match value {
        Value::Nil => Value::Text(Text::from("<no value>")),
        value => value.clone(),
    };
    let values: Vec<_> = values.iter().map(printable).collect();
    let text = printed(&values, budget)?;
    // No character becomes more than six bytes for each of its own.
    budget.make(text.len().saturating_mul(6))?;
    Ok(Value::text(escape(&text)))
}
