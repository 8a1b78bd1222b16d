//! Failures that are known.

use std::path::PathBuf;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a failure is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownFailure {
    /// Why it fails.
    pub reason: String,
    /// The last day on which it may.
    #[schemars(with = "String")]
    pub expires: Date,
}

/// Something is known to fail and passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("`{id}` is known to fail and passed ({}): remove it from {}", .passed.join(", "), .file.display())]
pub struct NotFailing {
    /// The scenario or the obligation.
    pub id: String,
    /// The file that says that it fails.
    pub file: PathBuf,
    /// The scenarios that passed.
    pub passed: Vec<String>,
}

/// Something was known to fail until a day that is over, and fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("`{id}` was known to fail until {expires}, and fails ({}): mend it, or give it another day in {}", .failed.join(", "), .file.display())]
pub struct Expired {
    /// The scenario or the obligation.
    pub id: String,
    /// The last day on which it might.
    #[schemars(with = "String")]
    pub expires: Date,
    /// The file that says that it fails.
    pub file: PathBuf,
    /// The scenarios that failed.
    pub failed: Vec<String>,
}
