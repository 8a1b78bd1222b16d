//! SIGTERM and SIGINT.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for SIGTERM or SIGINT, as Kubernetes and Ctrl-C send them.
///
/// From [`Termination::watch`] on, neither ends the process by itself: call it before anything
/// starts that has to be ended in order.
#[derive(Debug)]
pub struct Termination {
    terminated: Signal,
    interrupted: Signal,
}

impl Termination {
    /// Watches both signals.
    ///
    /// # Errors
    /// When a signal handler can't be installed.
    pub fn watch() -> io::Result<Self> {
        Ok(Self {
            terminated: signal(SignalKind::terminate())?,
            interrupted: signal(SignalKind::interrupt())?,
        })
    }

    /// Returns when the next of them arrives.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.terminated.recv() => {}
            _ = self.interrupted.recv() => {}
        }
    }
}
