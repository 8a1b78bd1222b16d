//! What Prometheus refuses of an expression that can be read.

use setpoint_go_regex::{GoRegex, GoRegexError};

use super::Type;
use super::modifiers::Modifier;
use super::tree::{Expression, Matcher, Selector};
use crate::duration::DURATION_UNITS;

/// The label that holds the name of a metric.
const NAME: &str = "__name__";

/// How groups begin that look ahead or behind, which Go doesn't have.
const LOOK_AROUND: [&str; 4] = ["(?=", "(?!", "(?<=", "(?<!"];

/// Why Prometheus refuses an expression that can be read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum Invalid {
    #[error(
        "`{0}` can't be the name of a metric without quotes; from Prometheus 3 on `{{{0:?}}}` can"
    )]
    Name(String),
    #[error(
        "`{0}` can't be the name of a label without quotes; from Prometheus 3 on `{{{0:?}=…}}` can"
    )]
    Label(String),
    #[error("the name of the metric stands in it twice, as `{0}` and as `{NAME}`")]
    NameTwice(String),
    #[error("`{pattern}` of label `{label}` is no regular expression of Go: {source}")]
    Pattern {
        label: String,
        pattern: String,
        source: GoRegexError,
    },
    #[error(
        "a range such as `[5m]` stands behind a selector alone; behind anything else write `[5m:]`"
    )]
    Range,
    #[error("a subquery such as `[5m:]` stands behind what gives a value of each series, not {}", .found.described())]
    Subquery { found: Type },
    #[error("`{operator}` takes numbers and values of series, not {}", .found.described())]
    Operand { operator: String, found: Type },
    #[error(
        "`{operator}` takes values of series on both sides, not numbers; `vector(0)` makes one of a number"
    )]
    Set { operator: String },
    #[error("`{function}` takes {}, and has {given}", arguments(*.least, *.most))]
    Arguments {
        function: String,
        least: usize,
        most: Option<usize>,
        given: usize,
    },
    #[error("`{function}` takes {} and has {}", .wanted.described(), .found.described())]
    Argument {
        function: String,
        wanted: Type,
        found: Type,
    },
    #[error("`{0}` is neither a number nor a duration, whose units stand in the order {order}, each once and behind a whole number", order = units())]
    Literal(String),
    #[error("the number `{0}` is out of range")]
    TooGreat(String),
    #[error("the duration `{0}` is out of range: the longest one has 292 years")]
    TooLong(String),
    #[error("a range, and the step of a subquery, has to be longer than zero")]
    NotPositive,
    #[error(
        "`{0}` stands right behind a selector, its range or a subquery, and behind nothing else"
    )]
    Modifier(Modifier),
    #[error("`{0}` stands behind one selector twice")]
    Twice(Modifier),
    #[error("`{0}` stands before the range, and has to stand behind it")]
    BeforeRange(Modifier),
    #[error("`anchored` and `smoothed` can't stand behind one selector")]
    AnchoredAndSmoothed,
    #[error("`@` takes the seconds of a time, `start()` or `end()`, not `{0}`")]
    Time(String),
}

impl Invalid {
    /// What helps, as it is written in a rule; empty where the sentence says it.
    pub(crate) fn cure(&self) -> &'static str {
        match self {
            Self::Name(_) => {
                "write the name in quotes and within the braces: `{\"<<.Series>>\",<<.LabelMatchers>>}`, and in `seriesQuery` likewise"
            }
            Self::Label(_) => "write the label in quotes",
            Self::Argument {
                wanted: Type::Matrix,
                ..
            } => "add a range, as in `rate(<<.Series>>{<<.LabelMatchers>>}[2m])`",
            Self::Argument {
                found: Type::Matrix,
                ..
            } => "leave the range out, or make one value of it, as `rate(…[2m])` does",
            Self::Pattern {
                source: GoRegexError::Syntax(found) | GoRegexError::Name(found),
                ..
            } if LOOK_AROUND.iter().any(|begin| found.starts_with(begin)) => {
                "Go's expressions have no look-around: say what isn't meant by a second matcher, such as `code!~\"503\"`"
            }
            Self::Modifier(Modifier::Offset) | Self::BeforeRange(Modifier::Offset) => {
                "write it behind the range, as in `rate(<<.Series>>{<<.LabelMatchers>>}[2m] offset 1h)`"
            }
            _ => "",
        }
    }
}

/// The units of durations, in their order.
fn units() -> String {
    let units: Vec<_> = DURATION_UNITS.iter().map(|(unit, _)| *unit).collect();
    units.join(", ")
}

fn arguments(least: usize, most: Option<usize>) -> String {
    let plural = if most == Some(1) { "" } else { "s" };
    match most {
        None => format!("{least} arguments or more"),
        Some(most) if most == least => format!("{least} argument{plural}"),
        Some(most) => format!("{least} to {most} argument{plural}"),
    }
}

impl Expression {
    /// What it gives; none where that isn't known here.
    ///
    /// # Errors
    /// If Prometheus refuses it.
    pub(crate) fn check(&self) -> Result<Option<Type>, Invalid> {
        for selector in self.selectors() {
            selector.check()?;
        }
        self.gives()
    }
}

impl Selector {
    /// # Errors
    /// If Prometheus refuses it.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        if let Some(name) = &self.name {
            if self.has_bare_name && !is_metric_name(name) {
                return Err(Invalid::Name(name.clone()));
            }
            if self.matchers.iter().any(|matcher| matcher.label == NAME) {
                return Err(Invalid::NameTwice(name.clone()));
            }
        }
        self.matchers.iter().try_for_each(Matcher::check)
    }
}

impl Matcher {
    fn check(&self) -> Result<(), Invalid> {
        if self.is_bare && !is_label_name(&self.label) {
            return Err(Invalid::Label(self.label.clone()));
        }
        if !self.operator.ends_with('~') {
            return Ok(());
        }
        match GoRegex::anchored(&self.value, true) {
            Ok(_) => Ok(()),
            Err(source) => Err(Invalid::Pattern {
                label: self.label.clone(),
                pattern: self.value.clone(),
                source,
            }),
        }
    }
}

/// Whether it is letters, digits, `_` and `:`, and begins with no digit.
fn is_metric_name(text: &str) -> bool {
    is_label_name(&text.replace(':', "_"))
}

/// Whether a label has a name that exporters write, and every version of Prometheus takes without quotes.
pub(crate) fn is_label_name(label: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = |c: char| plain(c) && !c.is_ascii_digit();
    label.starts_with(begins) && label.chars().all(plain)
}
