//! From the parsed text to what is evaluated: types are checked, functions looked up, selectors compiled, and what is
//! the same at all steps is marked (`checkAST` of `promql/parser/parse.go`, `preprocessExprHelper` of `promql/engine.go`).

use std::time::Duration;

use promql_parser::parser::token::T_ATAN2;
use promql_parser::parser::{
    AggregateExpr, AtModifier, BinaryExpr, Call, Expr, Offset, SubqueryExpr, VectorSelector,
};

use super::aggregate::{Aggregation, Grouping, Kind as AggregationKind};
use super::binary::{Binary, Operator};
use super::functions::{self, Function};
use super::matching::Matching;
use super::{Change, QueryError, Selector, Version};

/// How deep a query is evaluated; [`super::text`] bounds it before that.
const MAX_DEPTH: usize = 1000;

/// The type of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    Text,
    Vector,
    Matrix,
}

impl Type {
    /// As errors name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Text => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

/// What is evaluated.
#[derive(Debug)]
pub(super) enum Node {
    Number(f64),
    Text(String),
    Instant(Source),
    Range(Source, i64),
    Subquery(Box<Subquery>),
    /// The same at all steps: evaluated at the first.
    Once(Box<Self>),
    Negative(Box<Self>),
    Aggregate(Box<Aggregation>),
    Binary(Box<Binary>),
    Call(&'static Function, Vec<Self>),
}

impl Node {
    /// The expression itself, whether it is evaluated once or not.
    pub(super) fn unwrapped(&self) -> &Self {
        match self {
            Self::Once(node) => node,
            node => node,
        }
    }
}

/// Series, and when they are looked at.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) selector: Selector,
    pub(super) shift: Shift,
}

/// `offset` and `@`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    pub(super) offset: i64,
    pub(super) at: Option<i64>,
}

impl Shift {
    /// The time that is looked at, at the time of a step.
    pub(super) fn of(self, time: i64) -> i64 {
        self.at.unwrap_or(time).saturating_sub(self.offset)
    }
}

/// `[range:step]`.
#[derive(Debug)]
pub(super) struct Subquery {
    pub(super) node: Node,
    pub(super) shift: Shift,
    pub(super) range: i64,
    pub(super) step: Option<i64>,
}

/// A part of a plan.
pub(super) struct Part {
    pub(super) node: Node,
    pub(super) of: Type,
    /// The same at all steps.
    fixed: bool,
}

impl Part {
    /// The node, evaluated once where that is enough.
    pub(super) fn into_node(self) -> Node {
        match self.node {
            node @ (Node::Number(_) | Node::Text(_)) => node,
            node if self.fixed => Node::Once(Box::new(node)),
            node => node,
        }
    }
}

/// Makes plans.
pub(super) struct Planner<'a> {
    pub(super) version: Version,
    /// What `start()` and `end()` stand for.
    pub(super) bounds: (i64, i64),
    /// From the times in queries to those of the evaluation.
    pub(super) time: &'a dyn Fn(i64) -> i64,
}

fn refused<T>(reason: impl std::fmt::Display) -> Result<T, QueryError> {
    Err(QueryError::Parse(format!("parse error: {reason}")))
}

fn expect(part: &Part, wanted: Type, place: &str) -> Result<(), QueryError> {
    if part.of == wanted {
        return Ok(());
    }
    refused(format!(
        "expected type {} in {place}, got {}",
        wanted.name(),
        part.of.name()
    ))
}

impl Planner<'_> {
    pub(super) fn plan(&self, expr: &Expr, depth: usize) -> Result<Part, QueryError> {
        if depth > MAX_DEPTH {
            return Err(QueryError::Unsupported(format!(
                "more than {MAX_DEPTH} nested expressions"
            )));
        }
        let depth = depth + 1;
        let part = |node, of, fixed| Ok(Part { node, of, fixed });
        match expr {
            Expr::NumberLiteral(number) => part(Node::Number(number.val), Type::Scalar, true),
            Expr::StringLiteral(text) => part(Node::Text(text.val.clone()), Type::Text, true),
            Expr::Paren(paren) => self.plan(&paren.expr, depth),
            Expr::VectorSelector(selector) => {
                let source = self.source(selector)?;
                let fixed = source.shift.at.is_some();
                part(Node::Instant(source), Type::Vector, fixed)
            }
            Expr::MatrixSelector(selector) => {
                let source = self.source(&selector.vs)?;
                let fixed = source.shift.at.is_some();
                let range = positive(selector.range)?;
                part(Node::Range(source, range), Type::Matrix, fixed)
            }
            Expr::Subquery(subquery) => self.subquery(subquery, depth),
            Expr::Unary(unary) => {
                let of = self.plan(&unary.expr, depth)?;
                if !matches!(of.of, Type::Scalar | Type::Vector) {
                    return refused(format!(
                        "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
                        of.of.name()
                    ));
                }
                part(Node::Negative(Box::new(of.node)), of.of, of.fixed)
            }
            Expr::Call(call) => self.call(call, depth),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, depth),
            Expr::Binary(binary) => self.binary(binary, depth),
            Expr::Extension(_) => Err(QueryError::Unsupported("extensions".to_owned())),
        }
    }

    fn source(&self, selector: &VectorSelector) -> Result<Source, QueryError> {
        Ok(Source {
            selector: Selector::new(selector, self.version)?,
            shift: self.shift(selector.offset.as_ref(), selector.at.as_ref()),
        })
    }

    fn shift(&self, offset: Option<&Offset>, at: Option<&AtModifier>) -> Shift {
        let offset = match offset {
            None => 0,
            Some(Offset::Pos(offset)) => millis(*offset),
            Some(Offset::Neg(offset)) => -millis(*offset),
        };
        let at = at.map(|at| match at {
            AtModifier::Start => self.bounds.0,
            AtModifier::End => self.bounds.1,
            AtModifier::At(time) => (self.time)(match time.duration_since(std::time::UNIX_EPOCH) {
                Ok(after) => millis(after),
                Err(before) => -millis(before.duration()),
            }),
        });
        Shift { offset, at }
    }

    fn subquery(&self, subquery: &SubqueryExpr, depth: usize) -> Result<Part, QueryError> {
        let inner = self.plan(&subquery.expr, depth)?;
        if inner.of != Type::Vector {
            let got = match inner.of {
                Type::Matrix => "matrix",
                other => other.name(),
            };
            return refused(format!(
                "subquery is only allowed on instant vector, got {got} instead"
            ));
        }
        let shift = self.shift(subquery.offset.as_ref(), subquery.at.as_ref());
        let subquery = Subquery {
            node: inner.into_node(),
            shift,
            range: positive(subquery.range)?,
            step: subquery.step.map(positive).transpose()?,
        };
        Ok(Part {
            node: Node::Subquery(Box::new(subquery)),
            of: Type::Matrix,
            fixed: shift.at.is_some(),
        })
    }

    fn call(&self, call: &Call, depth: usize) -> Result<Part, QueryError> {
        let function = functions::find(call.func.name, self.version)?;
        let name = function.name;
        let (types, given) = (function.takes, call.args.args.len());
        let least = types.len() - function.optional.min(types.len());
        if function.optional == 0 && given != least {
            return refused(format!(
                "expected {least} argument(s) in call to {name:?}, got {given}"
            ));
        }
        if given < least {
            return refused(format!(
                "expected at least {least} argument(s) in call to {name:?}, got {given}"
            ));
        }
        if given > types.len() && !function.repeats {
            let most = types.len();
            return refused(format!(
                "expected at most {most} argument(s) in call to {name:?}, got {given}"
            ));
        }
        let mut parts = Vec::with_capacity(given);
        for (index, arg) in call.args.args.iter().enumerate() {
            let part = self.plan(arg, depth)?;
            if let Some(wanted) = types.get(index).or(types.last()) {
                expect(&part, *wanted, &format!("call to function {name:?}"))?;
            }
            parts.push(part);
        }
        let fixed = !function.tells_time && parts.iter().all(|part| part.fixed);
        let args = parts.into_iter().map(|part| match fixed {
            true => part.node,
            false => part.into_node(),
        });
        Ok(Part {
            node: Node::Call(function, args.collect()),
            of: function.gives,
            fixed,
        })
    }

    fn aggregate(&self, expr: &AggregateExpr, depth: usize) -> Result<Part, QueryError> {
        let kind = AggregationKind::of(expr.op)?;
        let of = self.plan(&expr.expr, depth)?;
        expect(&of, Type::Vector, "aggregation expression")?;
        let mut parameter = None;
        if let Some(param) = &expr.param {
            let part = self.plan(param, depth)?;
            let wanted = if kind == AggregationKind::CountValues {
                Type::Text
            } else {
                Type::Scalar
            };
            expect(&part, wanted, "aggregation parameter")?;
            parameter = Some(part.node);
        }
        Ok(Part {
            node: Node::Aggregate(Box::new(Aggregation {
                kind,
                grouping: Grouping::of(expr.modifier.as_ref()),
                parameter,
                node: of.node,
            })),
            of: Type::Vector,
            fixed: of.fixed,
        })
    }

    fn binary(&self, expr: &BinaryExpr, depth: usize) -> Result<Part, QueryError> {
        let (left, right) = (self.plan(&expr.lhs, depth)?, self.plan(&expr.rhs, depth)?);
        let as_number = expr.return_bool();
        if as_number && !expr.op.is_comparison_operator() {
            return refused("bool modifier can only be used on comparison operators");
        }
        let scalars = [&left, &right].map(|part| part.of == Type::Scalar);
        if expr.op.is_comparison_operator() && !as_number && scalars == [true, true] {
            return refused("comparisons between scalars must use BOOL modifier");
        }
        if [&left, &right]
            .iter()
            .any(|part| !matches!(part.of, Type::Scalar | Type::Vector))
        {
            return refused("binary expression must contain only scalar and instant vector types");
        }
        let matching = Matching::of(expr)?;
        if scalars.contains(&true) && matching.names_labels() {
            return refused("vector matching only allowed between instant vectors");
        }
        if expr.op.is_set_operator() && scalars.contains(&true) {
            return refused(format!(
                "set operator {:?} not allowed in binary scalar expression",
                expr.op.to_string()
            ));
        }
        let fixed = left.fixed && right.fixed;
        let of = if scalars == [true, true] {
            Type::Scalar
        } else {
            Type::Vector
        };
        let node_of = |part: Part| match fixed {
            true => part.node,
            false => part.into_node(),
        };
        Ok(Part {
            node: Node::Binary(Box::new(Binary {
                operator: Operator::of(expr.op)?,
                as_number,
                drops_name: as_number
                    || !(expr.op.is_comparison_operator()
                        || expr.op.is_set_operator()
                        || (expr.op.id() == T_ATAN2
                            && !self.version.has(Change::NameOfAtan2Dropped))),
                matching,
                scalars: (scalars[0], scalars[1]),
                left: node_of(left),
                right: node_of(right),
            })),
            of,
            fixed,
        })
    }
}

fn positive(duration: Duration) -> Result<i64, QueryError> {
    match millis(duration) {
        0 => refused("duration must be greater than 0"),
        millis => Ok(millis),
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
