//! Which fields of the data a template names, so that a misspelt one is told before it is executed.

use super::error::{Fault, Outcome};
use super::execute::unknown_field;
use super::tree::{Branch, Call, Node, Operand, Pipe, Term};

/// The first field that the data doesn't have. Where `.` is something else, as within `range`, only
/// fields of `$` are looked at.
pub(super) fn check(nodes: &[Node], known: &[&'static str], dot_is_data: bool) -> Outcome<()> {
    nodes.iter().try_for_each(|node| match node {
        Node::Text(_) | Node::Break | Node::Continue => Ok(()),
        Node::Action(pipe) => pipe_fields(pipe, known, dot_is_data),
        Node::If(branch) => branch_fields(branch, known, dot_is_data, dot_is_data),
        Node::With(branch) | Node::Range(branch) => {
            branch_fields(branch, known, dot_is_data, false)
        }
        // What a template that is called is given may be anything.
        Node::Template(Call { pipe, .. }) => {
            let mut pipe = pipe.iter();
            pipe.try_for_each(|pipe| pipe_fields(pipe, known, dot_is_data))
        }
    })
}

fn branch_fields(
    branch: &Branch,
    known: &[&'static str],
    dot_is_data: bool,
    in_list: bool,
) -> Outcome<()> {
    pipe_fields(&branch.pipe, known, dot_is_data)?;
    check(&branch.list, known, in_list)?;
    check(&branch.otherwise, known, dot_is_data)
}

fn pipe_fields(pipe: &Pipe, known: &[&'static str], dot_is_data: bool) -> Outcome<()> {
    let operands = pipe
        .commands
        .iter()
        .flat_map(|command| std::iter::once(&command.first).chain(&command.arguments));
    operands
        .into_iter()
        .try_for_each(|operand| operand_fields(operand, known, dot_is_data))
}

fn operand_fields(operand: &Operand, known: &[&'static str], dot_is_data: bool) -> Outcome<()> {
    let path = match &operand.term {
        Term::Field(path) if dot_is_data => path,
        Term::Variable(name, path) if name == "$" => path,
        Term::Pipe(pipe) => return pipe_fields(pipe, known, dot_is_data),
        Term::Chain(first, _) => return operand_fields(first, known, dot_is_data),
        _ => return Ok(()),
    };
    match path.first() {
        Some(field) if !known.contains(&field.as_str()) => Err(Fault {
            at: operand.at,
            problem: unknown_field(field, known.iter().copied()),
        }),
        _ => Ok(()),
    }
}
