//! What is wrong with a template.

/// Why a template can't be compiled, or gives no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}column {column}: {problem}", if *.line == 1 { String::new() } else { format!("line {line}, ") })]
pub struct TemplateError {
    line: usize,
    column: usize,
    problem: Problem,
}

/// A problem and where it is: a position in the template, in bytes.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

pub(super) type Outcome<T> = Result<T, Fault>;

impl Fault {
    /// The error, with line and column in `text`.
    pub(super) fn in_text(self, text: &str) -> TemplateError {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        TemplateError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem: self.problem,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    // Of the text.
    #[error("`<<` without `>>`")]
    UnclosedAction,
    #[error("a comment `<</*` that doesn't end with `*/>>`")]
    UnclosedComment,
    #[error("{0} that doesn't end")]
    UnclosedLiteral(&'static str),
    #[error("`(` without `)`")]
    UnclosedParenthesis,
    #[error("`)` without `(`")]
    StrayParenthesis,
    #[error("the character `{}` can't stand here", .0.escape_debug())]
    Character(char),
    #[error("`{0}` is no number, string or character of Go")]
    Literal(String),
    #[error("complex numbers such as `{0}` are not supported")]
    Complex(String),
    // Of the grammar.
    #[error("{found} can't stand in {context}")]
    Unexpected {
        found: String,
        context: &'static str,
    },
    #[error("the template ends before <<end>>")]
    NoEnd,
    #[error("{0} has no value")]
    NoValue(&'static str),
    #[error("<<{0}>> stands outside of <<range>>")]
    OutsideOfRange(&'static str),
    #[error("<<{0}>> is not supported: there are no functions to call but those with names")]
    Unsupported(&'static str),
    #[error("the template `{0}` is defined twice")]
    DefinedTwice(String),
    #[error("there is no function {name}; there are {known}")]
    UnknownFunction { name: String, known: String },
    #[error("there is no variable {0}")]
    UnknownVariable(String),
    #[error("{0} declares too many variables")]
    TooManyVariables(&'static str),
    #[error("stage {0} of the pipeline is no function and no field")]
    NotExecutable(usize),
    #[error("blocks and parentheses are nested more than {0} deep")]
    TooDeep(usize),
    // Of the values.
    #[error("there is no template `{0}`")]
    NoTemplate(String),
    #[error("blocks and templates that call templates are more than {0} deep in one another")]
    CallsTooDeep(usize),
    #[error("there is no field .{field}; there are {known}")]
    UnknownField { field: String, known: String },
    #[error("{kind} has no field .{field}")]
    NoField { field: String, kind: &'static str },
    #[error("{0} is no function and takes no arguments")]
    NotAFunction(String),
    #[error("nil is no value of its own")]
    Nil,
    #[error("{function} takes {wanted} arguments and has {given}")]
    Arguments {
        function: &'static str,
        wanted: String,
        given: usize,
    },
    #[error("{function} can't be applied to {kind}")]
    Argument {
        function: &'static str,
        kind: &'static str,
    },
    #[error("{function} can't compare {left} with {right}")]
    Comparison {
        function: &'static str,
        left: &'static str,
        right: &'static str,
    },
    #[error("{function}: the position {index} is out of range or within a character")]
    Range { function: &'static str, index: i64 },
    #[error("the number {0} is out of range")]
    Overflow(String),
    #[error("range can't go over {0}")]
    NotIterable(&'static str),
    #[error("range over a number gives one variable, not two")]
    TwoVariables,
    #[error(
        "printf: `{0}` is not supported; there are %s %q %v %d %f %x %t %%, with `-`, `0`, `+`, width and precision"
    )]
    Verb(String),
    #[error("printf: `{verb}` can't show {kind}")]
    VerbOfKind { verb: String, kind: &'static str },
    #[error("printf: `{0}` has no argument")]
    NoArgument(String),
    #[error("printf has {0} arguments too many")]
    SpareArguments(usize),
    #[error("the template takes more than {0} steps; does it loop over too much?")]
    TooManySteps(usize),
    #[error("the template makes more than {0} bytes of text; does it loop over too much?")]
    TooMuchText(usize),
}
