//! Applies Kubernetes objects.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::context::{Play, Remark, StepContext};
use crate::format::{Checks, Place};
use crate::install::apply;
use crate::outcome::Unmet;

/// The objects.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Apply(Vec<Value>);

impl Play for Apply {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        if self.0.is_empty() {
            checks.at(place, "expected an object at least");
        }
        checks.objects(&self.0, place);
    }

    fn describe(&self) -> String {
        format!("apply {} objects", self.0.len())
    }

    fn objects(&self) -> Vec<&Value> {
        self.0.iter().collect()
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let client = context.expect.cluster.client();
            context.change(apply(&client, &self.0)).await
        })
    }
}
