//! The status of a condition.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It doesn't.
    False,
    /// It can't be told.
    Unknown,
}

shown_as_written!(ConditionStatus);

/// As objects write it.
impl PartialEq<ConditionStatus> for str {
    fn eq(&self, other: &ConditionStatus) -> bool {
        self == match other {
            ConditionStatus::True => "True",
            ConditionStatus::False => "False",
            ConditionStatus::Unknown => "Unknown",
        }
    }
}
