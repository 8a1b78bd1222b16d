//! What stands behind a part of an expression: ranges, and modifiers of the time that is asked about
//! (`promql/parser/parse.go`, `addOffset`, `getAtModifierVars`, `setAnchored`).

use std::fmt;

use super::Unreadable;
use super::literals::is_number;
use super::parse::Parser;
use super::tokens::Token;
use super::tree::Expression;
use super::validity::Invalid;
use crate::duration::duration_millis;

/// Go's whole numbers end here, nearly (`setTimestamp`).
const LATEST: f64 = 9.2e18;

/// What changes the time that a selector or a subquery asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modifier {
    Offset,
    At,
    Anchored,
    Smoothed,
}

impl fmt::Display for Modifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offset => "offset",
            Self::At => "@",
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        })
    }
}

impl Modifier {
    /// Whether it moves the time, so that it can't stand before a range.
    fn moves(self) -> bool {
        matches!(self, Self::Offset | Self::At)
    }

    /// Why Prometheus refuses it behind an expression that has these already.
    fn refused(self, of: &Expression, before: &[Self]) -> Option<Invalid> {
        let is_taken = match of {
            Expression::Selector(_) | Expression::Range(..) => true,
            Expression::Subquery(_) => self.moves(),
            _ => false,
        };
        let has = |modifier| before.contains(&modifier);
        match self {
            _ if !is_taken => Some(Invalid::Modifier(self)),
            Self::Offset | Self::At => has(self).then_some(Invalid::Twice(self)),
            Self::Anchored => has(Self::Smoothed).then_some(Invalid::AnchoredAndSmoothed),
            Self::Smoothed => has(Self::Anchored).then_some(Invalid::AnchoredAndSmoothed),
        }
    }
}

impl Parser {
    /// An expression, which may stand in parentheses, with what stands behind it.
    pub(super) fn modified(
        &mut self,
        mut expression: Expression,
        mut in_parentheses: bool,
    ) -> Result<Expression, Unreadable> {
        let mut before: Vec<Modifier> = Vec::new();
        loop {
            if self.take("[") {
                self.count()?;
                expression = self.range(expression)?;
                let moves = before.iter().copied().find(|modifier| modifier.moves());
                match (&expression, moves) {
                    (Expression::Subquery(_), _) => before.clear(),
                    _ if in_parentheses => self.refuse(Invalid::Range),
                    (_, Some(modifier)) => self.refuse(Invalid::BeforeRange(modifier)),
                    (_, None) => {}
                }
                in_parentheses = false;
                continue;
            }
            let Some((modifier, is_set)) = self.modifier()? else {
                return Ok(expression);
            };
            let refused = match in_parentheses {
                true => Some(Invalid::Modifier(modifier)),
                false => modifier.refused(&expression, &before),
            };
            if let Some(refused) = refused {
                self.refuse(refused);
            }
            if is_set {
                before.push(modifier);
            }
        }
    }

    /// The modifier that comes next, and whether it says something: an offset of zero doesn't, and another may follow.
    fn modifier(&mut self) -> Result<Option<(Modifier, bool)>, Unreadable> {
        if self.take("@") {
            self.time()?;
            return Ok(Some((Modifier::At, true)));
        }
        let keyword = self.take_keyword(&["offset", "anchored", "smoothed"]);
        Ok(match keyword.as_deref() {
            Some("offset") => Some((Modifier::Offset, self.operand()? != Some(0.0))),
            Some("anchored") => Some((Modifier::Anchored, true)),
            Some(_) => Some((Modifier::Smoothed, true)),
            None => None,
        })
    }

    /// What stands behind `@`: seconds, `start()` or `end()`.
    fn time(&mut self) -> Result<(), Unreadable> {
        let is_signed = self.take("-") || self.take("+");
        if self.is("(") {
            self.refuse(Invalid::Time("(".to_owned()));
            return self.skip_parentheses();
        }
        let Token::Word(word) = self.peek().clone() else {
            return Err(self.unexpected("a time"));
        };
        self.next += 1;
        if is_number(&word) {
            let seconds = self.literal(&word);
            if seconds.is_some_and(|seconds| seconds.is_nan() || seconds > LATEST) {
                self.refuse(Invalid::Time(word));
            }
            return Ok(());
        }
        let is_bound = matches!(word.to_ascii_lowercase().as_str(), "start" | "end");
        let is_call = self.is("(");
        if is_signed || !is_bound || !is_call || !matches!(self.ahead(1), Token::Sign(")")) {
            self.refuse(Invalid::Time(word));
        }
        match is_call {
            true => self.skip_parentheses(),
            false => Ok(()),
        }
    }

    /// What stands in brackets.
    fn range(&mut self, of: Expression) -> Result<Expression, Unreadable> {
        let millis = match (self.peek(), self.ahead(1)) {
            (Token::Word(word), Token::Sign("]")) => duration_millis(word),
            _ => None,
        };
        self.positive_duration()?;
        let is_subquery = self.take(":");
        if is_subquery && !self.is("]") {
            self.positive_duration()?;
        }
        self.expect("]", "`]`")?;
        let of = Box::new(of);
        Ok(match is_subquery {
            true => Expression::Subquery(of),
            false => Expression::Range(of, millis),
        })
    }

    fn positive_duration(&mut self) -> Result<(), Unreadable> {
        let seconds = self.duration()?;
        if seconds.is_some_and(|seconds| seconds <= 0.0) {
            self.refuse(Invalid::NotPositive);
        }
        Ok(())
    }
}
