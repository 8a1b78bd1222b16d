//! Lets a sample application count requests, shared among its ready pods.

use futures::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Needs, Play, Remark, StepContext};
use crate::format::{Checks, DeploymentRef, Place, Span, default_namespace};
use crate::outcome::Unmet;
use crate::sample_app::counter::Rate;

/// Traffic to a sample application (`setpoint sample-app`): whenever its ready pods change, each gets its share anew.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrafficStep {
    /// The Deployment, such as `deployment/web`.
    pub to: DeploymentRef,
    /// Its namespace.
    #[serde(default = "default_namespace")]
    pub namespace: String,
    /// The port of its pods.
    #[serde(default = "sample_port")]
    pub port: u16,
    /// Requests a second, of all pods together.
    pub total: f64,
    /// Time until every ready pod has its share, and there is one.
    pub within: Option<Span>,
}

fn sample_port() -> u16 {
    8080
}

impl Play for TrafficStep {
    fn check(&self, place: &Place, checks: &mut Checks<'_>) {
        checks.name(&self.to.name, place.key("to"));
        checks.namespace(&self.namespace, place.key("namespace"));
        checks.longer_than_zero(self.within, place.key("within"));
        if let Err(error) = Rate::per_second(self.total) {
            checks.at(place.key("total"), error.to_string());
        }
    }

    fn describe(&self) -> String {
        format!("{} requests a second to {}", self.total, self.to)
    }

    fn needs(&self) -> Needs {
        Needs::OWN_ADAPTER
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let Self {
                to,
                namespace,
                port,
                total,
                within,
            } = self;
            let expect = &context.expect;
            let within = within.map_or(expect.timeouts.state, |within| expect.stated(within));
            let traffic = &context.traffic;
            traffic.drive(namespace, to, *port, *total, within).await?;
            Ok(None)
        })
    }
}
