//! The commands of `setpoint`.

pub mod cluster;
pub mod provision;
pub mod reap;
pub mod replay;
pub mod scripted;

/// What the user gave can't be used: exit code 2, and nothing was started.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct BadInput(pub anyhow::Error);
