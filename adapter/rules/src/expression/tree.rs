//! What an expression is made of.

use super::validity::Invalid;

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Number,
    Text(String),
    Selector(Selector),
    /// `x[5m]`, with its milliseconds where it is a plain duration.
    Range(Box<Self>, Option<u64>),
    /// `x[5m:1m]`
    Subquery(Box<Self>),
    Unary(Box<Self>),
    Binary(Box<Binary>),
    Call(Call),
    Aggregate(Aggregate),
    /// The whole of one that can be read, and why Prometheus refuses a number, a duration or a modifier in it.
    Refused(Box<Self>, Invalid),
}

/// `name{matchers}`
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Selector {
    /// The name before the braces, or the string alone within.
    pub(crate) name: Option<String>,
    /// Whether the name stands before the braces, where not every name can.
    pub(crate) has_bare_name: bool,
    pub(crate) matchers: Vec<Matcher>,
}

/// `label="value"`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matcher {
    pub(crate) label: String,
    /// Whether the label stands without quotes.
    pub(crate) is_bare: bool,
    /// `=`, `!=`, `=~` or `!~`.
    pub(crate) operator: &'static str,
    pub(crate) value: String,
}

/// `name(arguments)`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) arguments: Vec<Expression>,
}

/// `name by (labels) (arguments)`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Aggregate {
    /// In lower case.
    pub(crate) name: String,
    pub(crate) grouping: Grouping,
    pub(crate) arguments: Vec<Expression>,
}

/// Which labels an aggregation keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    None,
    By(Vec<String>),
    Without(Vec<String>),
}

/// `group_left (labels)` or `group_right (labels)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Many {
    pub(crate) is_left: bool,
    pub(crate) labels: Vec<String>,
}

/// `left operator matching right`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Binary {
    /// In lower case.
    pub(crate) operator: String,
    /// Of `on` and `ignoring`.
    pub(crate) matching: Grouping,
    pub(crate) many: Option<Many>,
    pub(crate) left: Expression,
    pub(crate) right: Expression,
}

impl Expression {
    /// Calls `visit` for it and all that it is made of, with the functions that these stand in, the outer first.
    pub(crate) fn visit<'a>(&'a self, visit: &mut dyn FnMut(&'a Self, &[&'a str])) {
        self.visit_in(&mut Vec::new(), visit);
    }

    fn visit_in<'a>(
        &'a self,
        functions: &mut Vec<&'a str>,
        visit: &mut dyn FnMut(&'a Self, &[&'a str]),
    ) {
        visit(self, functions);
        match self {
            Self::Number | Self::Text(_) | Self::Selector(_) => {}
            Self::Range(inner, _)
            | Self::Subquery(inner)
            | Self::Unary(inner)
            | Self::Refused(inner, _) => inner.visit_in(functions, visit),
            Self::Binary(binary) => {
                binary.left.visit_in(functions, visit);
                binary.right.visit_in(functions, visit);
            }
            Self::Call(Call { name, arguments })
            | Self::Aggregate(Aggregate {
                name, arguments, ..
            }) => {
                functions.push(name);
                for argument in arguments {
                    argument.visit_in(functions, visit);
                }
                functions.pop();
            }
        }
    }

    /// All selectors in it.
    pub(crate) fn selectors(&self) -> Vec<&Selector> {
        let mut found = Vec::new();
        self.visit(&mut |part, _| {
            if let Self::Selector(selector) = part {
                found.push(selector);
            }
        });
        found
    }
}

impl Selector {
    /// The name of the series that it selects, where that is a single one.
    pub(crate) fn series(&self) -> Option<&str> {
        let of_matcher =
            |matcher: &&Matcher| matcher.label == "__name__" && matcher.operator == "=";
        let matched = self.matchers.iter().find(of_matcher);
        self.name
            .as_deref()
            .or_else(|| matched.map(|matcher| matcher.value.as_str()))
    }
}
