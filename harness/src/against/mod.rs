//! `setpoint run --against PROFILE`: two adapters of the same configurations, beside the same Prometheus and API server,
//! are asked the same, and every difference between their answers has a reason or is a failure.
//!
//! A corpus (`fixtures/against`) is a folder with configurations, requests, series and objects. Each configuration is
//! given to both adapters, each in a pod of its own on one local plane. What the other adapter answers can be recorded,
//! so that where it can't be run the comparison is with the recording.

mod adapter;
mod answer;
mod compare;
mod connection;
mod corpus;
mod difference;
mod error;
mod listed;
mod prometheus;
mod recording;
mod report;
mod request;
mod session;
mod stage;

pub use compare::{Against, Options, compare};
pub use corpus::Corpus;
pub use error::AgainstError;
pub use listed::{Custom, Listed};
pub use report::{Compared, Comparison};
pub use session::{Session, Trial};
