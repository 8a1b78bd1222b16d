//! Scenario files: one behaviour of an adapter or an autoscaler each.

mod check;
mod document;
mod load;
mod pki;
mod request;
mod span;

pub use document::{
    ClusterOptions, ConditionStatus, Document, Expectation, FaultStep, Install, Metric, Need,
    ObjectOfMetric, On, PrometheusFault, Sample, ScenarioObject, Step, WaitFor,
};
pub use load::{LoadError, Scenario, load};
pub use pki::{BrokenPair, CertificateFlaw, PkiStep, Restarted, Serving};
pub use request::{As, ExpectedAnswer, LoadStep, RequestStep, Via};
pub use span::Span;
