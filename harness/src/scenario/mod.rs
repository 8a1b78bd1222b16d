//! Scenario files: one behaviour of an adapter or an autoscaler each.

mod check;
mod document;
mod load;
mod objects;
mod pki;
mod place;
mod pod;
mod request;
mod rules;
mod span;

pub use document::{
    ClusterOptions, ConditionStatus, Document, Expectation, FaultStep, Install, Metric, Need,
    ObjectOfMetric, On, PrometheusFault, RefusedStep, Sample, ScenarioObject, Step, TargetHealth,
    TrafficStep, WaitFor,
};
pub use load::{LoadError, Scenario, load};
pub use pki::{BrokenPair, CertificateFlaw, PkiStep, Restarted, Serving};
pub use pod::{ContainerExpectation, EventExpectation, PodExpectation};
pub use request::{As, ExpectedAnswer, LoadStep, RequestStep, Via};
pub use span::Span;

/// What a library says of a text, without what it shows of it.
fn first_line(error: &impl ToString) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
