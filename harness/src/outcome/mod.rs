//! Why a step of a scenario did not go as it says: what was found, whose problem it is, and its kind.
//!
//! A verdict accuses the adapter only of what the adapter answered, or of what an HPA or an APIService
//! shows in consequence. What the cluster or the harness did is told apart by type, from where it is
//! noticed to where the report is written. Nothing is matched by its wording: [`Kind`] is for that.

mod cluster;
mod context;
mod harness;
mod kind;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use setpoint_support::error_chain_until;

pub use cluster::{ClusterError, ClusterProblem, Hop};
pub use context::Context;
pub use harness::HarnessProblem;
pub use kind::{Kind, RequestFailure};

/// Whose problem it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// The adapter: the scenario failed.
    Adapter,
    /// The cluster; nothing can be said of the adapter.
    Cluster,
    /// Setpoint itself, its fake Prometheus, or an interrupt; nothing can be said of the adapter.
    Harness,
}

shown_as_written!(Owner);

/// Something that the adapter shows and should not. Each expectation has its own type for it, with
/// what was expected and seen; `Display` is the sentence for the report.
pub trait Finding: std::error::Error + Send + Sync + 'static {
    /// What sort of finding it is.
    fn kind(&self) -> Kind;
}

/// What went wrong, by owner.
#[derive(Debug)]
pub enum Problem {
    /// The adapter's.
    Adapter(Box<dyn Finding>),
    /// The cluster's.
    Cluster(ClusterProblem),
    /// The harness' own.
    Harness(HarnessProblem),
}

impl Problem {
    fn as_error(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Adapter(finding) => &**finding,
            Self::Cluster(problem) => problem,
            Self::Harness(problem) => problem,
        }
    }
}

/// A step that did not go as the scenario says.
#[derive(Debug)]
pub struct Unmet {
    problem: Box<Problem>,
    /// What was being done, the innermost first.
    contexts: Vec<Context>,
}

impl Unmet {
    /// Whose problem it is.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match *self.problem {
            Problem::Adapter(_) => Owner::Adapter,
            Problem::Cluster(_) => Owner::Cluster,
            Problem::Harness(_) => Owner::Harness,
        }
    }

    /// Its kind. What the adapter shows is of another kind where the state before had to stay.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match &*self.problem {
            Problem::Adapter(finding) => {
                let of_context = self.contexts.iter().rev().find_map(Context::kind);
                of_context.unwrap_or_else(|| finding.kind())
            }
            Problem::Cluster(problem) => problem.kind(),
            Problem::Harness(problem) => problem.kind(),
        }
    }

    /// What went wrong, without what was being done.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The same, but the problem is another one, which explains what was found.
    #[must_use]
    pub fn because_of(self, problem: ClusterProblem) -> Self {
        Self {
            problem: Box::new(Problem::Cluster(problem)),
            ..self
        }
    }

    /// The same, and what was being done.
    #[must_use]
    pub fn during(mut self, context: Context) -> Self {
        self.contexts.push(context);
        self
    }
}

/// The sentence for the report.
impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let innermost = error_chain_until(self.problem.as_error(), cluster::refusal);
        let contexts = self.contexts.iter();
        f.write_str(&contexts.fold(innermost, |problem, context| context.around(&problem)))
    }
}

impl std::error::Error for Unmet {}

impl<F: Finding> From<F> for Unmet {
    fn from(finding: F) -> Self {
        Problem::Adapter(Box::new(finding)).into()
    }
}

impl From<ClusterProblem> for Unmet {
    fn from(problem: ClusterProblem) -> Self {
        Problem::Cluster(problem).into()
    }
}

impl From<HarnessProblem> for Unmet {
    fn from(problem: HarnessProblem) -> Self {
        Problem::Harness(problem).into()
    }
}

impl From<Problem> for Unmet {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Box::new(problem),
            contexts: Vec::new(),
        }
    }
}
