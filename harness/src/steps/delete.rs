//! Deletes an object.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Play, Remark, StepContext};
use crate::format::{Checks, ObjectRef, Place};
use crate::install::delete;
use crate::outcome::Unmet;

/// The object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Delete(ObjectRef);

impl Play for Delete {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.reference(&self.0, place);
    }

    fn describe(&self) -> String {
        format!("delete {}", self.0)
    }

    fn changes(&self) -> Vec<ObjectRef> {
        vec![self.0.clone()]
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let client = context.expect.cluster.client();
            context.change(delete(&client, &self.0)).await
        })
    }
}
