//! Scenario files: one behaviour of an adapter or an autoscaler each.

mod check;
mod document;
mod load;
mod span;

pub use document::{
    As, ClusterOptions, ConditionStatus, Document, Expectation, ExpectedAnswer, FaultStep, Install,
    Metric, Need, ObjectOfMetric, On, PrometheusFault, RequestStep, Sample, ScenarioObject, Step,
    Via, WaitFor,
};
pub use load::{LoadError, Scenario, load};
pub use span::Span;
