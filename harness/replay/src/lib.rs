//! A synthetic Prometheus: series notation, a PromQL evaluator, a clock of its own, and faults on the wire.
//!
//! ```
//! use setpoint_replay::{Script, World, promql};
//!
//! let script = Script {
//!     series: vec![setpoint_replay::ScriptedSeries {
//!         series: r#"http_requests_total{pod="web-1"}"#.to_owned(),
//!         values: "0+10x60".parse()?,
//!         interval: 1.0,
//!         from: 0.0,
//!         hold: false,
//!     }],
//!     ..Script::default()
//! };
//! let world = World::new(&script, 0)?;
//! let answer = promql::evaluate(&world, "sum(rate(http_requests_total[30s]))", 60_000)?;
//! assert!(matches!(answer, promql::Value::Vector(sums) if sums[0].value == 10.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod access;
pub mod api;
mod builder;
pub mod client;
mod clock;
mod control;
mod delivery;
mod fault;
mod front;
mod journal;
pub mod labels;
mod mock;
pub mod notation;
mod number;
pub mod promql;
pub mod remote_write;
mod replay;
mod script;
mod series;
mod shared;
pub mod sources;
mod tenants;
mod wire;
mod world;

pub use access::{Access, Tls, TlsPairError};
pub use builder::{BuildError, ReplayBuilder};
pub use clock::ClockMap;
pub use fault::{FaultError, FaultKind, fault_kinds};
pub use replay::{Replay, ReplayOptions, StartError};
pub use script::{
    Clock, Fault, FaultAnswer, Journal, JournalEntry, Metadata, Sample, SampledSeries, Script,
    ScriptedSeries, ServerTime,
};
pub use series::{Known, Series};
pub use tenants::Tenants;
pub use world::{MAX_SAMPLES_IN_ALL, ScriptError, World};
