//! Evaluates PromQL from an immutable [`World`]; knows nothing of HTTP.
//!
//! All functions, aggregations and operators of Prometheus are there but native histograms and what is experimental;
//! these are refused by name, as a Prometheus without its feature flags refuses them. The rules are those of
//! `promql/engine.go` and `promql/functions.go`; `tests/real` compares the answers with real servers.
//!
//! Known differences: errors of the parser name no place in the query, and a query of more than 400 operators or nested
//! deeper is refused.

mod aggregate;
mod answer;
mod binary;
mod dates;
mod error;
mod eval;
mod function_table;
mod functions;
mod histogram;
mod label_functions;
mod matching;
mod matrix;
mod number_functions;
mod over_time;
mod plan;
mod ranked;
mod rate;
mod regexes;
mod selector;
mod settings;
mod sum;
mod text;
mod trend;
mod vector_functions;
mod version;
mod window;

pub use answer::{Answer, Element, Samples, Value, evaluate, instant, range};
pub use error::QueryError;
pub(crate) use matrix::{STALE, is_stale};
pub use selector::{Demand, Selector, narrowed_selector, parse_selector, selectors_of};
pub use settings::Settings;
pub(crate) use version::Change;
pub use version::{Version, VersionError};

/// Whether a text is PromQL that the default version of Prometheus takes.
///
/// # Errors
/// If it isn't.
pub fn parse_query(query: &str) -> Result<(), QueryError> {
    let planner = plan::Planner {
        version: Version::default(),
        bounds: (0, 0),
        time: &|time| time,
    };
    planner
        .plan(&text::parse(query, planner.version)?, 0)
        .map(drop)
}
