//! Starts a control plane that serves a type of custom resources, and creates one.
//!
//! `cargo run -p setpoint-cluster --example custom_resource`

use kube::api::{Api, DynamicObject, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::json;
use setpoint_cluster::Cluster;
use setpoint_cluster::local::LocalCluster;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let crd = serde_json::from_value(json!({
        "metadata": {"name": "lamps.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Lamp", "plural": "lamps"},
            "scope": "Namespaced",
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    }))?;
    let cluster = LocalCluster::builder().crds([crd]).start().await?;
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("example.com", "v1", "Lamp"));
    let lamps: Api<DynamicObject> = Api::default_namespaced_with(cluster.client(), &kind);
    let lamp = DynamicObject::new("desk", &kind);
    let made = lamps.create(&PostParams::default(), &lamp).await?;
    println!("{}", serde_json::to_string_pretty(&made.metadata)?);
    cluster.stop().await?;
    Ok(())
}
