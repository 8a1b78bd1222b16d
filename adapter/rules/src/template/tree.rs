//! The parsed form of a template (`text/template/parse/node.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions::Function;
use super::literal::Number;

/// A template and those that it defines.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Node>,
    pub(super) defined: BTreeMap<Arc<str>, Vec<Node>>,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipe),
    If(Branch),
    With(Branch),
    Range(Branch),
    Break,
    Continue,
    Template(Call),
}

/// `template "name" value`, and what is left of a `block` once its list is defined.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) at: usize,
    pub(super) name: Arc<str>,
    pub(super) pipe: Option<Pipe>,
}

/// `if`, `with` or `range`.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
}

/// `$a, $b := command | command`
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) at: usize,
    pub(super) variables: Vec<String>,
    /// Whether the variables are there already.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A function or a value, and arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) first: Operand,
    pub(super) arguments: Vec<Operand>,
}

#[derive(Debug)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) term: Term,
}

#[derive(Debug)]
pub(super) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    Text(Arc<str>),
    /// `.a.b`
    Field(Vec<String>),
    /// `$v.a.b`
    Variable(String, Vec<String>),
    Function(Function),
    /// `(…)`
    Pipe(Box<Pipe>),
    /// `(…).a.b`
    Chain(Box<Operand>, Vec<String>),
}
