//! Reads the text of a query by promql-parser, within bounds that keep its recursion away from the end of the stack.
//!
//! Where the library refuses what Prometheus takes the text is changed before, and where it takes what the version that
//! is played refuses, that is refused here: `offset 0s`, `1_000`; quoted names and durations without a unit before v3.
//! Patterns of matchers are [`regexes`]'.

use std::panic::{AssertUnwindSafe, catch_unwind};

use promql_parser::parser::Expr;
use promql_parser::util::escape_string;

use super::regexes::{self, Literal};
use super::{Change, QueryError, Version};

/// Bytes of a query that is looked at.
const MAX_BYTES: usize = 256 * 1024;
/// Operators, parentheses and brackets of a query that is looked at; each may nest what follows one level deeper.
const MAX_OPERATORS: usize = 400;

/// How Prometheus' words for what is no PromQL begin.
pub(super) const PARSE_ERROR: &str = "parse error: ";

pub(super) fn parse(query: &str, version: Version) -> Result<Expr, QueryError> {
    if query.len() > MAX_BYTES {
        return Err(QueryError::Unsupported(format!(
            "a query of more than {MAX_BYTES} bytes"
        )));
    }
    let mut scanner = Scanner::default();
    scanner.scan(query);
    if scanner.operators > MAX_OPERATORS {
        return Err(QueryError::Unsupported(format!(
            "a query of more than {MAX_OPERATORS} operators and parentheses"
        )));
    }
    if query.trim().is_empty() {
        return Err(QueryError::Parse(
            "unknown position: parse error: no expression found in input".to_owned(),
        ));
    }
    let new = [
        (scanner.new_in_3, version.is_3()),
        (scanner.quoted_name, version.has(Change::QuotedNames)),
    ];
    if let Some(reason) = new.iter().find_map(|(new, known)| new.filter(|_| !known)) {
        return Err(refused(reason.to_owned()));
    }
    let text = scanner.text;
    match parsed(&text) {
        Err(error) if regexes::is_of_pattern(&error) => {
            let mut parsed = parsed(&regexes::replaced(&text, &scanner.patterns))?;
            regexes::put_back(&mut parsed, &text, &scanner.patterns)?;
            Ok(parsed)
        }
        parsed => parsed,
    }
}

fn refused(reason: String) -> QueryError {
    QueryError::Parse(format!("{PARSE_ERROR}{reason}"))
}

/// The library's own verdict.
fn parsed(text: &str) -> Result<Expr, QueryError> {
    // It panics on durations that no `Duration` can hold, such as `[1e99]`.
    let parsed = catch_unwind(AssertUnwindSafe(|| promql_parser::parser::parse(text)));
    let parsed = parsed.unwrap_or_else(|_| Err("duration out of range".to_owned()));
    parsed.map_err(refused)
}

/// Goes through a text once, word by word.
#[derive(Default)]
struct Scanner {
    /// The text as the library takes it.
    text: String,
    /// The patterns of matchers in it.
    patterns: Vec<Literal>,
    /// What can nest, outside of quotes, comments and matchers.
    operators: usize,
    /// Why a Prometheus before v3 refuses it.
    new_in_3: Option<&'static str>,
    /// Why one that doesn't know quoted names in selectors refuses it.
    quoted_name: Option<&'static str>,
    word: String,
    /// The word before, and the sign after it that isn't space.
    before: (String, Option<char>),
    braces: bool,
    brackets: bool,
    /// Within a list of labels.
    labels: bool,
}

impl Scanner {
    fn scan(&mut self, query: &str) {
        let mut chars = query.chars();
        while let Some(c) = chars.next() {
            if c.is_alphanumeric() || matches!(c, '_' | ':' | '.') {
                self.word.push(c);
                continue;
            }
            self.end_word();
            self.text.push(c);
            match c {
                '#' => {
                    for c in chars.by_ref() {
                        self.text.push(c);
                        if c == '\n' || c == '\r' {
                            break;
                        }
                    }
                }
                '"' | '\'' | '`' => self.quoted(&mut chars, c),
                _ => self.sign(c),
            }
        }
        self.end_word();
    }

    fn sign(&mut self, c: char) {
        const LISTS: [&str; 6] = [
            "by",
            "without",
            "on",
            "ignoring",
            "group_left",
            "group_right",
        ];
        match c {
            '{' => self.braces = true,
            '}' => self.braces = false,
            '[' => self.brackets = true,
            ']' | ':' => self.brackets = false,
            '(' => self.labels = LISTS.contains(&self.before.0.as_str()) && self.before.1.is_none(),
            ')' => self.labels = false,
            _ => {}
        }
        let nests = matches!(
            c,
            '(' | '[' | '+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '=' | '!'
        );
        self.operators += usize::from(nests && !self.braces);
        if !c.is_whitespace() {
            self.before.1 = Some(c);
        }
    }

    fn quoted(&mut self, chars: &mut std::str::Chars<'_>, quote: char) {
        const UNEXPECTED: &str = "unexpected string, expected label";
        if self.labels {
            self.new_in_3 = Some(UNEXPECTED);
        }
        if self.braces && matches!(self.before.1, Some('{' | ',')) {
            self.quoted_name = Some(UNEXPECTED);
        }
        let is_pattern = self.braces && self.before.1 == Some('~');
        let start = self.text.len() - quote.len_utf8();
        self.before.1 = Some(quote);
        if quote == '`' {
            self.raw(chars);
            let at = start..self.text.len();
            self.patterns.extend(is_pattern.then_some(Literal { at }));
            return;
        }
        while let Some(c) = chars.next() {
            self.text.push(c);
            if c == quote {
                let at = start..self.text.len();
                self.patterns.extend(is_pattern.then_some(Literal { at }));
                return;
            }
            if c == '\\' {
                self.text.extend(chars.next());
            }
        }
    }

    /// A string between backquotes, whose backslashes are themselves: the library reads them as escapes, so they are escaped for it.
    fn raw(&mut self, chars: &mut std::str::Chars<'_>) {
        let rest = chars.as_str();
        let Some((content, after)) = rest.split_once('`') else {
            self.text.push_str(rest);
            *chars = "".chars();
            return;
        };
        self.text.pop();
        self.text
            .push_str(&format!("\"{}\"", escape_string(content)));
        *chars = after.chars();
    }

    fn end_word(&mut self) {
        if self.word.is_empty() {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let lower = word.to_lowercase();
        self.operators += usize::from(matches!(lower.as_str(), "and" | "or" | "unless" | "atan2"));
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
        if self.brackets && is_number && digits.is_empty() {
            self.new_in_3 = Some("missing unit character in duration");
        }
        let is_zero = is_number && !word.contains(|c: char| ('1'..='9').contains(&c));
        if is_zero && self.before.0 == "offset" && matches!(self.before.1, None | Some('-' | '+')) {
            self.text.push('0');
            self.new_in_3 = Some("duration must be greater than 0");
        } else if is_number && !word.contains("__") && !word.ends_with('_') {
            self.text.extend(word.chars().filter(|c| *c != '_'));
            if word.contains('_') {
                self.new_in_3 = Some("bad number or duration syntax");
            }
        } else {
            self.text.push_str(&word);
        }
        self.before = (lower, None);
    }
}
