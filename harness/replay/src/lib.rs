//! A synthetic Prometheus: series notation, a PromQL evaluator, a clock of its own, and faults on the wire.

mod script;

pub use script::{
    Clock, Fault, FaultAnswer, Journal, JournalEntry, Script, ScriptedSeries, ServerTime,
};
