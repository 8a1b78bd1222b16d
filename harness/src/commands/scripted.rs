//! `setpoint scripted`: an adapter that serves a table.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{Server, server_config};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::BadInput;
use crate::scripted::{Table, router};

/// Serves custom.metrics.k8s.io from a table, over TLS
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Serves custom.metrics.k8s.io from a table, over TLS: an honest adapter to prove with what a control plane \
        does.\n\nWhoever asks is answered. SIGTERM and SIGINT end it.",
    after_help = "Example:\n  setpoint scripted --table table.yaml --tls-cert-file tls.crt --tls-private-key-file tls.key\n\n\
        table.yaml:\n  metrics:\n    - {metric: rps, resource: pods, kind: Pod, apiVersion: v1, namespace: default, name: web-1, \
        labels: {app: web}, value: '5'}"
)]
pub struct Args {
    /// The values, YAML or JSON
    #[arg(long, value_name = "FILE")]
    pub table: PathBuf,
    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6443")]
    pub listen: SocketAddr,
    /// Certificate chain to serve with
    #[arg(long, value_name = "FILE")]
    pub tls_cert_file: PathBuf,
    /// Key of the certificate
    #[arg(long, value_name = "FILE")]
    pub tls_private_key_file: PathBuf,
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When the table or the pair can't be used, or the address can't be listened on.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let shutdown = CancellationToken::new();
    let mut terminated = signal(SignalKind::terminate()).context("watch SIGTERM")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("watch SIGINT")?;
    let table = Table::read(&args.table).map_err(|error| BadInput(error.into()))?;
    let chain = CertificateDer::pem_file_iter(&args.tls_cert_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("read the certificate {}", args.tls_cert_file.display()))?;
    let key = PrivateKeyDer::from_pem_file(&args.tls_private_key_file)
        .with_context(|| format!("read the key {}", args.tls_private_key_file.display()))?;
    let tls = server_config(chain, key)?;
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listen on {}", args.listen))?;
    anstream::println!(
        "serving on {}",
        listener.local_addr().context("ask for the address")?
    );
    let ended = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
        ended.cancel();
    });
    Server::new(listener)
        .tls(tls)
        .run(router(table), shutdown)
        .await;
    Ok(())
}
