//! Puts an object back as it was installed.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Needs, Play, Remark, StepContext, concerns_adapter};
use crate::format::{Checks, ObjectRef, Place};
use crate::install::apply;
use crate::outcome::{HarnessProblem, Unmet};

/// The object.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct Restore(ObjectRef);

impl Play for Restore {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.reference(&self.0, place);
    }

    fn describe(&self) -> String {
        format!("put back {}", self.0)
    }

    fn disturbs_adapter(&self, namespace: &str) -> bool {
        concerns_adapter(&self.0, namespace)
    }

    fn needs(&self) -> Needs {
        Needs::OWN_ADAPTER
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let installed = context
                .installed
                .iter()
                .find(|object| ObjectRef::of(object) == self.0);
            let object = installed.ok_or_else(|| HarnessProblem::Scenario {
                problem: format!(
                    "put back {}: neither the installation nor the scenario's manifests have it; look at apiVersion, kind, namespace and name",
                    self.0
                ),
            })?;
            let client = context.expect.cluster.client();
            let applied = apply(&client, std::slice::from_ref(object));
            context.change(applied).await
        })
    }
}
