//! An APIService's condition `Available`.

use futures::future::BoxFuture;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1 as apiregistration;
use kube::Api;
use schemars::JsonSchema;
use serde::Deserialize;

use super::condition::{Condition, ExpectedCondition};
use super::context::{Expect, ExpectContext};
use crate::format::{Checks, ConditionStatus, Place, Span};
use crate::outcome::{Finding, Kind, Unmet};
use crate::wait::Wait;

/// An APIService's condition `Available`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApiService {
    /// Its name.
    pub name: String,
    /// The condition's status.
    pub available: ConditionStatus,
    /// The condition's reason.
    pub reason: Option<String>,
    /// What the condition's message must hold.
    pub message: Option<String>,
    /// Time until then.
    pub within: Option<Span>,
    /// Time for which it stays so from then on.
    #[serde(rename = "for")]
    pub for_: Option<Span>,
}

/// There is no such APIService.
#[derive(Debug, thiserror::Error)]
#[error("there is no such APIService")]
struct Absent;

impl Finding for Absent {
    fn kind(&self) -> Kind {
        Kind::NoSuchObject
    }
}

impl Expect for ApiService {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.name(&self.name, place.key("name"));
        checks.longer_than_zero(self.within, place.key("within"));
        checks.longer_than_zero(self.for_, place.key("for"));
    }

    fn describe(&self) -> String {
        format!("APIService {} Available={}", self.name, self.available)
    }

    fn looks_at_adapter(&self) -> bool {
        true
    }

    fn judge<'a>(&'a self, context: &'a ExpectContext) -> BoxFuture<'a, Result<(), Unmet>> {
        Box::pin(async move {
            let Self {
                name, available, ..
            } = self;
            let because = self.message.as_deref().or(self.reason.as_deref());
            let because = because.map_or_else(String::new, |why| format!(" because of `{why}`"));
            let wait = Wait {
                what: format!("APIService {name} has Available={available}{because}"),
                within: context.within(self.within),
                hold: context.hold(self.for_),
            };
            let api = Api::all(context.cluster.client());
            wait.on(api, name, |service| self.judge_object(service))
                .await
        })
    }
}

impl ApiService {
    fn judge_object(&self, service: Option<apiregistration::APIService>) -> Result<(), Unmet> {
        let status = service.ok_or(Absent)?.status;
        let conditions = status.and_then(|status| status.conditions);
        let conditions = conditions.unwrap_or_default();
        let expected = ExpectedCondition {
            status: Some(self.available),
            reason: self.reason.as_deref(),
            message: self.message.as_deref(),
        };
        Ok(expected.judge("Available", conditions.iter().map(Condition::from))?)
    }
}
