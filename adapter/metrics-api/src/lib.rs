#![doc = include_str!("../README.md")]

pub mod custom;
pub mod external;
mod list;
mod meta;
mod quantity;
mod value;

pub use list::{Item, List};
pub use meta::{LabelSelector, LabelSelectorRequirement, ListMeta, ObjectReference, Time};
pub use quantity::{Format, ParseQuantityError, Quantity};
pub use value::{MetricIdentifier, MetricValue};
