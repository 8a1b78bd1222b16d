//! Conditions of objects.

use std::fmt;

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscalerCondition;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIServiceCondition;

use crate::format::ConditionStatus;
use crate::outcome::{Finding, Kind};

/// What is expected of a condition.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ExpectedCondition<'a> {
    pub(super) status: Option<ConditionStatus>,
    pub(super) reason: Option<&'a str>,
    /// What the message must hold.
    pub(super) message: Option<&'a str>,
}

/// A condition as an object has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) type_: String,
    pub(super) status: String,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Condition {
    pub(super) fn is(&self, status: ConditionStatus) -> bool {
        *self.status == status
    }

    /// The same as something that isn't expected.
    pub(super) fn unexpected(self) -> UnexpectedCondition {
        UnexpectedCondition::Other(self)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            type_,
            status,
            reason,
            message,
        } = self;
        write!(f, "{type_}={status} by {reason}: {message}")
    }
}

impl From<&HorizontalPodAutoscalerCondition> for Condition {
    fn from(found: &HorizontalPodAutoscalerCondition) -> Self {
        Self {
            type_: found.type_.clone(),
            status: found.status.clone(),
            reason: found.reason.clone().unwrap_or_default(),
            message: found.message.clone().unwrap_or_default(),
        }
    }
}

impl From<&APIServiceCondition> for Condition {
    fn from(found: &APIServiceCondition) -> Self {
        Self {
            type_: found.type_.clone(),
            status: found.status.clone(),
            reason: found.reason.clone().unwrap_or_default(),
            message: found.message.clone().unwrap_or_default(),
        }
    }
}

/// A condition is not as expected.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UnexpectedCondition {
    #[error("it has no condition {0}")]
    Absent(String),
    #[error("it has {0}")]
    Other(Condition),
}

impl Finding for UnexpectedCondition {
    fn kind(&self) -> Kind {
        Kind::UnexpectedCondition
    }
}

impl ExpectedCondition<'_> {
    /// Whether the condition of that type is as expected.
    pub(super) fn judge(
        self,
        type_: &str,
        conditions: impl IntoIterator<Item = Condition>,
    ) -> Result<(), UnexpectedCondition> {
        let mut conditions = conditions.into_iter();
        let Some(found) = conditions.find(|found| found.type_ == type_) else {
            return Err(UnexpectedCondition::Absent(type_.to_owned()));
        };
        let fits = self.status.is_none_or(|status| found.is(status))
            && self.reason.is_none_or(|reason| found.reason == reason)
            && self.message.is_none_or(|part| found.message.contains(part));
        if fits {
            Ok(())
        } else {
            Err(found.unexpected())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_an_expected_condition_can_differ() {
        let found = Condition {
            type_: "Available".to_owned(),
            status: "False".to_owned(),
            reason: "FailedDiscoveryCheck".to_owned(),
            message: "x509: unknown authority".to_owned(),
        };
        let expected = ExpectedCondition {
            status: Some(ConditionStatus::False),
            reason: Some("FailedDiscoveryCheck"),
            message: Some("x509"),
        };
        assert_eq!(expected.judge("Available", [found.clone()]), Ok(()));
        for wrong in [
            ExpectedCondition {
                status: Some(ConditionStatus::True),
                ..expected
            },
            ExpectedCondition {
                reason: Some("Passed"),
                ..expected
            },
            ExpectedCondition {
                message: Some("x510"),
                ..expected
            },
        ] {
            let unexpected = wrong.judge("Available", [found.clone()]).unwrap_err();
            assert_eq!(
                unexpected.to_string(),
                "it has Available=False by FailedDiscoveryCheck: x509: unknown authority"
            );
        }
        let absent = expected.judge("Ready", [found]).unwrap_err();
        assert_eq!(absent.to_string(), "it has no condition Ready");
    }
}
