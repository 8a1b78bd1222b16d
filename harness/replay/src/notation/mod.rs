//! promtool's notation of series: the project's one parser of it.
//!
//! The values follow `promql/parser/generated_parser.y` of Prometheus (rules `series_values` and `series_item`), which
//! is what `promtool test rules` reads: `a`, `axN` (N+1 times a), `a+bxN` and `a-bxN` (N+1 samples), `_`, `_xN` (N gaps)
//! and `stale`. Native histograms (`{{…}}`) are refused by name.
//!
//! Beyond promtool's notation there are shapes of load, such as `sine(50,20,40)x240`: `sine`, `step`, `spike`, `noise`,
//! `restart` and `churn`, each of a series of its own steps. Their numbers are in [`parse_values`].

mod cursor;
mod selector;
mod shapes;
mod values;
mod written;

use thiserror::Error;

pub(crate) use cursor::{Cursor, found};
pub(crate) use selector::labels_at;
pub use selector::{parse_labels, parse_series, write_labels};
pub use values::{MAX_SAMPLES, Point, Values, ValuesError, parse_values};
pub use written::write_values;

/// Where a notation can't be read, and what would have been right.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("column {column}: expected {expected}, found {found}")]
pub struct NotationError {
    /// Position of the first character that can't be used, from 1, in characters.
    pub column: usize,
    /// What could have stood there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}
