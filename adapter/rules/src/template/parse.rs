//! From tokens to the tree (`text/template/parse/parse.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{Fault, Outcome, Problem};
use super::functions::Function;
use super::literal;
use super::tokens::{Kind, Token, tokens};
use super::tree::{Branch, Call, Command, Node, Operand, Pipe, Term, Tree};

/// How deep blocks and parentheses may be nested. Go's limit for parentheses is 10,000.
const MAX_DEPTH: usize = 100;

/// Parses a template.
pub(super) fn parse(text: &str) -> Outcome<Tree> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        variables: vec!["$"],
        ranges: 0,
        depth: 0,
        defined: BTreeMap::new(),
    };
    let mut nodes = Vec::new();
    loop {
        if parser.definition()? {
            continue;
        }
        match parser.item()? {
            Item::Node(node) => nodes.push(node),
            Item::EndOfText => {
                let defined = parser.defined;
                return Ok(Tree { nodes, defined });
            }
            Item::End(at) => return Err(unexpected_word(at, "end", "a template without a block")),
            Item::Else(at) => {
                return Err(unexpected_word(at, "else", "a template without a block"));
            }
        }
    }
}

/// What stands in a list of nodes, or ends one.
enum Item {
    Node(Node),
    /// `<<end>>`, and where.
    End(usize),
    /// `<<else`: what follows isn't read yet.
    Else(usize),
    EndOfText,
}

struct Parser<'a> {
    /// The last is `End`.
    tokens: &'a [Token<'a>],
    next: usize,
    /// Names of the variables in scope.
    variables: Vec<&'a str>,
    /// How many `range` are open.
    ranges: usize,
    depth: usize,
    /// What `define` and `block` have defined.
    defined: BTreeMap<Arc<str>, Vec<Node>>,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Token<'a> {
        self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next += 1;
        token
    }

    /// The next token that isn't space, without taking it.
    fn peek_non_space(&mut self) -> Token<'a> {
        while self.peek().kind == Kind::Space {
            self.next += 1;
        }
        self.peek()
    }

    fn take_non_space(&mut self) -> Token<'a> {
        self.peek_non_space();
        self.take()
    }

    fn close(&mut self, context: &'static str) -> Outcome<()> {
        match self.take_non_space() {
            token if token.kind == Kind::Close => Ok(()),
            token => Err(unexpected(token, context)),
        }
    }

    fn deeper(&mut self, at: usize) -> Outcome<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(fault(at, Problem::TooDeep(MAX_DEPTH)));
        }
        Ok(())
    }

    fn item(&mut self) -> Outcome<Item> {
        let token = self.take();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text.to_owned()))),
            Kind::End => Ok(Item::EndOfText),
            // Tokens outside of actions are texts and `<<`.
            _ => self.action(),
        }
    }

    /// What stands behind `<<`.
    fn action(&mut self) -> Outcome<Item> {
        let token = self.peek_non_space();
        if token.kind != Kind::Keyword {
            return Ok(Item::Node(Node::Action(
                self.pipe("an action", Kind::Close)?,
            )));
        }
        self.take();
        let at = token.at;
        let node = match token.text {
            "if" => Node::If(self.branch(at, "if")?),
            "with" => Node::With(self.branch(at, "with")?),
            "range" => Node::Range(self.branch(at, "range")?),
            "else" => return Ok(Item::Else(at)),
            "end" => {
                self.close("<<end>>")?;
                return Ok(Item::End(at));
            }
            "break" => self.leave(at, "break", Node::Break)?,
            "continue" => self.leave(at, "continue", Node::Continue)?,
            "block" => self.block(at)?,
            "template" => self.call(at)?,
            // `define`
            _ => return Err(unexpected_word(at, token.text, "a block")),
        };
        Ok(Item::Node(node))
    }

    fn leave(&mut self, at: usize, word: &'static str, node: Node) -> Outcome<Node> {
        self.close(word)?;
        if self.ranges == 0 {
            return Err(fault(at, Problem::OutsideOfRange(word)));
        }
        Ok(node)
    }

    /// Takes `<<define "name">>` and what it defines; false where something else stands.
    fn definition(&mut self) -> Outcome<bool> {
        let before = self.next;
        if self.peek().kind == Kind::Open {
            self.take();
            let token = self.peek_non_space();
            if (token.kind, token.text) == (Kind::Keyword, "define") {
                self.take();
                let name = self.name("<<define>>")?;
                self.close("<<define>>")?;
                self.define(token.at, name)?;
                return Ok(true);
            }
        }
        self.next = before;
        Ok(false)
    }

    /// `<<block "name" value>>…<<end>>`, which is defined and called.
    fn block(&mut self, at: usize) -> Outcome<Node> {
        let name = self.name("<<block>>")?;
        let pipe = Some(self.pipe("<<block>>", Kind::Close)?);
        self.define(at, name.clone())?;
        Ok(Node::Template(Call { at, name, pipe }))
    }

    /// `<<template "name">>` or `<<template "name" value>>`
    fn call(&mut self, at: usize) -> Outcome<Node> {
        let name = self.name("<<template>>")?;
        let pipe = match self.peek_non_space().kind {
            Kind::Close => {
                self.take();
                None
            }
            _ => Some(self.pipe("<<template>>", Kind::Close)?),
        };
        Ok(Node::Template(Call { at, name, pipe }))
    }

    /// The name of a template.
    fn name(&mut self, context: &'static str) -> Outcome<Arc<str>> {
        let token = self.take_non_space();
        match token.kind {
            Kind::TextLiteral => {
                let name = literal::text(token.text).map_err(|problem| fault(token.at, problem));
                Ok(name?.into())
            }
            _ => Err(unexpected(token, context)),
        }
    }

    /// Defines a template by the nodes up to `<<end>>`, in which no variables but `$` are known. Of two definitions, one is
    /// empty (`parse.Tree.add`).
    fn define(&mut self, at: usize, name: Arc<str>) -> Outcome<()> {
        self.deeper(at)?;
        let variables = std::mem::replace(&mut self.variables, vec!["$"]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, end) = self.list(at)?;
        if let Item::Else(at) = end {
            return Err(unexpected_word(at, "else", "the definition of a template"));
        }
        (self.variables, self.ranges) = (variables, ranges);
        self.depth -= 1;
        match self.defined.get(&name) {
            Some(known) if !is_empty(known) => match is_empty(&nodes) {
                true => Ok(()),
                false => Err(fault(at, Problem::DefinedTwice(name.to_string()))),
            },
            _ => {
                self.defined.insert(name, nodes);
                Ok(())
            }
        }
    }

    /// What stands behind `<<if`, `<<with` or `<<range`, up to `<<end>>`.
    fn branch(&mut self, at: usize, word: &'static str) -> Outcome<Branch> {
        self.deeper(at)?;
        let scope = self.variables.len();
        let pipe = self.pipe(word, Kind::Close)?;
        let is_range = usize::from(word == "range");
        self.ranges += is_range;
        let (list, end) = self.list(at)?;
        self.ranges -= is_range;
        let mut otherwise = Vec::new();
        if let Item::Else(else_at) = end {
            let next = self.peek_non_space();
            if next.kind == Kind::Keyword && next.text == word && word != "range" {
                self.take();
                let nested = self.branch(next.at, word)?;
                otherwise.push(if word == "if" {
                    Node::If(nested)
                } else {
                    Node::With(nested)
                });
            } else {
                self.close("<<else>>")?;
                let (nodes, end) = self.list(at)?;
                if let Item::Else(second) = end {
                    return Err(unexpected_word(second.max(else_at), "else", "an <<else>>"));
                }
                otherwise = nodes;
            }
        }
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(Branch {
            pipe,
            list,
            otherwise,
        })
    }

    /// The nodes up to `<<end>>` or `<<else`, and which of them it is.
    fn list(&mut self, opened_at: usize) -> Outcome<(Vec<Node>, Item)> {
        let mut nodes = Vec::new();
        loop {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::EndOfText => return Err(fault(opened_at, Problem::NoEnd)),
                end => return Ok((nodes, end)),
            }
        }
    }

    fn pipe(&mut self, context: &'static str, end: Kind) -> Outcome<Pipe> {
        let at = self.peek_non_space().at;
        let (variables, assigns) = self.declarations(context)?;
        let mut commands: Vec<Command> = Vec::new();
        loop {
            let token = self.peek_non_space();
            if token.kind == end {
                self.take();
                break;
            }
            commands.push(self.command(context)?);
        }
        if commands.is_empty() {
            return Err(fault(at, Problem::NoValue(context)));
        }
        for (stage, command) in commands.iter().enumerate().skip(1) {
            if let Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text(_) =
                command.first.term
            {
                return Err(fault(command.first.at, Problem::NotExecutable(stage + 1)));
            }
        }
        Ok(Pipe {
            at,
            variables,
            assigns,
            commands,
        })
    }

    /// `$a :=`, `$a =` or, for `range`, `$a, $b :=`.
    fn declarations(&mut self, context: &'static str) -> Outcome<(Vec<String>, bool)> {
        let mut names = Vec::new();
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok((names, false));
            }
            let before = self.next;
            self.take();
            let next = self.peek_non_space();
            let comma = next.kind == Kind::Char && next.text == ",";
            if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                self.next = before;
                return Ok((names, false));
            }
            self.take();
            names.push(variable.text.to_owned());
            self.variables.push(variable.text);
            if !comma {
                return Ok((names, next.kind == Kind::Assign));
            }
            if context != "range" || names.len() > 1 {
                return Err(fault(variable.at, Problem::TooManyVariables(context)));
            }
            let next = self.peek_non_space();
            if !matches!(
                next.kind,
                Kind::Variable | Kind::Close | Kind::RightParenthesis
            ) {
                return Err(unexpected(next, "the variables of <<range>>"));
            }
        }
    }

    fn command(&mut self, context: &'static str) -> Outcome<Command> {
        let mut operands = Vec::new();
        let last = loop {
            self.peek_non_space();
            operands.extend(self.operand()?);
            let token = self.peek();
            match token.kind {
                Kind::Space => continue,
                Kind::Close | Kind::RightParenthesis => {}
                Kind::Pipe => {
                    self.take();
                }
                _ => return Err(unexpected(token, context)),
            }
            break token;
        };
        let mut operands = operands.into_iter();
        match operands.next() {
            Some(first) => Ok(Command {
                first,
                arguments: operands.collect(),
            }),
            None => Err(unexpected(last, context)),
        }
    }

    /// A term with the fields that stand directly behind it.
    fn operand(&mut self) -> Outcome<Option<Operand>> {
        let Some(operand) = self.term()? else {
            return Ok(None);
        };
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            let field = self.take();
            fields.push(field.text.trim_start_matches('.').to_owned());
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        let at = operand.at;
        let term = match operand.term {
            Term::Field(mut path) => {
                path.extend(fields);
                Term::Field(path)
            }
            Term::Variable(name, mut path) => {
                path.extend(fields);
                Term::Variable(name, path)
            }
            Term::Pipe(_) | Term::Function(_) => Term::Chain(Box::new(operand), fields),
            _ => {
                let found = format!("`.{}`", fields.join("."));
                let context = "a term that has no fields";
                return Err(fault(at, Problem::Unexpected { found, context }));
            }
        };
        Ok(Some(Operand { at, term }))
    }

    fn term(&mut self) -> Outcome<Option<Operand>> {
        let token = self.peek_non_space();
        let at = token.at;
        let failed = |problem| fault(at, problem);
        let term = match token.kind {
            Kind::Identifier => Term::Function(function(token)?),
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::Variable if !self.variables.contains(&token.text) => {
                return Err(failed(Problem::UnknownVariable(token.text.to_owned())));
            }
            Kind::Variable => Term::Variable(token.text.to_owned(), Vec::new()),
            Kind::Field => Term::Field(vec![token.text.trim_start_matches('.').to_owned()]),
            Kind::Number => Term::Number(literal::number(token.text).map_err(failed)?),
            Kind::CharLiteral => Term::Number(literal::character(token.text).map_err(failed)?),
            Kind::TextLiteral => Term::Text(literal::text(token.text).map_err(failed)?.into()),
            Kind::LeftParenthesis => {
                self.take();
                self.deeper(at)?;
                let pipe = self.pipe("parentheses", Kind::RightParenthesis)?;
                self.depth -= 1;
                let term = Term::Pipe(Box::new(pipe));
                return Ok(Some(Operand { at, term }));
            }
            _ => return Ok(None),
        };
        self.take();
        Ok(Some(Operand { at, term }))
    }
}

/// `parse.IsEmptyTree`
fn is_empty(nodes: &[Node]) -> bool {
    nodes
        .iter()
        .all(|node| matches!(node, Node::Text(text) if text.trim().is_empty()))
}

fn function(token: Token<'_>) -> Outcome<Function> {
    if token.text == "call" {
        return Err(fault(token.at, Problem::Unsupported("call")));
    }
    Function::named(token.text).ok_or_else(|| {
        let known: Vec<_> = Function::ALL
            .iter()
            .map(|function| function.name())
            .collect();
        let problem = Problem::UnknownFunction {
            name: token.text.to_owned(),
            known: known.join(" "),
        };
        fault(token.at, problem)
    })
}

fn fault(at: usize, problem: Problem) -> Fault {
    Fault { at, problem }
}

fn unexpected(token: Token<'_>, context: &'static str) -> Fault {
    let found = match token.kind {
        Kind::End => "the end of the template".to_owned(),
        Kind::Space => "a space".to_owned(),
        _ => format!("`{}`", token.text.chars().take(80).collect::<String>()),
    };
    fault(token.at, Problem::Unexpected { found, context })
}

fn unexpected_word(at: usize, word: &str, context: &'static str) -> Fault {
    let found = format!("<<{word}>>");
    fault(at, Problem::Unexpected { found, context })
}
