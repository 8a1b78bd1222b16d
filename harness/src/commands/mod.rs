//! The commands of `setpoint`.

pub mod cluster;
pub mod provision;
pub mod reap;
