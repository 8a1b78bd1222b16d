#![doc = include_str!("../README.md")]

pub mod custom;
pub mod external;
mod list;
mod meta;
mod quantity;
pub mod resource;
mod table;
mod value;

pub use list::{Item, List};
pub use meta::{
    Duration, LabelSelector, LabelSelectorRequirement, ListMeta, ObjectReference, Time,
    null_as_default,
};
pub use quantity::{Format, ParseQuantityError, Quantity};
pub use table::{IncludeObject, Table};
pub use value::{MetricIdentifier, MetricValue};
