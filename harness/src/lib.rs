//! Under construction.

pub mod commands;
