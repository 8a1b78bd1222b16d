//! What a server counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a server has counted since it was made, for metrics; clones are the same ones.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    connections: AtomicU64,
    superfluous: AtomicU64,
    failed_handshakes: AtomicU64,
    refused_requests: AtomicU64,
    rests: AtomicU64,
}

impl Counts {
    /// Connections that were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// Connections that were closed because there were too many.
    #[must_use]
    pub fn superfluous_connections(&self) -> u64 {
        self.0.superfluous.load(Ordering::Relaxed)
    }

    /// TLS handshakes that failed or took too long.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.0.failed_handshakes.load(Ordering::Relaxed)
    }

    /// Requests that were refused before the application saw them.
    #[must_use]
    pub fn refused_requests(&self) -> u64 {
        self.0.refused_requests.load(Ordering::Relaxed)
    }

    /// How often a stranger's connection rested, since its address had more than its part of a processor.
    #[must_use]
    pub fn rests(&self) -> u64 {
        self.0.rests.load(Ordering::Relaxed)
    }

    pub(crate) fn connection(&self) {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn superfluous_connection(&self) {
        self.0.superfluous.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed_handshake(&self) {
        self.0.failed_handshakes.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused_request(&self) {
        self.0.refused_requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn rest(&self) {
        self.0.rests.fetch_add(1, Ordering::Relaxed);
    }
}
