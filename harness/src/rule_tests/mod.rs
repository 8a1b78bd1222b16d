//! Tests of adapter rules, as `promtool test rules` tests rules of Prometheus: given these series and these objects, what does
//! the metrics API answer at minute five?
//!
//! A file goes one way: [`TestFile::load`] → [`TestFile::run`] → [`FileReport`]. Rules are evaluated by `setpoint-rules`, as the
//! adapter evaluates them, and queries by the engine of the fake Prometheus; there is no network, and time is virtual.

mod answer;
mod api_group;
mod cluster;
mod document;
mod duration;
mod entry;
mod expected;
mod init;
mod judge;
mod load;
mod report;
mod request;
mod resources;
mod rule_file;
mod run;
mod update;

pub use init::{InitError, LiveError, first_path, first_tests, first_tests_from};
pub use load::{LoadError, TestFile};
pub use report::{FileReport, TestReport, to_json, to_junit};
pub use update::UpdateError;

/// The JSON schema of test files.
#[must_use]
pub fn schema() -> String {
    crate::format::schema_of::<document::Document>()
}

#[cfg(test)]
mod explained_tests;
#[cfg(test)]
mod label_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
