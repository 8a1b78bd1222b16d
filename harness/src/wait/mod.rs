//! Waits: named and bounded, they remember what they saw last, and whether they could see at all.

mod adapter;
mod hopeless;
mod pods;
mod state;

pub(crate) use adapter::{ADAPTER, AdapterEnds, ready_adapter};
pub(crate) use pods::{container_status, describe_pod, has_ready_container, pods_in, ready_pod};
pub(crate) use state::{Wait, keeps, watch_object};
