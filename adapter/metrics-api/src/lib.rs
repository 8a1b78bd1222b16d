//! Wire types of the Kubernetes metrics APIs, and [`Quantity`], exactly as Kubernetes reads and writes them.
//!
//! ```
//! use setpoint_metrics_api::Quantity;
//!
//! let requests_per_second = Quantity::from_milli(2_500);
//! assert_eq!(requests_per_second.to_string(), "2500m");
//! assert_eq!("2.5".parse::<Quantity>()?, requests_per_second);
//! # Ok::<(), setpoint_metrics_api::ParseQuantityError>(())
//! ```

pub mod custom;
pub mod external;
mod meta;
mod quantity;
mod value;

pub use meta::{LabelSelector, LabelSelectorRequirement, ListMeta, ObjectReference, Time};
pub use quantity::{Format, ParseQuantityError, Quantity};
pub use value::{MetricIdentifier, MetricValue};
