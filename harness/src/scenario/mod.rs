//! Scenario files: one behaviour of an adapter or an autoscaler each.

mod adopted;
mod check;
mod document;
mod external;
mod files;
mod load;
mod own;
mod placed;
mod proven;
mod used;

pub(crate) use document::{ClusterOptions, Document};
pub use load::{LoadError, Scenario, load, shipped};
