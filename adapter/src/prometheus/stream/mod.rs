//! An answer of Prometheus' HTTP API, read as it comes in: only one element of its list is in memory
//! at a time.

mod warnings;

use std::marker::PhantomData;

use serde::de::{DeserializeSeed, IgnoredAny};
use serde_json::Deserializer;
use setpoint_rules::TooManyNames;

use crate::text::cut;
use warnings::Warnings;

/// The most bytes that an answer may have, decompressed: three million series or more.
pub(super) const MAX_ANSWER: u64 = 1 << 30;
/// The most bytes that one element, or one field beside the list, may have.
const MAX_VALUE: u64 = 1 << 20;

/// What is wrong with an answer.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum StreamError {
    #[error("byte {at}: {reason}")]
    Malformed { at: u64, reason: String },
    #[error("its {what} has more than {limit} bytes")]
    TooLong { what: &'static str, limit: u64 },
    /// There is a list, but neither that of an instant vector nor a scalar.
    #[error("a {0}")]
    NoVector(String),
    #[error(transparent)]
    TooManyNames(#[from] TooManyNames),
}

/// `resultType` of a scalar, whose list is one element: a time and a value.
pub(super) const SCALAR: &str = "scalar";

/// The fields of an answer beside its list.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fields {
    pub(super) status: String,
    pub(super) error_type: String,
    pub(super) error: String,
    /// Texts of `warnings`, the first of them.
    pub(super) warnings: Vec<String>,
    pub(super) result_type: String,
    /// Whether there was a list.
    pub(super) list: bool,
}

/// An answer that comes in pieces of any size. After each [`Self::feed`],
/// [`Self::element`] gives the elements that are complete.
pub(super) struct AnswerStream {
    /// The keys that lead to the list.
    path: &'static [&'static str],
    state: State,
    /// How many keys of the path are open.
    depth: usize,
    key: String,
    fields: Fields,
    buffer: Vec<u8>,
    /// What is read of the buffer.
    position: usize,
    /// How many bytes were read before those in the buffer.
    before: u64,
    /// The most bytes that the answer may have.
    limit: u64,
    /// How long what is left must be for another attempt: with each its length doubles, so that
    /// many small pieces don't make many attempts.
    attempt_at: usize,
    ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Start,
    Key,
    Colon,
    Value,
    AfterValue,
    FirstElement,
    Element,
    AfterElement,
    End,
}

impl State {
    fn expected(self) -> &'static str {
        match self {
            Self::Start => "`{`",
            Self::Key => "a key",
            Self::Colon => "`:`",
            Self::Value | Self::FirstElement | Self::Element => "a value",
            Self::AfterValue => "`,` or `}`",
            Self::AfterElement => "`,` or `]`",
            Self::End => "the end",
        }
    }
}

impl AnswerStream {
    /// An answer whose list is where `path` leads, of at most `limit` bytes.
    pub(super) fn new(path: &'static [&'static str], limit: u64) -> Self {
        Self {
            path,
            state: State::Start,
            depth: 0,
            key: String::new(),
            fields: Fields::default(),
            buffer: Vec::new(),
            position: 0,
            before: 0,
            limit,
            attempt_at: 0,
            ended: false,
        }
    }

    /// Takes the next piece.
    pub(super) fn feed(&mut self, piece: &[u8]) -> Result<(), StreamError> {
        self.buffer.drain(..self.position);
        self.before += self.position as u64;
        self.position = 0;
        self.buffer.extend_from_slice(piece);
        too_long("whole", self.before + self.buffer.len() as u64, self.limit)
    }

    /// The next element of the list; none until more is fed. `seed` may be tried several times on
    /// one element.
    pub(super) fn element<S, T>(&mut self, seed: S) -> Result<Option<T>, StreamError>
    where
        S: for<'de> DeserializeSeed<'de, Value = T>,
    {
        if self.buffer.len() < self.attempt_at {
            return Ok(None);
        }
        while let Some(byte) = self.peek() {
            let first = self.state == State::FirstElement && byte != b']';
            if first || self.state == State::Element {
                let element = self.value(seed)?;
                if element.is_some() {
                    let scalar = self.fields.result_type == SCALAR;
                    self.state = if scalar {
                        State::AfterValue
                    } else {
                        State::AfterElement
                    };
                }
                return Ok(element);
            }
            let Some(next) = self.step(byte)? else {
                break;
            };
            self.state = next;
        }
        Ok(None)
    }

    /// Takes note that no piece follows; what is left has to be taken.
    pub(super) fn close(&mut self) {
        self.ended = true;
        self.attempt_at = 0;
    }

    /// The fields of a closed answer whose elements were taken.
    pub(super) fn fields(self) -> Result<Fields, StreamError> {
        if self.state != State::End {
            return Err(self.malformed("the answer ends too early"));
        }
        Ok(self.fields)
    }

    /// Reads what isn't an element; none if it isn't complete.
    fn step(&mut self, byte: u8) -> Result<Option<State>, StreamError> {
        let on_path = self.path.get(self.depth) == Some(&self.key.as_str());
        let innermost = self.depth + 1 == self.path.len();
        let next = match (self.state, byte) {
            (State::Start, b'{') | (State::AfterValue, b',') => State::Key,
            (State::Key, b'"') => {
                let key = self.value(PhantomData)?;
                return Ok(key.map(|key| {
                    self.key = key;
                    State::Colon
                }));
            }
            (State::Colon, b':') => State::Value,
            (State::Value, b'{') if on_path && !innermost => {
                self.depth += 1;
                State::Key
            }
            (State::Value, b'[') if on_path && innermost => {
                self.fields.list = true;
                match self.fields.result_type.as_str() {
                    "" | "vector" => State::FirstElement,
                    // The list itself is the element.
                    SCALAR => return Ok(Some(State::Element)),
                    other => return Err(StreamError::NoVector(other.to_owned())),
                }
            }
            (State::Value, _) => return self.field(),
            (State::AfterValue, b'}') if self.depth > 0 => {
                self.depth -= 1;
                State::AfterValue
            }
            (State::AfterValue, b'}') => State::End,
            (State::FirstElement | State::AfterElement, b']') => State::AfterValue,
            (State::AfterElement, b',') => State::Element,
            (state, _) => return Err(self.malformed(&format!("expected {}", state.expected()))),
        };
        self.position += 1;
        Ok(Some(next))
    }

    /// Reads a field beside the list.
    fn field(&mut self) -> Result<Option<State>, StreamError> {
        let field: fn(&mut Fields) -> &mut String = match self.key.as_str() {
            "status" => |fields| &mut fields.status,
            "errorType" => |fields| &mut fields.error_type,
            "error" => |fields| &mut fields.error,
            "resultType" => |fields| &mut fields.result_type,
            "warnings" if self.depth == 0 => {
                let warnings = self.value(Warnings)?;
                return Ok(warnings.map(|warnings| {
                    self.fields.warnings = warnings;
                    State::AfterValue
                }));
            }
            _ => {
                let ignored = self.value(PhantomData::<IgnoredAny>)?;
                return Ok(ignored.map(|_| State::AfterValue));
            }
        };
        let text = self.value(PhantomData::<String>)?;
        Ok(text.map(|text| {
            *field(&mut self.fields) = text;
            State::AfterValue
        }))
    }

    /// Reads a value; none if it isn't complete.
    fn value<S, T>(&mut self, seed: S) -> Result<Option<T>, StreamError>
    where
        S: for<'de> DeserializeSeed<'de, Value = T>,
    {
        let rest = self.buffer.get(self.position..).unwrap_or_default();
        let mut json = Deserializer::from_slice(rest);
        let value = seed.deserialize(&mut json);
        let length = json.into_iter::<IgnoredAny>().byte_offset();
        // A number may go on in the next piece.
        let open = length == rest.len()
            && !rest.ends_with(b"\"")
            && !rest.ends_with(b"}")
            && !rest.ends_with(b"]");
        match value {
            Ok(value) if !open || self.ended => {
                self.position += length;
                self.attempt_at = 0;
                Ok(Some(value))
            }
            // serde_json says of a number that it skips that it is invalid where it only isn't complete.
            Err(error) if !(error.is_eof() || length == rest.len()) || self.ended => {
                let text = error.to_string();
                let reason = text.split(" at line ").next().unwrap_or(&text);
                // Where the value begins: how far it was read depends on the pieces.
                Err(self.malformed(reason))
            }
            _ => {
                self.attempt_at = 2 * rest.len();
                too_long("one value", rest.len() as u64, MAX_VALUE)?;
                Ok(None)
            }
        }
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.buffer.get(self.position)?;
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Some(byte);
            }
            self.position += 1;
        }
    }

    fn malformed(&self, reason: &str) -> StreamError {
        StreamError::Malformed {
            at: self.before + self.position as u64,
            // It may quote the answer.
            reason: cut(reason, 200).into_owned(),
        }
    }
}

fn too_long(what: &'static str, bytes: u64, limit: u64) -> Result<(), StreamError> {
    if bytes > limit {
        return Err(StreamError::TooLong { what, limit });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
