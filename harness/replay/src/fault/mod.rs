//! Faults: which request gets one, and what it does.
//!
//! A kind of faults is a file of `kinds` and one line of its table.

mod check;
mod kinds;
mod reply;
mod schedule;

pub use check::FaultError;
pub use kinds::{FaultKind, fault_kinds};
pub(crate) use reply::Reply;
pub(crate) use schedule::{Faults, Told};
