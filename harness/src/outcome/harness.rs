//! Problems of the harness itself.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use super::Kind;

/// What the harness did, or could not do; nothing can be said of the adapter then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HarnessProblem {
    /// The Prometheus of the installation doesn't do what the harness asks of it.
    #[error("{doing}")]
    Prometheus {
        /// What was asked for.
        doing: String,
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The fake Prometheus lost its series when its container ended.
    #[error("the fake Prometheus in pod {pod} was restarted {count} times{}, and lost its series", .exit_code.map_or_else(String::new, |code| format!(" (exit code {code})")))]
    PrometheusRestarted {
        /// The pod's name.
        pod: String,
        /// How often its container was restarted.
        count: i32,
        /// How the container ended last, where that is known.
        exit_code: Option<i32>,
    },
    /// The scenario asks for what its installation doesn't have.
    #[error("there is no {what} in this installation")]
    NotInstalled {
        /// What it doesn't have.
        what: String,
    },
    /// The scenario asks for what can't be told.
    #[error("{problem}")]
    Scenario {
        /// What, and what helps.
        problem: String,
    },
    /// The sample applications did not get their traffic.
    #[error("not every ready pod of {of} has its share within {within:?}; {last}")]
    Traffic {
        /// The Deployment.
        of: String,
        /// The time it had.
        within: Duration,
        /// What was in the way last.
        last: String,
    },
    /// The harness made too few requests.
    #[error("only {made} of {wanted} requests were made in time")]
    TooFewRequests {
        /// How many were made.
        made: u64,
        /// How many the scenario wants.
        wanted: u64,
    },
    /// Something of the harness' own could not be made, such as a certificate.
    #[error("{doing}")]
    NotMade {
        /// What.
        doing: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file can't be read or written.
    #[error("{doing} {}", .path.display())]
    File {
        /// `read` or `write`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A task of the harness ended before the scenario did.
    #[error("{what} ended before the scenario did")]
    TaskEnded {
        /// The task, such as `the watch on pods`.
        what: &'static str,
    },
    /// The run was interrupted.
    #[error("interrupted")]
    Interrupted,
}

impl HarnessProblem {
    /// What sort of problem it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Prometheus { .. } => Kind::PrometheusUnreachable,
            Self::PrometheusRestarted { .. } => Kind::PrometheusRestarted,
            Self::NotInstalled { .. } => Kind::NotInstalled,
            Self::Scenario { .. } => Kind::Scenario,
            Self::Traffic { .. } => Kind::TrafficNotShared,
            Self::TooFewRequests { .. } => Kind::TooFewRequests,
            Self::NotMade { .. } => Kind::NotMade,
            Self::File { .. } => Kind::FileUnusable,
            Self::TaskEnded { .. } => Kind::TaskEnded,
            Self::Interrupted => Kind::Interrupted,
        }
    }
}
