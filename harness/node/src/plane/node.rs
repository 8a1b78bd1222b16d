//! The plane's one node: kubelet and its HTTPS server.

use std::io;
use std::sync::Arc;

use kube::Client;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::address::{KUBELET_PORT, NODE_ADDRESS, NODE_NAME};
use crate::kubelet::server::{self, ServingFiles};
use crate::kubelet::{self, KubeletConfig, Paths, Registry, RestartBackoff};
use crate::network::PodNetwork;
use crate::protocol::PlaneSpec;
use crate::proxy::PublishedNames;
use setpoint_support::error_chain;

/// Where pods' files are, below the plane's tmpfs.
const PODS: &str = "pods";

/// Runs the node until one of its parts ends, which is always an error.
pub(super) async fn run(
    spec: PlaneSpec,
    client: Client,
    network: Arc<PodNetwork>,
    names: watch::Receiver<PublishedNames>,
    renew_tokens: watch::Receiver<u64>,
) -> io::Error {
    let paths = Paths::new(spec.dir.run().join(PODS));
    let registry = Registry::new(paths.clone());
    let shutdown = CancellationToken::new();
    let pki = |name| spec.dir.pki().join(name);
    let files = ServingFiles {
        certificate: pki("kubelet.crt"),
        key: pki("kubelet.key"),
        client_ca: pki("ca.crt"),
    };
    let listener = match TcpListener::bind((NODE_ADDRESS, KUBELET_PORT)).await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    let logs = Arc::new(registry.clone());
    let serve = server::run(listener, &files, logs, client.clone(), shutdown.clone());
    let run = kubelet::run(KubeletConfig {
        client,
        node_name: NODE_NAME.to_owned(),
        node_ip: NODE_ADDRESS,
        port: KUBELET_PORT,
        images: spec.images,
        network,
        paths,
        registry,
        names,
        renew_tokens,
        restart_backoff: RestartBackoff::default(),
        shutdown: shutdown.clone(),
    });
    let outcome = tokio::select! {
        served = serve => served.map_err(|error| error_chain(&error)),
        ran = run => ran.map_err(|error| error_chain(&error)),
    };
    io::Error::other(outcome.err().unwrap_or_else(|| "it ended".to_owned()))
}
