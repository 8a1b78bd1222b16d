//! Ends the adapter's pods; their Deployment brings new ones.

use futures::future::BoxFuture;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt as _};
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Needs, Play, Remark, StepContext};
use crate::outcome::Unmet;
use crate::wait::ADAPTER;

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Restart {
    /// The adapter: its pods are deleted, all at once.
    Adapter,
    /// The adapter's Deployment, as by `kubectl rollout restart`: it replaces pods by its strategy. An expectation waits for that.
    Rollout,
}

impl Play for Restart {
    fn describe(&self) -> String {
        match self {
            Self::Adapter => "restart the adapter".to_owned(),
            Self::Rollout => "roll the adapter's Deployment out anew".to_owned(),
        }
    }

    fn disturbs_adapter(&self, _namespace: &str) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::OWN_ADAPTER
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            match self {
                Self::Adapter => delete_pods(context).await?,
                Self::Rollout => roll_out(context).await?,
            }
            Ok(None)
        })
    }
}

async fn delete_pods(context: &StepContext) -> Result<(), Unmet> {
    let timeouts = &context.expect.timeouts;
    let client = context.expect.cluster.client();
    let pods: Api<Pod> = Api::namespaced(client, &context.names.namespace);
    let all = ListParams::default();
    let list = timeouts.call("list the adapter's pods", pods.list(&all));
    for pod in list.await?.iter().filter(|pod| is_adapter(&pod.spec)) {
        let (name, parameters) = (pod.name_any(), DeleteParams::default());
        let deleted = pods.delete(&name, &parameters);
        timeouts.call(format!("delete pod {name}"), deleted).await?;
    }
    Ok(())
}

async fn roll_out(context: &StepContext) -> Result<(), Unmet> {
    let timeouts = &context.expect.timeouts;
    let client = context.expect.cluster.client();
    let deployments: Api<Deployment> = Api::namespaced(client, &context.names.namespace);
    let all = ListParams::default();
    let list = timeouts.call("list the adapter's Deployments", deployments.list(&all));
    let is_the_adapters = |deployment: &&Deployment| is_adapter(&deployment.spec.template.spec);
    for deployment in list.await?.iter().filter(is_the_adapters) {
        let name = deployment.name_any();
        let restarted = deployments.restart(&name);
        timeouts.call(format!("roll out {name}"), restarted).await?;
    }
    Ok(())
}

fn is_adapter(spec: &Option<PodSpec>) -> bool {
    let containers = spec.iter().flat_map(|spec| &spec.containers);
    containers
        .into_iter()
        .any(|container| container.name == ADAPTER)
}
