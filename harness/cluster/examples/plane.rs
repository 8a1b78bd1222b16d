//! Starts a control plane, prints how to reach it, and holds it until standard input ends.
//!
//! `cargo run -p setpoint-cluster --example plane`

use std::sync::Arc;

use setpoint_cluster::Cluster;
use setpoint_cluster::local::LocalCluster;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = LocalCluster::builder()
        .progress(Arc::new(|what| eprintln!("waiting for {what}")))
        .start()
        .await?;
    let facts = cluster.facts();
    eprintln!(
        "Kubernetes {} is ready after {:.1} s",
        facts.kubernetes_version,
        facts.ready_after.as_secs_f64()
    );
    println!("{}", cluster.kubeconfig().display());
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    cluster.stop().await?;
    Ok(())
}
