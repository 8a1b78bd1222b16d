//! Waits: named and bounded, they remember what they saw last, and whether they could see at all.

mod adapter;
mod hopeless;
mod pods;
mod state;

pub(crate) use adapter::{ADAPTER, AdapterEnds, ready_adapter};
pub(crate) use pods::ready_pod;
pub(crate) use pods::{describe_pod, has_ready_container};
pub(crate) use state::{Wait, keeps, watch_object};
