//! Applies an object that the API server must refuse.

use std::error::Error as _;

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, ObjectRef, Place};
use crate::install::apply;
use crate::outcome::{ClusterProblem, Finding, Kind, Unmet};

/// An object that the API server must refuse.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Refused {
    /// The object.
    pub apply: Value,
    /// The HTTP status of the refusal.
    pub status: u16,
    /// What its message must hold.
    pub message: String,
}

/// It was not refused, or for another reason.
#[derive(Debug, thiserror::Error)]
enum NotRefused {
    #[error("{object} was accepted")]
    Accepted { object: String },
    #[error("{object} was refused by {status}: {message}")]
    Otherwise {
        object: String,
        status: u16,
        message: String,
    },
}

impl Finding for NotRefused {
    fn kind(&self) -> Kind {
        Kind::NotRefused
    }
}

impl Play for Refused {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.manifest(&self.apply, place.key("apply"));
        if !(400..=599).contains(&self.status) {
            checks.at(
                place.key("status"),
                format!(
                    "{} is no HTTP status of a refusal; expected 400 to 599",
                    self.status
                ),
            );
        }
    }

    fn describe(&self) -> String {
        format!("apply {}, which is refused", ObjectRef::of(&self.apply))
    }

    /// It is there after all when the scenario fails for that.
    fn objects(&self) -> Vec<&Value> {
        vec![&self.apply]
    }

    fn needs(&self) -> Needs {
        Needs::OWN_ADAPTER
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let client = context.expect.cluster.client();
            let object = ObjectRef::of(&self.apply).to_string();
            let Err(error) = apply(&client, std::slice::from_ref(&self.apply)).await else {
                return Err(NotRefused::Accepted { object }.into());
            };
            let Some(kube::Error::Api(refusal)) =
                error.source().and_then(|source| source.downcast_ref())
            else {
                return Err(ClusterProblem::call("change objects", error).into());
            };
            if refusal.code == self.status && refusal.message.contains(&self.message) {
                return Ok(None);
            }
            Err(NotRefused::Otherwise {
                object,
                status: refusal.code,
                message: refusal.message.clone(),
            }
            .into())
        })
    }
}
