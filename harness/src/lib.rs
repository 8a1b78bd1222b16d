//! Under construction.

pub mod commands;
pub mod scripted;
