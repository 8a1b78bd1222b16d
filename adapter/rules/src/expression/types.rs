//! What an expression gives: one value, values of series, or their samples (`promql/parser/parse.go`, `checkAST`).

use super::functions::Function;
use super::tree::{Binary, Expression};
use super::validity::Invalid;

/// What an expression gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// A number.
    Scalar,
    /// A string.
    Text,
    /// A value of each series.
    Vector,
    /// The samples of each series in a range of time.
    Matrix,
}

impl Type {
    pub(super) fn of_letter(letter: char) -> Option<Self> {
        match letter {
            's' => Some(Self::Scalar),
            't' => Some(Self::Text),
            'v' => Some(Self::Vector),
            'm' => Some(Self::Matrix),
            _ => None,
        }
    }

    /// Itself in a few words.
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Scalar => "a number",
            Self::Text => "a string",
            Self::Vector => "a value of each series",
            Self::Matrix => "a range such as `x[5m]`",
        }
    }
}

impl Expression {
    /// What it gives; none where a function is not known here.
    pub(super) fn gives(&self) -> Result<Option<Type>, Invalid> {
        match self {
            Self::Number => Ok(Some(Type::Scalar)),
            Self::Text(_) => Ok(Some(Type::Text)),
            Self::Selector(_) => Ok(Some(Type::Vector)),
            Self::Range(inner, _) => match &**inner {
                Self::Selector(_) => Ok(Some(Type::Matrix)),
                _ => Err(Invalid::Range),
            },
            Self::Subquery(inner) => match inner.gives()? {
                None | Some(Type::Vector) => Ok(Some(Type::Matrix)),
                Some(found) => Err(Invalid::Subquery { found }),
            },
            Self::Unary(inner) => operand("-", inner),
            Self::Binary(binary) => of_binary(binary),
            Self::Call(call) => match Function::named(&call.name) {
                Some(function) => of_arguments(&call.name, function, &call.arguments),
                None => {
                    call.arguments
                        .iter()
                        .try_for_each(|argument| argument.gives().map(drop))?;
                    Ok(None)
                }
            },
            Self::Aggregate(aggregate) => {
                let function = Function::aggregation(&aggregate.name);
                of_arguments(&aggregate.name, function, &aggregate.arguments)
            }
            Self::Refused(_, invalid) => Err(invalid.clone()),
        }
    }
}

/// What an operand gives, which has to be a number or a value of each series.
fn operand(operator: &str, operand: &Expression) -> Result<Option<Type>, Invalid> {
    match operand.gives()? {
        Some(found @ (Type::Text | Type::Matrix)) => Err(Invalid::Operand {
            operator: operator.to_owned(),
            found,
        }),
        gives => Ok(gives),
    }
}

fn of_binary(binary: &Binary) -> Result<Option<Type>, Invalid> {
    let operator = binary.operator.as_str();
    let sides = [
        operand(operator, &binary.left)?,
        operand(operator, &binary.right)?,
    ];
    let has = |wanted| sides.contains(&Some(wanted));
    if matches!(operator, "and" | "or" | "unless") && has(Type::Scalar) {
        return Err(Invalid::Set {
            operator: operator.to_owned(),
        });
    }
    Ok(match sides {
        _ if has(Type::Vector) => Some(Type::Vector),
        [Some(left), Some(_)] => Some(left),
        _ => None,
    })
}

fn of_arguments(
    name: &str,
    function: Function,
    arguments: &[Expression],
) -> Result<Option<Type>, Invalid> {
    let given = arguments.len();
    let (least, most) = function.count();
    if given < least || most.is_some_and(|most| given > most) {
        return Err(Invalid::Arguments {
            function: name.to_owned(),
            least,
            most,
            given,
        });
    }
    for (position, argument) in arguments.iter().enumerate() {
        let (Some(wanted), Some(found)) = (function.takes(position), argument.gives()?) else {
            continue;
        };
        if wanted != found {
            return Err(Invalid::Argument {
                function: name.to_owned(),
                wanted,
                found,
            });
        }
    }
    Ok(Some(function.gives))
}
