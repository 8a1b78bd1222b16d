//! What a Prometheus is started with, and when it is asked.

use std::time::Duration;

use super::Version;

/// The flags of a Prometheus that matter to its answers, and the time at which it answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Which Prometheus is played.
    pub version: Version,
    /// How far an instant selector looks back (`--query.lookback-delta`).
    pub lookback: Duration,
    /// How many samples one step of an evaluation may hold (`--query.max-samples`).
    pub max_samples: usize,
    /// How long an evaluation may take (`--query.timeout`).
    pub timeout: Duration,
    /// The step of subqueries that name none (`global.evaluation_interval`).
    pub subquery_step: Duration,
    /// The time at which it is asked (scenario milliseconds). Whatever time a query is about, no sample is known then that
    /// is played later. None: all samples are known.
    pub now: Option<i64>,
}

impl Default for Settings {
    /// Those of a Prometheus that is started without flags.
    fn default() -> Self {
        Self {
            version: Version::default(),
            lookback: Duration::from_secs(5 * 60),
            max_samples: 50_000_000,
            timeout: Duration::from_secs(2 * 60),
            subquery_step: Duration::from_secs(60),
            now: None,
        }
    }
}
