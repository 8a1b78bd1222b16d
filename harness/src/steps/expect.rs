//! Expects a state, or that it stays.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Needs, Play, Remark, Said, StepContext};
use crate::expect::Expectation;
use crate::format::{Checks, Place, keyed};
use crate::outcome::Unmet;

/// The state.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(crate) struct ExpectStep(#[serde(deserialize_with = "keyed")] Expectation);

impl Play for ExpectStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        self.0.check(place.value(), checks);
    }

    fn describe(&self) -> String {
        format!("expect {}", self.0.describe())
    }

    fn needs(&self) -> Needs {
        Needs {
            real_prometheus: self.0.needs_real_prometheus(),
            own_adapter: self.0.looks_at_adapter(),
            ..Needs::default()
        }
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let measured = self.0.measure(&context.expect).await?;
            Ok(measured.map(Said::from))
        })
    }
}
