//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls_pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connection;
use crate::heads::{HEAD_UNIT, SHORT_HEAD};

/// Who is at the other end of the connection that a request came over: an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's address.
    pub address: SocketAddr,
    /// The certificates that it showed, leaf first; empty without TLS or without a client certificate.
    /// The peer has proven to hold the leaf's key. Nothing else is known of them.
    pub certificates: Arc<[CertificateDer<'static>]>,
}

/// What a server grants. The times are those of `k8s.io/apiserver` (`pkg/server/secure_serving.go`).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for a request's head: from the end of the handshake or, over HTTP/1.1, of the request before. Over HTTP/2 it is
    /// the time until the first request.
    pub request_head: Duration,
    /// How long an HTTP/2 connection may be without a request.
    pub idle: Duration,
    /// Bytes of a request's head (HTTP/1.1 buffer, HTTP/2 header list). Go's default is 1 MiB.
    pub request_head_bytes: u32,
    /// Bytes of all long heads that are coming in, and once more of all heads in flight. A long head that would be one too
    /// many waits; a request that would be is told to try again later. At least `request_head_bytes`.
    pub heads_bytes: u32,
    /// Headers of a request over HTTP/1.1: a front proxy sends one for each of the user's groups. HTTP/2 has its list's size alone.
    pub request_headers: usize,
    /// Time for requests in flight once the end has been asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(32),
            idle: Duration::from_secs(90),
            request_head_bytes: 1 << 20,
            heads_bytes: 64 << 20,
            request_headers: 16_384,
            drain: Duration::from_secs(15),
        }
    }
}

impl Limits {
    /// The bytes that heads of requests can take at the most, whatever peers do.
    #[must_use]
    pub fn most_bytes_of_heads(&self) -> usize {
        let together = self.heads_bytes.max(self.request_head_bytes);
        self.connections * SHORT_HEAD + 2 * together as usize
    }
}

pub(crate) type TlsSource = Arc<dyn Fn() -> Arc<rustls::ServerConfig> + Send + Sync>;

/// A listener, and how connections to it are served.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsSource>,
    limits: Limits,
}

impl Server {
    /// Serves plain HTTP/1.1 on a bound listener, until told otherwise.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            tls: None,
            limits: Limits::default(),
        }
    }

    /// Serves TLS with one configuration.
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

    /// Grants something else than [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves until `shutdown`, then takes no new connection and lets requests in flight finish.
    pub async fn run(self, app: Router, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        let heads = self.limits.heads_bytes.max(self.limits.request_head_bytes);
        // Two, because whoever waits for the one takes what is free of it, and requests don't wait.
        let heads = || Arc::new(Semaphore::new((heads / HEAD_UNIT) as usize));
        let (coming_in, in_flight) = (heads(), heads());
        let room = Arc::new(Semaphore::new(self.limits.connections));
        while let Some((stream, address, permit)) = self.accept(&room, &shutdown).await {
            let connection = Connection {
                tls: self.tls.clone(),
                limits: self.limits,
                address,
                app: app.clone(),
                room_coming_in: coming_in.clone(),
                room_in_flight: in_flight.clone(),
                shutdown: shutdown.clone(),
            };
            connections.spawn(async move {
                connection.serve(stream).await;
                drop(permit);
            });
        }
        drop(self.listener);
        connections.close();
        if tokio::time::timeout(self.limits.drain, connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(after = ?self.limits.drain, "requests still in flight are cut off");
        }
    }

    /// The next connection; none when the end has been asked for.
    async fn accept(
        &self,
        room: &Arc<Semaphore>,
        shutdown: &CancellationToken,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let mut pause = tokio::time::interval(Duration::from_millis(100));
        shutdown
            .run_until_cancelled(async {
                // A closed semaphore can't be: nobody closes it.
                let permit = room.clone().acquire_owned().await.ok()?;
                loop {
                    match self.listener.accept().await {
                        Ok((stream, address)) => return Some((stream, address, permit)),
                        Err(error) if concerns_one_connection(&error) => {}
                        Err(error) => {
                            // Out of descriptors, say. Others must close some first: don't spin meanwhile.
                            tracing::warn!(%error, "accept a connection");
                            pause.reset();
                            pause.tick().await;
                        }
                    }
                }
            })
            .await
            .flatten()
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
