//! How reading files again ended.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error_chain::error_chain;
use crate::metrics::OwnMetrics;

/// Tells of reloads in the log, in metrics and in `/readyz?verbose`; clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Reloads {
    metrics: OwnMetrics,
    /// The parts that are read again, and whether the last reload failed.
    failing: Arc<Mutex<BTreeMap<&'static str, bool>>>,
}

impl Reloads {
    pub(crate) fn new(metrics: OwnMetrics) -> Self {
        Self {
            metrics,
            failing: Arc::default(),
        }
    }

    /// The metrics that reloads are counted in.
    pub(crate) fn metrics(&self) -> OwnMetrics {
        self.metrics.clone()
    }

    /// A part is as its files say.
    pub(crate) fn succeeded(&self, part: &'static str) {
        self.metrics.reloaded(part, true);
        self.unchanged(part);
    }

    /// The files of a part are as they were when they were read.
    pub(crate) fn unchanged(&self, part: &'static str) {
        self.metrics.reload_fails(part, false);
        if self.failing.lock().insert(part, false) == Some(true) {
            tracing::info!(part, "its files can be used again");
        }
    }

    /// A part stays as it was.
    pub(crate) fn failed(&self, part: &'static str, error: &(dyn Error + 'static)) {
        self.metrics.reloaded(part, false);
        tracing::error!(part, error = %error_chain(error), "keep what was read before");
        self.metrics.reload_fails(part, true);
        self.failing.lock().insert(part, true);
    }

    /// The parts that are read again, and whether they are not as their files say.
    pub(crate) fn states(&self) -> Vec<(&'static str, bool)> {
        let failing = self.failing.lock();
        failing
            .iter()
            .map(|(part, failing)| (*part, *failing))
            .collect()
    }
}
