//! The tokens of a template (`text/template/parse/lex.go`), with the delimiters `<<` and `>>`.

use super::error::{Fault, Outcome, Problem};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    /// Where it begins, in bytes.
    pub(super) at: usize,
    pub(super) text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text outside of actions.
    Text,
    /// `<<`
    Open,
    /// `>>`
    Close,
    Space,
    /// `=`
    Assign,
    /// `:=`
    Declare,
    Pipe,
    LeftParenthesis,
    RightParenthesis,
    /// Another character, such as a comma.
    Char,
    TextLiteral,
    CharLiteral,
    Number,
    Bool,
    /// `.name`
    Field,
    /// `$name`
    Variable,
    /// The name of a function.
    Identifier,
    Dot,
    Nil,
    /// `if`, `range` and so on.
    Keyword,
    End,
}

const OPEN: &str = "<<";
const CLOSE: &str = ">>";
const KEYWORDS: [&str; 10] = [
    "block", "break", "continue", "define", "else", "end", "if", "range", "template", "with",
];

/// All tokens; the last is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Outcome<Vec<Token<'_>>> {
    let mut lexer = Lexer {
        input: text,
        at: 0,
        tokens: Vec::new(),
    };
    while let Some(found) = lexer.rest().find(OPEN) {
        let open = lexer.at + found;
        let after = open + OPEN.len();
        let trims = has_left_trim_marker(&text[after..]);
        let before = &text[lexer.at..open];
        let kept = if trims {
            before.trim_end_matches(SPACE)
        } else {
            before
        };
        if !kept.is_empty() {
            lexer.push(Kind::Text, lexer.at, kept);
        }
        let inner = after + if trims { 2 } else { 0 };
        if text[inner..].starts_with("/*") {
            lexer.comment(open, inner)?;
        } else {
            lexer.push(Kind::Open, open, &text[open..after]);
            lexer.at = inner;
            lexer.action(open)?;
        }
    }
    if !lexer.rest().is_empty() {
        lexer.push(Kind::Text, lexer.at, lexer.rest());
    }
    lexer.push(Kind::End, text.len(), "");
    Ok(lexer.tokens)
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

struct Lexer<'a> {
    input: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.input[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn push(&mut self, kind: Kind, at: usize, text: &'a str) {
        self.tokens.push(Token { kind, at, text });
    }

    /// Whether the action ends here; with a trim marker, its length.
    fn close(&self) -> Option<usize> {
        let rest = self.rest();
        if rest.starts_with(CLOSE) {
            return Some(0);
        }
        let trims = has_right_trim_marker(rest) && rest[2..].starts_with(CLOSE);
        trims.then_some(2)
    }

    /// Passes `>>`, and the space behind it where a trim marker stands before it.
    fn pass_close(&mut self, marker: usize) {
        self.at += marker + CLOSE.len();
        if marker > 0 {
            self.at += self.rest().len() - self.rest().trim_start_matches(SPACE).len();
        }
    }

    fn comment(&mut self, open: usize, inner: usize) -> Outcome<()> {
        let unclosed = || fault(open, Problem::UnclosedComment);
        let end = self.input[inner..].find("*/").ok_or_else(unclosed)?;
        self.at = inner + end + 2;
        let marker = self.close().ok_or_else(unclosed)?;
        self.pass_close(marker);
        Ok(())
    }

    fn action(&mut self, open: usize) -> Outcome<()> {
        let mut parentheses = Vec::new();
        loop {
            let at = self.at;
            if let Some(marker) = self.close() {
                if let Some(unclosed) = parentheses.pop() {
                    return Err(fault(unclosed, Problem::UnclosedParenthesis));
                }
                self.push(Kind::Close, at, CLOSE);
                self.pass_close(marker);
                return Ok(());
            }
            let Some(c) = self.peek() else {
                return Err(fault(open, Problem::UnclosedAction));
            };
            let kind = self.token(c)?;
            match kind {
                Kind::LeftParenthesis => parentheses.push(at),
                Kind::RightParenthesis if parentheses.pop().is_none() => {
                    return Err(fault(at, Problem::StrayParenthesis));
                }
                _ => {}
            }
            self.push(kind, at, &self.input[at..self.at]);
        }
    }

    /// Passes the token that begins with `c`.
    fn token(&mut self, c: char) -> Outcome<Kind> {
        let at = self.at;
        let one = |lexer: &mut Self, kind| {
            lexer.at += c.len_utf8();
            Ok(kind)
        };
        match c {
            ' ' | '\t' | '\r' | '\n' => {
                // A space before `-` is part of the trim marker.
                while self.peek().is_some_and(is_space) && self.close().is_none() {
                    self.at += 1;
                }
                Ok(Kind::Space)
            }
            '=' => one(self, Kind::Assign),
            ':' if self.rest().starts_with(":=") => {
                self.at += 2;
                Ok(Kind::Declare)
            }
            ':' => Err(fault(at, Problem::Character(':'))),
            '|' => one(self, Kind::Pipe),
            '(' => one(self, Kind::LeftParenthesis),
            ')' => one(self, Kind::RightParenthesis),
            '"' => self.quoted('"', "a string").map(|()| Kind::TextLiteral),
            '\'' => self.quoted('\'', "a character").map(|()| Kind::CharLiteral),
            '`' => self.raw().map(|()| Kind::TextLiteral),
            '$' => self.name(Kind::Variable, Kind::Variable),
            '.' if !self.input[at + 1..].starts_with(|c: char| c.is_ascii_digit()) => {
                self.name(Kind::Field, Kind::Dot)
            }
            '.' | '+' | '-' | '0'..='9' => self.number().map(|()| Kind::Number),
            c if is_alphanumeric(c) => self.word(),
            c if c.is_ascii_graphic() => one(self, Kind::Char),
            c => Err(fault(at, Problem::Character(c))),
        }
    }

    /// `.name` or `$name`; `alone` is what the sign is without a name.
    fn name(&mut self, kind: Kind, alone: Kind) -> Outcome<Kind> {
        self.at += 1;
        let name_at = self.at;
        self.pass(is_alphanumeric);
        self.terminated()?;
        Ok(if self.at == name_at { alone } else { kind })
    }

    fn word(&mut self) -> Outcome<Kind> {
        let at = self.at;
        self.pass(is_alphanumeric);
        self.terminated()?;
        Ok(match &self.input[at..self.at] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        })
    }

    /// A name must be followed by what can't be part of one.
    fn terminated(&self) -> Outcome<()> {
        match self.peek() {
            Some(c) if !is_space(c) && !".,|:()".contains(c) && !self.rest().starts_with(CLOSE) => {
                Err(fault(self.at, Problem::Character(c)))
            }
            _ => Ok(()),
        }
    }

    fn quoted(&mut self, quote: char, what: &'static str) -> Outcome<()> {
        let at = self.at;
        let unclosed = || fault(at, Problem::UnclosedLiteral(what));
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((_, c)) = chars.next() {
            match c {
                '\\' => {
                    let escaped = chars.next().filter(|(_, c)| *c != '\n');
                    escaped.ok_or_else(unclosed)?;
                }
                '\n' => return Err(unclosed()),
                c if c == quote => {
                    self.at += chars.next().map_or(self.rest().len(), |(next, _)| next);
                    return Ok(());
                }
                _ => {}
            }
        }
        Err(unclosed())
    }

    fn raw(&mut self) -> Outcome<()> {
        let end = self.rest()[1..].find('`');
        let end = end.ok_or_else(|| fault(self.at, Problem::UnclosedLiteral("a raw string")))?;
        self.at += end + 2;
        Ok(())
    }

    fn number(&mut self) -> Outcome<()> {
        let at = self.at;
        self.scan_number();
        if self.rest().starts_with(['+', '-']) {
            self.scan_number();
            let number = self.input[at..self.at].to_owned();
            return Err(fault(at, Problem::Complex(number)));
        }
        if let Some(c) = self.peek().filter(|&c| is_alphanumeric(c)) {
            return Err(fault(self.at, Problem::Character(c)));
        }
        Ok(())
    }

    fn scan_number(&mut self) {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            for (prefix, of_base) in [
                ("xX", "0123456789abcdefABCDEF_"),
                ("oO", "01234567_"),
                ("bB", "01_"),
            ] {
                if self.accept(prefix) {
                    digits = of_base;
                    break;
                }
            }
        }
        self.pass(|c| digits.contains(c));
        if self.accept(".") {
            self.pass(|c| digits.contains(c));
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            self.pass(|c| c.is_ascii_digit() || c == '_');
        }
        self.accept("i");
    }

    fn accept(&mut self, one_of: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| one_of.contains(c));
        self.at += usize::from(accepted);
        accepted
    }

    fn pass(&mut self, of: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !of(c)).unwrap_or(rest.len());
    }
}

fn fault(at: usize, problem: Problem) -> Fault {
    Fault { at, problem }
}

fn is_space(c: char) -> bool {
    SPACE.contains(&c)
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn has_left_trim_marker(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(SPACE))
}

fn has_right_trim_marker(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_space) && chars.next() == Some('-')
}
