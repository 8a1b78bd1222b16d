//! The time, for waits and for what is reported.

use std::time::Instant;

use jiff::Timestamp;
use tokio::time::sleep_until;

/// One moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) instant: Instant,
    pub(super) time: Timestamp,
}

impl Now {
    pub(super) fn read() -> Self {
        Self {
            // Tokio's, which sleeps are measured by.
            instant: tokio::time::Instant::now().into_std(),
            time: Timestamp::now(),
        }
    }
}

/// Returns at that time, and never without one.
pub(super) async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
