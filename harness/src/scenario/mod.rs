//! Scenario files: one behaviour of an adapter or an autoscaler each.

mod adopted;
mod document;
mod external;
mod load;
mod own;
mod placed;
mod used;

pub(crate) use document::{ClusterOptions, Document};
pub use load::{LoadError, Scenario, load, shipped};
