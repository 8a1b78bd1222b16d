//! From words and signs to an expression (`promql/parser/generated_parser.y`).

use super::Unreadable;
use super::tokens::{Placed, Token, tokens};
use super::tree::{Binary, Expression, Grouping, Many, Selector};
use super::validity::Invalid;

/// Far deeper than anybody writes, and far from the end of the stack.
const MAX_DEPTH: usize = 60;
/// Operators and brackets behind one another; each makes the tree a level deeper.
const MAX_OPERATORS: usize = 1000;

/// Binary operators by how strongly they bind.
const OPERATORS: [&[&str]; 6] = [
    &["or"],
    &["and", "unless"],
    &["==", "!=", "<=", ">=", "<", ">"],
    &["+", "-"],
    &["*", "/", "%", "atan2"],
    &["^"],
];

impl Expression {
    /// Reads a query.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut parser = Parser::new(text)?;
        let expression = parser.binary(0)?;
        parser.end()?;
        Ok(match parser.refused {
            Some(refused) => Self::Refused(Box::new(expression), refused),
            None => expression,
        })
    }
}

impl Selector {
    /// Reads a selector of series.
    pub(crate) fn parse(text: &str) -> Result<Self, Unreadable> {
        let mut parser = Parser::new(text)?;
        let name = match parser.peek() {
            Token::Word(_) => Some(parser.name()?),
            _ => None,
        };
        let selector = parser.selector(name)?;
        parser.end()?;
        Ok(selector)
    }
}

pub(super) struct Parser {
    tokens: Vec<Placed>,
    pub(super) next: usize,
    depth: usize,
    operators: usize,
    /// Why Prometheus refuses what can be read: the first reason.
    refused: Option<Invalid>,
}

impl Parser {
    fn new(text: &str) -> Result<Self, Unreadable> {
        Ok(Self {
            tokens: tokens(text)?,
            next: 0,
            depth: 0,
            operators: 0,
            refused: None,
        })
    }

    pub(super) fn peek(&self) -> &Token {
        self.ahead(0)
    }

    /// The last token stands for all that would follow it.
    pub(super) fn ahead(&self, count: usize) -> &Token {
        let found = self.tokens.get(self.next + count);
        found.map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    pub(super) fn unexpected(&self, expected: &'static str) -> Unreadable {
        let at = self.tokens.get(self.next).or(self.tokens.last());
        Unreadable::Unexpected {
            at: at.map_or(1, |(_, at)| *at),
            expected,
            found: self.peek().shown(),
        }
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    pub(super) fn take(&mut self, sign: &str) -> bool {
        let is_there = self.is(sign);
        self.next += usize::from(is_there);
        is_there
    }

    pub(super) fn expect(
        &mut self,
        sign: &'static str,
        expected: &'static str,
    ) -> Result<(), Unreadable> {
        if self.take(sign) {
            return Ok(());
        }
        Err(self.unexpected(expected))
    }

    /// The word that comes next, in lower case, as keywords are compared.
    pub(super) fn keyword(&self) -> Option<String> {
        match self.peek() {
            Token::Word(word) => Some(word.to_ascii_lowercase()),
            _ => None,
        }
    }

    pub(super) fn take_keyword(&mut self, keywords: &[&str]) -> Option<String> {
        let found = self.keyword();
        let found = found.filter(|word| keywords.contains(&word.as_str()))?;
        self.next += 1;
        Some(found)
    }

    fn end(&self) -> Result<(), Unreadable> {
        match self.peek() {
            Token::End => Ok(()),
            _ => Err(self.unexpected("an operator or the end")),
        }
    }

    pub(super) fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Unreadable>,
    ) -> Result<T, Unreadable> {
        if self.depth == MAX_DEPTH {
            return Err(Unreadable::Deep(MAX_DEPTH));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Notes why Prometheus refuses what is read; reading goes on.
    pub(super) fn refuse(&mut self, invalid: Invalid) {
        self.refused.get_or_insert(invalid);
    }

    pub(super) fn count(&mut self) -> Result<(), Unreadable> {
        self.operators += 1;
        match self.operators > MAX_OPERATORS {
            true => Err(Unreadable::Long(MAX_OPERATORS)),
            false => Ok(()),
        }
    }

    /// What operators of at least this strength connect.
    pub(super) fn binary(&mut self, least: usize) -> Result<Expression, Unreadable> {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator(least) {
            self.count()?;
            let (matching, many) = self.matching()?;
            // `^` binds to the right.
            let of_right = strength + usize::from(operator != "^");
            let right = self.deeper(|parser| parser.binary(of_right))?;
            left = Expression::Binary(Box::new(Binary {
                operator,
                matching,
                many,
                left,
                right,
            }));
        }
        Ok(left)
    }

    /// The operator that comes next, and how strongly it binds.
    fn operator(&mut self, least: usize) -> Option<(String, usize)> {
        let found = match self.peek() {
            Token::Sign(sign) => (*sign).to_owned(),
            Token::Word(word) => word.to_ascii_lowercase(),
            _ => return None,
        };
        let mut strengths = OPERATORS.iter();
        let strength = strengths.position(|of_strength| of_strength.contains(&found.as_str()))?;
        if strength < least {
            return None;
        }
        self.next += 1;
        Some((found, strength))
    }

    /// `bool on (a) group_left (b)`
    fn matching(&mut self) -> Result<(Grouping, Option<Many>), Unreadable> {
        self.take_keyword(&["bool"]);
        let matching = match self.take_keyword(&["on", "ignoring"]).as_deref() {
            Some("on") => Grouping::By(self.labels()?),
            Some(_) => Grouping::Without(self.labels()?),
            None => Grouping::None,
        };
        let many = match self.take_keyword(&["group_left", "group_right"]) {
            Some(side) => {
                let labels = match self.is("(") {
                    true => self.labels()?,
                    false => Vec::new(),
                };
                let is_left = side == "group_left";
                Some(Many { is_left, labels })
            }
            None => None,
        };
        while self
            .take_keyword(&["fill", "fill_left", "fill_right"])
            .is_some()
        {
            self.skip_parentheses()?;
        }
        Ok((matching, many))
    }

    fn unary(&mut self) -> Result<Expression, Unreadable> {
        if self.take("-") || self.take("+") {
            // Weaker than `^`, and stronger than all others.
            let inner = self.deeper(|parser| parser.binary(OPERATORS.len() - 1))?;
            return Ok(Expression::Unary(Box::new(inner)));
        }
        let in_parentheses = self.is("(");
        let primary = self.primary()?;
        self.modified(primary, in_parentheses)
    }

    pub(super) fn skip_parentheses(&mut self) -> Result<(), Unreadable> {
        self.expect("(", "`(`")?;
        let mut open = 1_usize;
        while open > 0 {
            match self.peek() {
                Token::End => return Err(self.unexpected("`)`")),
                Token::Sign("(") => open += 1,
                Token::Sign(")") => open -= 1,
                _ => {}
            }
            self.next += 1;
        }
        Ok(())
    }
}
