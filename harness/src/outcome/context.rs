//! What was being done when a problem came up.

use std::time::Duration;

use super::Kind;

/// What was being done when a problem came up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Context {
    /// Waiting for a state. The problem is what was seen last.
    Wait {
        /// The state.
        what: String,
        /// The time it had.
        within: Duration,
        /// How long ago the problem was seen, if there is such a moment.
        ago: Option<Duration>,
    },
    /// Watching that a state stays.
    Stay {
        /// The state, and for how long.
        what: String,
        /// After which time of it the problem came up.
        after: Duration,
    },
    /// Looking at a state once.
    State {
        /// The state.
        what: String,
    },
    /// Asking until the answer is as expected. The problem is the last answer's.
    Tries {
        /// How often it was asked.
        count: u32,
    },
    /// Making requests while steps are played.
    Load {
        /// How the requests were answered by then.
        answers: String,
    },
    /// Looking, after something was found, whether the adapter can be blamed for it.
    After {
        /// What was found.
        found: String,
    },
    /// A step of the scenario.
    Step {
        /// Which of the steps, and what it does.
        step: String,
    },
}

impl Context {
    /// The kind of any problem in this context, where the context says more than the problem does.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Stay { .. } => Some(Kind::DidNotStay),
            _ => None,
        }
    }

    /// The sentence of a problem with what was being done.
    pub(super) fn around(&self, problem: &str) -> String {
        match self {
            Self::Wait { what, within, ago } => {
                let seen = ago.map_or_else(String::new, |ago| {
                    format!(" (seen {:.1}s ago)", ago.as_secs_f64())
                });
                format!("{what}: not within {within:?}; {problem}{seen}")
            }
            Self::Stay { what, after } => {
                let after = after.as_secs_f64();
                format!("{what}: after {after:.1}s of it: {problem}")
            }
            Self::State { what: step } | Self::Step { step } => format!("{step}: {problem}"),
            Self::After { found } => {
                format!("{problem}, which may be why this was found: {found}")
            }
            Self::Tries { count } => format!("{problem} (asked {count} times)"),
            Self::Load { answers } => format!("{problem}; of the load by then, {answers}"),
        }
    }
}
