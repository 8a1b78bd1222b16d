//! Arithmetic and comparisons with at least one scalar side.

use promql_parser::parser::{BinaryExpr, token};

use super::{Element, QueryError, Value, sorted};

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operator {
    token: token::TokenType,
    comparison: bool,
    /// `bool`: a comparison gives 0 or 1 instead of filtering.
    as_number: bool,
}

impl Operator {
    pub(super) fn of(expr: &BinaryExpr) -> Result<Self, QueryError> {
        let id = expr.op.id();
        let known = matches!(
            id,
            token::T_ADD
                | token::T_SUB
                | token::T_MUL
                | token::T_DIV
                | token::T_MOD
                | token::T_POW
                | token::T_ATAN2
        );
        let comparison = expr.op.is_comparison_operator();
        if !known && !comparison {
            return Err(QueryError::Unsupported(format!("the operator {}", expr.op)));
        }
        Ok(Self {
            token: expr.op,
            comparison,
            as_number: expr.modifier.as_ref().is_some_and(|m| m.return_bool),
        })
    }

    pub(super) fn apply(self, left: Value, right: Value) -> Result<Value, QueryError> {
        match (left, right) {
            (Value::Scalar(a), Value::Scalar(b)) => Ok(Value::Scalar(self.number(a, b))),
            (Value::Vector(elements), Value::Scalar(b)) => self.each(elements, |value| (value, b)),
            (Value::Scalar(a), Value::Vector(elements)) => self.each(elements, |value| (a, value)),
            (Value::Vector(_), Value::Vector(_)) => Err(QueryError::Unsupported(format!(
                "the operator {} between two vectors",
                self.token
            ))),
            _ => Err(QueryError::Parse(
                "parse error: binary expression must contain only scalar and instant vector types"
                    .to_owned(),
            )),
        }
    }

    fn each(
        self,
        elements: Vec<Element>,
        sides: impl Fn(f64) -> (f64, f64),
    ) -> Result<Value, QueryError> {
        let filters = self.comparison && !self.as_number;
        let results = elements.into_iter().filter_map(|element| {
            let (a, b) = sides(element.value);
            if filters {
                return (self.number(a, b) != 0.0).then_some(element);
            }
            Some(Element {
                labels: element.labels.without_name(),
                value: self.number(a, b),
            })
        });
        sorted(results.collect()).map(Value::Vector)
    }

    fn number(self, a: f64, b: f64) -> f64 {
        let truth = |holds: bool| f64::from(u8::from(holds));
        match self.token.id() {
            token::T_ADD => a + b,
            token::T_SUB => a - b,
            token::T_MUL => a * b,
            token::T_DIV => a / b,
            token::T_MOD => a % b,
            token::T_POW => a.powf(b),
            token::T_ATAN2 => a.atan2(b),
            token::T_EQLC => truth(a == b),
            token::T_NEQ => truth(a != b),
            token::T_GTR => truth(a > b),
            token::T_LSS => truth(a < b),
            token::T_GTE => truth(a >= b),
            token::T_LTE => truth(a <= b),
            _ => f64::NAN,
        }
    }
}
