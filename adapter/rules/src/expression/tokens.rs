//! The words and signs of PromQL (`promql/parser/lex.go`).

use super::Unreadable;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a keyword, a number or a duration: letters, digits, `_`, `:` and `.`.
    Word(String),
    /// What a string stands for.
    Text(String),
    Sign(&'static str),
    End,
}

impl Token {
    /// As an error shows it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::Text(text) => format!("{text:?}"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::End => "the end".to_owned(),
        }
    }
}

/// A token and the character where it begins, from 1.
pub(super) type Placed = (Token, usize);

/// The longer ones first.
const SIGNS: [&str; 24] = [
    "=~", "!~", "!=", "==", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^", "(", ")", "{",
    "}", "[", "]", ",", ":", "@",
];

pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, Unreadable> {
    let mut reader = Reader {
        rest: text,
        at: 1,
        found: Vec::new(),
    };
    while reader.step()? {}
    reader.found.push((Token::End, reader.at));
    Ok(reader.found)
}

struct Reader<'a> {
    rest: &'a str,
    at: usize,
    found: Vec<Placed>,
}

impl<'a> Reader<'a> {
    /// Takes so many bytes of the rest.
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.at += taken.chars().count();
        taken
    }

    fn step(&mut self) -> Result<bool, Unreadable> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(false);
        };
        let at = self.at;
        let until = |end: &dyn Fn(char) -> bool| self.rest.find(end).unwrap_or(self.rest.len());
        if first.is_whitespace() {
            self.take(until(&|c| !c.is_whitespace()));
        } else if first == '#' {
            self.take(until(&|c| c == '\n'));
        } else if is_of_word(first) {
            let word = self.word();
            self.found.push((Token::Word(word), at));
        } else if matches!(first, '"' | '\'' | '`') {
            let text = self.text(first)?;
            self.found.push((Token::Text(text), at));
        } else {
            let sign = SIGNS.into_iter().find(|sign| self.rest.starts_with(sign));
            let sign = sign.ok_or(Unreadable::Character { at, found: first })?;
            self.take(sign.len());
            self.found.push((Token::Sign(sign), at));
        }
        Ok(true)
    }

    /// Numbers such as `1e-3` hold a sign.
    fn word(&mut self) -> String {
        let end = |text: &str| text.find(|c| !is_of_word(c)).unwrap_or(text.len());
        let mut word = self.take(end(self.rest)).to_owned();
        let is_number = word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        let signed = self.rest.strip_prefix(['+', '-']);
        let has_digits = signed.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        if is_number && word.ends_with(['e', 'E']) && !word.starts_with("0x") && has_digits {
            word.push_str(self.take(1));
            word.push_str(self.take(end(self.rest)));
        }
        word
    }

    fn text(&mut self, quote: char) -> Result<String, Unreadable> {
        let at = self.at;
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((index, c)) = chars.next() {
            if c == quote {
                self.take(index + 1);
                return Ok(text);
            }
            match c {
                '\\' if quote != '`' => {
                    let escaped = escape(&mut chars, quote).map_err(|found| match found {
                        Some(found) => Unreadable::Escape { at, found },
                        None => Unreadable::String { at },
                    });
                    text.push(escaped?);
                }
                c => text.push(c),
            }
        }
        Err(Unreadable::String { at })
    }
}

/// The character that stands behind a backslash (`strutil.Unquote`); else what stands there.
fn escape(
    chars: &mut impl Iterator<Item = (usize, char)>,
    quote: char,
) -> Result<char, Option<char>> {
    let (_, first) = chars.next().ok_or(None)?;
    let (digits, radix, begun) = match first {
        'a' => return Ok('\x07'),
        'b' => return Ok('\x08'),
        'f' => return Ok('\x0c'),
        'n' => return Ok('\n'),
        'r' => return Ok('\r'),
        't' => return Ok('\t'),
        'v' => return Ok('\x0b'),
        '\\' => return Ok('\\'),
        c if c == quote => return Ok(c),
        'x' => (2, 16, 0),
        'u' => (4, 16, 0),
        'U' => (8, 16, 0),
        c => (2, 8, c.to_digit(8).ok_or(Some(first))?),
    };
    let mut value = begun;
    for _ in 0..digits {
        let (_, c) = chars.next().ok_or(None)?;
        let digit = c.to_digit(radix).ok_or(Some(first))?;
        value = value.saturating_mul(radix).saturating_add(digit);
    }
    char::from_u32(value).ok_or(Some(first))
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}
