//! What is found, as a text for people and as documents for programs.

mod document;
mod pretty;
mod sarif;

pub(super) use document::json;
pub(super) use pretty::pretty;
pub(super) use sarif::sarif;
