//! Starts a control plane, prints how to reach it, and holds it until standard input ends.
//!
//! `cargo run -p setpoint-cluster --example plane`

use std::sync::Arc;

use setpoint_cluster::local::{LocalCluster, LocalOptions};
use setpoint_cluster::{Cluster, ImageTable, provision};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Fails only when there is a provider already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let binaries = provision::find(&provision::Options::from_env())?;
    let mut options = LocalOptions::new(binaries, ImageTable::default());
    options.progress = Some(Arc::new(|what| eprintln!("waiting for {what}")));
    let cluster = LocalCluster::start(options).await?;
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
