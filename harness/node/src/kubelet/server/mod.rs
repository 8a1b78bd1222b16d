//! The kubelet's HTTPS server: `/containerLogs`, which `kubectl logs` arrives at, `/portForward`, and `/healthz`.
//!
//! Only the API server may call: its certificate has to come from the cluster's client authority and name
//! [`API_SERVER`]. A real kubelet would ask the API server whether the caller may get `nodes/proxy`; here
//! no other client has a reason to.

mod forward;
mod options;
mod read;
mod tls;

#[cfg(test)]
mod tests;

use crate::failure::Failure;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use setpoint_support::accept;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub(crate) use tls::ServingFiles;

use options::LogOptions;

/// Whom kube-apiserver is when it calls a kubelet: the name that kubeadm gives that certificate.
pub(crate) const API_SERVER: &str = "kube-apiserver-kubelet-client";

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// What the server asks the kubelet for.
pub(crate) trait LogSource: Send + Sync + 'static {
    /// The log of a container's latest run, or with `previous` of the one before it.
    ///
    /// # Errors
    /// Says why there is none.
    fn container_log(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<ContainerLog, NoLog>;
}

/// One run's log.
#[derive(Debug, Clone)]
pub(crate) struct ContainerLog {
    /// The file, in the CRI's format: `<RFC3339Nano> <stdout|stderr> <F|P> <text>`.
    pub(crate) path: PathBuf,
    /// `true` until the run's last line is in the file. A dropped sender means the same as `false`.
    pub(crate) running: watch::Receiver<bool>,
}

/// Why there is no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum NoLog {
    /// This node has no such pod.
    #[error("pod \"{0}\" does not exist")]
    Pod(String),
    /// The pod has no such container.
    #[error("container \"{container}\" not found in pod \"{pod}\"")]
    Container {
        /// The container.
        container: String,
        /// The pod.
        pod: String,
    },
    /// The container has not run yet.
    #[error("container \"{container}\" in pod \"{pod}\" is waiting to start: {reason}")]
    Waiting {
        /// The container.
        container: String,
        /// The pod.
        pod: String,
        /// The status' reason, such as `ContainerCreating`.
        reason: String,
    },
    /// `previous` was asked for and the container has run only once.
    #[error("previous terminated container \"{container}\" in pod \"{pod}\" not found")]
    Previous {
        /// The container.
        container: String,
        /// The pod.
        pod: String,
    },
}

impl NoLog {
    /// A kubelet's codes: 404 for what isn't there, 400 for what has no log now (`pkg/kubelet/server`).
    fn status(&self) -> StatusCode {
        match self {
            Self::Pod(_) | Self::Container { .. } => StatusCode::NOT_FOUND,
            Self::Waiting { .. } | Self::Previous { .. } => StatusCode::BAD_REQUEST,
        }
    }
}

/// Serves on `listener` until `shutdown`, which also ends the streams that are open.
///
/// # Errors
/// When certificates or keys can't be read or used.
pub(crate) async fn run(
    listener: TcpListener,
    files: &ServingFiles,
    logs: Arc<dyn LogSource>,
    client: kube::Client,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let acceptor = TlsAcceptor::from(files.server_config()?);
    let router = router(logs, client);
    loop {
        let accepted = accept("the kubelet's server", || listener.accept());
        let Some((stream, _)) = shutdown.run_until_cancelled(accepted).await else {
            return Ok(());
        };
        let connection = serve(stream, acceptor.clone(), router.clone());
        let shutdown = shutdown.clone();
        tokio::spawn(async move { shutdown.run_until_cancelled(connection).await });
    }
}

async fn serve(stream: TcpStream, acceptor: TlsAcceptor, router: Router) {
    let stream = match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake with the kubelet's server");
            return;
        }
        Err(_) => return,
    };
    let caller = tls::common_name(stream.get_ref().1.peer_certificates());
    let router = if caller.as_deref() == Some(API_SERVER) {
        router
    } else {
        tracing::debug!(?caller, "not the API server");
        Router::new().fallback(|| async { (StatusCode::FORBIDDEN, "Forbidden") })
    };
    let service = TowerToHyperService::new(router);
    let server = auto::Builder::new(TokioExecutor::new());
    let io = TokioIo::new(stream);
    if let Err(error) = server.serve_connection_with_upgrades(io, service).await {
        // `kubectl logs -f` ends with Ctrl-C, so this is nothing to worry about.
        tracing::debug!(error, "a connection to the kubelet's server broke");
    }
}

fn router(logs: Arc<dyn LogSource>, client: kube::Client) -> Router {
    let forward = Router::new()
        .route("/portForward/{namespace}/{pod}", get(forward::port_forward))
        .with_state(client);
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route(
            "/containerLogs/{namespace}/{pod}/{container}",
            get(container_logs),
        )
        .with_state(logs)
        .merge(forward)
}

async fn container_logs(
    State(logs): State<Arc<dyn LogSource>>,
    Path((namespace, pod, container)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let options = match LogOptions::parse(query.as_deref().unwrap_or_default(), Timestamp::now()) {
        Ok(options) => options,
        Err(error) => return (error.status(), error.to_string()).into_response(),
    };
    let log = match logs.container_log(&namespace, &pod, &container, options.previous) {
        Ok(log) => log,
        Err(error) => return (error.status(), error.to_string()).into_response(),
    };
    match read::open(&log, options).await {
        Ok(lines) => {
            let plain = [(header::CONTENT_TYPE, "text/plain")];
            (plain, Body::from_stream(lines)).into_response()
        }
        Err(error) => {
            let message = format!("failed to open log file {:?}: {error}", log.path);
            (StatusCode::INTERNAL_SERVER_ERROR, message).into_response()
        }
    }
}
