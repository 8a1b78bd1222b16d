//! Ends the adapter's pods; their Deployment brings new ones.

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, ResourceExt as _};
use schemars::JsonSchema;
use serde::Deserialize;

use super::context::{Needs, Play, Remark, StepContext};
use crate::outcome::Unmet;

/// What is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Restart {
    /// The adapter.
    Adapter,
}

impl Play for Restart {
    fn describe(&self) -> String {
        match self {
            Self::Adapter => "restart the adapter".to_owned(),
        }
    }

    fn needs(&self) -> Needs {
        Needs::OWN_ADAPTER
    }

    fn play<'a>(&'a self, context: &'a StepContext) -> BoxFuture<'a, Result<Remark, Unmet>> {
        Box::pin(async move {
            let client = context.expect.cluster.client();
            let pods: Api<Pod> = Api::namespaced(client, &context.names.namespace);
            let all = ListParams::default();
            let list = context
                .expect
                .timeouts
                .call("list the adapter's pods", pods.list(&all))
                .await?;
            for pod in list.iter().filter(|pod| is_adapter(pod)) {
                let (name, parameters) = (pod.name_any(), DeleteParams::default());
                let deleted = pods.delete(&name, &parameters);
                context
                    .expect
                    .timeouts
                    .call(format!("delete pod {name}"), deleted)
                    .await?;
            }
            Ok(None)
        })
    }
}

fn is_adapter(pod: &Pod) -> bool {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .into_iter()
        .any(|container| container.name == "adapter")
}
