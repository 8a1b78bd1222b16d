//! Evaluates a template (`text/template/exec.go`).

use super::budget::Budget;
use super::error::{Fault, Outcome, Problem};
use super::functions::Function;
use super::literal::Number;
use super::tree::{Branch, Call, Command, Node, Operand, Pipe, Term, Tree};
use super::value::{Text, Value};

/// How deep lists of nodes may be executed within one another, those of templates that are called included. Go's limit for calls is
/// 100,000.
const MAX_DEPTH: usize = 200;

/// The text that a template gives for data.
pub(super) fn execute(tree: &Tree, data: &Value) -> Outcome<String> {
    let mut execution = Execution {
        tree,
        variables: vec![("$".to_owned(), data.clone())],
        output: String::new(),
        budget: Budget::new(),
        depth: 0,
    };
    execution.list(data, &tree.nodes)?;
    Ok(execution.output)
}

struct Execution<'a> {
    tree: &'a Tree,
    /// The last of those with one name is meant.
    variables: Vec<(String, Value)>,
    output: String,
    budget: Budget,
    /// How many lists are being executed.
    depth: usize,
}

/// Where it goes on after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl Execution<'_> {
    fn list(&mut self, dot: &Value, nodes: &[Node]) -> Outcome<Flow> {
        self.depth += 1;
        let mut flow = Flow::Next;
        for node in nodes {
            flow = self.node(dot, node)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.depth -= 1;
        Ok(flow)
    }

    /// Executes a template that is defined, with what it is given as `.` and `$`, and without the variables of who calls it.
    fn template(&mut self, dot: &Value, call: &Call) -> Outcome<Flow> {
        let failed = |problem| Fault {
            at: call.at,
            problem,
        };
        let tree = self.tree;
        let nodes = tree.defined.get(&call.name);
        let nodes = nodes.ok_or_else(|| failed(Problem::NoTemplate(call.name.to_string())))?;
        let given = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Value::Nil,
        };
        self.charge(call.at, 0)?;
        if self.depth >= MAX_DEPTH {
            return Err(failed(Problem::CallsTooDeep(MAX_DEPTH)));
        }
        let variables = vec![("$".to_owned(), given.clone())];
        let variables = std::mem::replace(&mut self.variables, variables);
        self.list(&given, nodes)?;
        self.variables = variables;
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Value, node: &Node) -> Outcome<Flow> {
        match node {
            Node::Text(text) => {
                self.charge(0, text.len())?;
                self.output.push_str(text);
                Ok(Flow::Next)
            }
            Node::Action(pipe) => {
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.charge(pipe.at, value.printed_len())?;
                    value.print(&mut self.output, "<no value>");
                }
                Ok(Flow::Next)
            }
            Node::If(branch) => self.conditional(dot, branch, false),
            Node::With(branch) => self.conditional(dot, branch, true),
            Node::Range(branch) => self.range(dot, branch),
            Node::Break => Ok(Flow::Break),
            Node::Continue => Ok(Flow::Continue),
            Node::Template(call) => self.template(dot, call),
        }
    }

    /// A step at a place that makes so many bytes.
    fn charge(&mut self, at: usize, bytes: usize) -> Outcome<()> {
        let charged = self.budget.step().and_then(|()| self.budget.make(bytes));
        charged.map_err(|problem| Fault { at, problem })
    }

    fn conditional(&mut self, dot: &Value, branch: &Branch, is_with: bool) -> Outcome<Flow> {
        let scope = self.variables.len();
        let value = self.pipe(dot, &branch.pipe)?;
        let flow = match value.is_true() {
            true if is_with => self.list(&value, &branch.list),
            true => self.list(dot, &branch.list),
            false => self.list(dot, &branch.otherwise),
        };
        self.variables.truncate(scope);
        flow
    }

    fn range(&mut self, dot: &Value, branch: &Branch) -> Outcome<Flow> {
        let scope = self.variables.len();
        let at = branch.pipe.at;
        let value = self.pipe(dot, &branch.pipe)?;
        let problem = match &value {
            Value::Int(_) if branch.pipe.variables.len() > 1 => Some(Problem::TwoVariables),
            Value::Nil | Value::Int(_) | Value::List(_) | Value::Map(_) => None,
            other => Some(Problem::NotIterable(other.kind())),
        };
        if let Some(problem) = problem {
            return Err(Fault { at, problem });
        }
        let flow = match &value {
            Value::Int(count) => {
                let items = (0..*count).map(|number| (Value::Nil, Value::Int(number)));
                self.iterate(branch, items)?
            }
            Value::List(items) => {
                let items = (0..).zip(items.iter());
                let items = items.map(|(at, item)| (Value::Int(at), Value::Text(item.clone())));
                self.iterate(branch, items)?
            }
            Value::Map(entries) => {
                let items = entries.values();
                let entry = |(key, value): &(Text, Text)| {
                    (Value::Text(key.clone()), Value::Text(value.clone()))
                };
                self.iterate(branch, items.map(entry))?
            }
            _ => None,
        };
        let flow = match flow {
            Some(flow) => Ok(flow),
            None => self.list(dot, &branch.otherwise),
        };
        self.variables.truncate(scope);
        flow
    }

    /// Executes the list for each item with its index; none if there is no item.
    fn iterate(
        &mut self,
        branch: &Branch,
        items: impl Iterator<Item = (Value, Value)>,
    ) -> Outcome<Option<Flow>> {
        let mut flow = None;
        let scope = self.variables.len();
        for (index, item) in items {
            self.charge(branch.pipe.at, 0)?;
            flow = Some(Flow::Next);
            self.bind(&branch.pipe, index, &item)?;
            let ended = self.list(&item, &branch.list);
            self.variables.truncate(scope);
            if ended? == Flow::Break {
                break;
            }
        }
        Ok(flow)
    }

    /// Gives the variables of a `range` their values.
    fn bind(&mut self, pipe: &Pipe, index: Value, item: &Value) -> Outcome<()> {
        let values = match pipe.variables.as_slice() {
            [] => return Ok(()),
            [_] => vec![item.clone()],
            _ => vec![index, item.clone()],
        };
        if pipe.assigns {
            for (name, value) in pipe.variables.iter().zip(values) {
                *self.variable(name, pipe.at)? = value;
            }
            return Ok(());
        }
        // They were declared last.
        let first = self.variables.len().saturating_sub(values.len());
        for ((_, variable), value) in self.variables[first..].iter_mut().zip(values) {
            *variable = value;
        }
        Ok(())
    }

    fn variable(&mut self, name: &str, at: usize) -> Outcome<&mut Value> {
        let found = self
            .variables
            .iter_mut()
            .rev()
            .find(|(known, _)| known == name);
        found.map(|(_, value)| value).ok_or_else(|| Fault {
            at,
            problem: Problem::UnknownVariable(name.to_owned()),
        })
    }

    fn pipe(&mut self, dot: &Value, pipe: &Pipe) -> Outcome<Value> {
        let mut last = None;
        for command in &pipe.commands {
            last = Some(self.command(dot, command, last)?);
        }
        let value = last.unwrap_or(Value::Nil);
        for name in &pipe.variables {
            if pipe.assigns {
                *self.variable(name, pipe.at)? = value.clone();
            } else {
                self.variables.push((name.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    /// `last` is the value of the command before, which is the last argument of this one.
    fn command(&mut self, dot: &Value, command: &Command, last: Option<Value>) -> Outcome<Value> {
        let Command { first, arguments } = command;
        if let Term::Function(function) = first.term {
            return self.call(dot, function, first.at, arguments, last);
        }
        let has_arguments = !arguments.is_empty() || last.is_some();
        if has_arguments {
            let name = match &first.term {
                Term::Field(path) => format!(".{}", path.join(".")),
                Term::Variable(name, _) => name.clone(),
                _ => "what stands here".to_owned(),
            };
            return Err(Fault {
                at: first.at,
                problem: Problem::NotAFunction(name),
            });
        }
        match first.term {
            Term::Nil => Err(Fault {
                at: first.at,
                problem: Problem::Nil,
            }),
            _ => self.operand(dot, first),
        }
    }

    fn call(
        &mut self,
        dot: &Value,
        function: Function,
        at: usize,
        arguments: &[Operand],
        last: Option<Value>,
    ) -> Outcome<Value> {
        let failed = |problem| Fault { at, problem };
        function
            .takes(arguments.len() + usize::from(last.is_some()))
            .map_err(failed)?;
        if let Function::And | Function::Or = function {
            let mut value = Value::Nil;
            for argument in arguments {
                value = self.operand(dot, argument)?;
                if value.is_true() == (function == Function::Or) {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in arguments {
            values.push(self.operand(dot, argument)?);
        }
        values.extend(last);
        function.call(&values, &mut self.budget).map_err(failed)
    }

    fn operand(&mut self, dot: &Value, operand: &Operand) -> Outcome<Value> {
        let at = operand.at;
        self.charge(at, 0)?;
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Text(text) => Ok(Value::text(text.clone())),
            Term::Number(Number::Int(value)) => Ok(Value::Int(*value)),
            Term::Number(Number::Float(value)) => Ok(Value::Float(*value)),
            Term::Number(Number::TooBig(text)) => Err(Fault {
                at,
                problem: Problem::Overflow(text.clone()),
            }),
            Term::Field(path) => fields(dot.clone(), path, at),
            Term::Variable(name, path) => {
                let value = self.variable(name, at)?.clone();
                fields(value, path, at)
            }
            Term::Function(function) => self.call(dot, *function, at, &[], None),
            Term::Pipe(pipe) => self.pipe(dot, pipe),
            Term::Chain(first, path) => {
                let value = self.operand(dot, first)?;
                fields(value, path, at)
            }
        }
    }
}

/// The field of a field of a value. A key that a map doesn't have gives a missing value, and so do
/// fields of that.
fn fields(value: Value, path: &[String], at: usize) -> Outcome<Value> {
    path.iter().try_fold(value, |value, name| match &value {
        Value::Nil => Ok(Value::Nil),
        Value::Map(entries) => {
            let entry = entries.get(name.as_str());
            Ok(entry.map_or(Value::Nil, |(_, value)| Value::Text(value.clone())))
        }
        Value::Record(known) => {
            let found = known.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone()).ok_or_else(|| Fault {
                at,
                problem: unknown_field(name, known.iter().map(|(field, _)| *field)),
            })
        }
        other => Err(Fault {
            at,
            problem: Problem::NoField {
                field: name.clone(),
                kind: other.kind(),
            },
        }),
    })
}

/// A field that the data of the template doesn't have.
pub(super) fn unknown_field(field: &str, known: impl Iterator<Item = &'static str>) -> Problem {
    let known: Vec<String> = known.map(|name| format!(".{name}")).collect();
    Problem::UnknownField {
        field: field.to_owned(),
        known: known.join(", "),
    }
}
