//! What a run found.

mod archive;
mod areas;
mod changes;
mod compare;
mod curves;
mod document;
mod folder;
mod github;
mod html;
mod judged;
mod junit;
mod known;
mod markdown;
mod obligations;
mod outcome;
mod read;
mod terminal;
#[cfg(test)]
pub(crate) mod tests;
pub mod timeline;
mod verdict;
mod xml_text;

pub use changes::{HpaChange, HpaMetric, ReplicaChange};
pub use compare::{Change, Comparison, What};
pub use document::Report;
pub use judged::{Judged, Program};
pub use known::{Expired, KnownFailure, NotFailing};
pub(crate) use obligations::verdicts;
pub use obligations::{Obligation, Word};
pub(crate) use outcome::shortened;
pub use outcome::{Evidence, Kept, Outcome, StepOutcome};
pub use read::ReadReportError;
pub use terminal::Terminal;
pub use verdict::{Counts, Problem, SkipReason, Verdict};
pub(crate) use xml_text::xml_text;
