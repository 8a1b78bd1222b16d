//! What several targets share.

pub mod certificates;
pub mod promql;
pub mod rules;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// A text as a segment of a path or as a value in a query string.
pub fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
