//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use setpoint_support::accept;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connection;
use crate::heads::HEAD_UNIT;
use crate::limits::Limits;
use crate::tls::TlsSource;

/// A listener, and how its connections are served: plain HTTP/1.1 unless TLS is configured.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsSource>,
    limits: Limits,
}

impl Server {
    /// A server on a bound listener, without TLS and with the default limits.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            tls: None,
            limits: Limits::default(),
        }
    }

    /// Serves TLS with one configuration, such as that of [`server_config`](crate::server_config).
    #[must_use]
    pub fn tls(self, config: Arc<rustls::ServerConfig>) -> Self {
        self.tls_source(move || config.clone())
    }

    /// Serves TLS and asks for the configuration at every handshake, so that it can be replaced.
    #[must_use]
    pub fn tls_source(
        mut self,
        source: impl Fn() -> Arc<rustls::ServerConfig> + Send + Sync + 'static,
    ) -> Self {
        self.tls = Some(Arc::new(source));
        self
    }

    /// Replaces the limits.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves until `shutdown`. Then new connections are refused, and requests in flight have
    /// [`Limits::drain`] to finish.
    pub async fn run(self, app: Router, shutdown: CancellationToken) {
        let tasks = TaskTracker::new();
        let heads = (self.limits.all_heads_bytes() / HEAD_UNIT) as usize;
        // Two, because heads that are being received wait for the first and would take all of it,
        // while requests don't wait.
        let incoming_heads = Arc::new(Semaphore::new(heads));
        let heads_in_flight = Arc::new(Semaphore::new(heads));
        let connections = Arc::new(Semaphore::new(self.limits.connections));
        while let Some((stream, address, permit)) = self.next(&connections, &shutdown).await {
            let connection = Connection {
                tls: self.tls.clone(),
                limits: self.limits,
                address,
                app: app.clone(),
                incoming_heads: incoming_heads.clone(),
                heads_in_flight: heads_in_flight.clone(),
                shutdown: shutdown.clone(),
            };
            tasks.spawn(async move {
                connection.serve(stream).await;
                drop(permit);
            });
        }
        drop(self.listener);
        tasks.close();
        if tokio::time::timeout(self.limits.drain, tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(after = ?self.limits.drain, "requests still in flight are cut off");
        }
    }

    /// The next connection; none after `shutdown`.
    async fn next(
        &self,
        connections: &Arc<Semaphore>,
        shutdown: &CancellationToken,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let next = async {
            // An error would mean that the semaphore is closed, which it never is.
            let permit = connections.clone().acquire_owned().await.ok()?;
            let (stream, address) = accept("HTTP", async || self.listener.accept().await).await;
            Some((stream, address, permit))
        };
        shutdown.run_until_cancelled(next).await.flatten()
    }
}
