//! Expectations: states that a scenario waits for. Each is a module: the keys that it has in a file,
//! what can be wrong with them, its description, and how it is judged.
//!
//! A new one is a file here and a line in [`Expectation`].

mod api_service;
mod certificate;
mod condition;
mod context;
mod discovery;
mod hpa;
mod hpas;
mod object;
mod pod;
mod query;
mod replicas;
mod target;

use crate::format::one_of;

pub(crate) use context::{Expect, ExpectContext};
pub(crate) use hpa::{name_and_target, name_and_value};

one_of! {
    /// A state that is expected.
    pub enum Expectation: Expect {
        /// A Deployment's replicas.
        Replicas(replicas::Replicas),
        /// An HPA's state.
        Hpa(hpa::Hpa),
        /// All HPAs of a namespace, each with a value that it measures.
        Hpas(hpas::Hpas),
        /// An APIService's condition `Available`.
        Apiservice(api_service::ApiService),
        /// The certificate that the adapter shows.
        Certificate(certificate::Certificate),
        /// A pod's state, its events, and its log.
        Pod(pod::Pod),
        /// Any object's fields, or that there is no such object.
        Object(object::Object),
        /// The adapter's own discovery of a group: sorted, and equal in legacy and aggregated form.
        Discovery(discovery::Discovery),
        /// Targets of a real Prometheus, all that have these labels.
        Target(target::Target),
        /// What a real Prometheus answers to a query.
        Query(query::Query),
    }
}
