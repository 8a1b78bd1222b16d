//! What stands between operators: numbers, strings, selectors, calls and aggregations.

use super::Unreadable;
use super::literals::is_number;
use super::parse::Parser;
use super::tokens::Token;
use super::tree::{Aggregate, Call, Expression, Grouping, Matcher, Selector};

const AGGREGATIONS: [&str; 14] = [
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
];

impl Parser {
    pub(super) fn primary(&mut self) -> Result<Expression, Unreadable> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.next += 1;
                Ok(Expression::Text(text))
            }
            Token::Sign("(") => {
                self.next += 1;
                let inner = self.deeper(|parser| parser.binary(0))?;
                self.expect(")", "an operator or `)`")?;
                Ok(inner)
            }
            Token::Sign("{") => self.selector(None).map(Expression::Selector),
            Token::Word(word) if is_number(&word) => {
                self.next += 1;
                self.literal(&word);
                Ok(Expression::Number)
            }
            Token::Word(_) => self.named(),
            _ => Err(self.unexpected("an expression")),
        }
    }

    /// A selector, a call or an aggregation.
    fn named(&mut self) -> Result<Expression, Unreadable> {
        let name = self.name()?;
        let lower = name.to_ascii_lowercase();
        let is_aggregation = AGGREGATIONS.contains(&lower.as_str());
        let grouped = matches!(self.keyword().as_deref(), Some("by" | "without"));
        if is_aggregation && (grouped || self.is("(")) {
            let before = self.grouping()?;
            let arguments = self.arguments()?;
            let grouping = match before {
                Grouping::None => self.grouping()?,
                before => before,
            };
            return Ok(Expression::Aggregate(Aggregate {
                name: lower,
                grouping,
                arguments,
            }));
        }
        if self.is("(") {
            let arguments = self.arguments()?;
            let name = lower;
            return Ok(Expression::Call(Call { name, arguments }));
        }
        self.selector(Some(name)).map(Expression::Selector)
    }

    /// A name with colons.
    pub(super) fn name(&mut self) -> Result<String, Unreadable> {
        let mut name = String::new();
        loop {
            match self.peek() {
                Token::Word(word) => name.push_str(word),
                Token::Sign(":") => name.push(':'),
                _ if name.is_empty() => return Err(self.unexpected("a name")),
                _ => return Ok(name),
            }
            // Words beside one another are apart, as `a by`.
            let is_word = matches!(self.peek(), Token::Word(_));
            self.next += 1;
            if is_word && matches!(self.peek(), Token::Word(_)) {
                return Ok(name);
            }
        }
    }

    fn grouping(&mut self) -> Result<Grouping, Unreadable> {
        Ok(match self.take_keyword(&["by", "without"]).as_deref() {
            Some("by") => Grouping::By(self.labels()?),
            Some(_) => Grouping::Without(self.labels()?),
            None => Grouping::None,
        })
    }

    /// `(a, "b", c)`
    pub(super) fn labels(&mut self) -> Result<Vec<String>, Unreadable> {
        self.expect("(", "`(` and labels")?;
        let mut labels = Vec::new();
        while !self.take(")") {
            match self.advance() {
                Token::Word(label) | Token::Text(label) => labels.push(label),
                _ => {
                    self.next -= 1;
                    return Err(self.unexpected("a label or `)`"));
                }
            }
            if !self.take(",") && !self.is(")") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(labels)
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, Unreadable> {
        self.expect("(", "`(`")?;
        let mut arguments = Vec::new();
        while !self.take(")") {
            arguments.push(self.deeper(|parser| parser.binary(0))?);
            if !self.take(",") && !self.is(")") {
                return Err(self.unexpected("an operator, `,` or `)`"));
            }
        }
        Ok(arguments)
    }

    /// Matchers in braces, which may be left out after a name.
    pub(super) fn selector(&mut self, name: Option<String>) -> Result<Selector, Unreadable> {
        let mut selector = Selector {
            has_bare_name: name.is_some(),
            name,
            matchers: Vec::new(),
        };
        if selector.name.is_some() && !self.is("{") {
            return Ok(selector);
        }
        self.expect("{", "a name or `{`")?;
        while !self.take("}") {
            if self.take_keyword(&["or"]).is_none() {
                self.matcher(&mut selector)?;
            }
            let goes_on = self.take(",") || self.is("}") || self.keyword().as_deref() == Some("or");
            if !goes_on {
                return Err(self.unexpected("`,` or `}`"));
            }
        }
        Ok(selector)
    }

    fn matcher(&mut self, selector: &mut Selector) -> Result<(), Unreadable> {
        let (label, is_bare) = match self.peek().clone() {
            Token::Text(name) if matches!(self.ahead(1), Token::Sign("," | "}")) => {
                self.next += 1;
                selector.name = Some(name);
                selector.has_bare_name = false;
                return Ok(());
            }
            Token::Word(label) => (label, true),
            Token::Text(label) => (label, false),
            _ => return Err(self.unexpected("a label or `}`")),
        };
        self.next += 1;
        let operator = match self.peek() {
            Token::Sign(operator @ ("=" | "!=" | "=~" | "!~")) => *operator,
            _ => return Err(self.unexpected("=, !=, =~ or !~")),
        };
        self.next += 1;
        let Token::Text(value) = self.peek().clone() else {
            return Err(self.unexpected("a string"));
        };
        self.next += 1;
        selector.matchers.push(Matcher {
            label,
            is_bare,
            operator,
            value,
        });
        Ok(())
    }
}
