//! The accept loop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// Who is at the other end of the connection that a request came over: an extension of every request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The peer's address.
    pub address: SocketAddr,
    /// The certificates that it showed, leaf first; empty without TLS or without a client certificate.
    /// The peer has proven to hold the leaf's key. Nothing else is known of them.
    pub certificates: Arc<[CertificateDer<'static>]>,
}

/// What a server grants.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time; further ones wait in the kernel's queue.
    pub connections: usize,
    /// Time for a TLS handshake.
    pub handshake: Duration,
    /// Time for a request's head.
    pub request_head: Duration,
    /// Bytes of a request's head (HTTP/1.1 buffer, HTTP/2 header list). Go's default is 1 MiB.
    pub request_head_bytes: u32,
    /// Headers of a request over HTTP/1.1: a front proxy sends one for each of the user's groups. HTTP/2 has its list's size alone.
    pub request_headers: usize,
    /// Time for requests in flight once the end has been asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4096,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(30),
            request_head_bytes: 1 << 20,
            request_headers: 16_384,
            drain: Duration::from_secs(15),
        }
    }
}

type TlsSource = Arc<dyn Fn() -> Arc<rustls::ServerConfig> + Send + Sync>;

/// A listener, and how connections to it are served.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsSource>,
    limits: Limits,
}

impl Server {
    /// Serves plain HTTP on a bound listener, until told otherwise.
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
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(self.limits.connections));
        while let Some((stream, address, permit)) = self.accept(&room, &shutdown).await {
            let connection = Connection {
                tls: self.tls.clone(),
                limits: self.limits,
                address,
                app: app.clone(),
                shutdown: shutdown.clone(),
                watcher: graceful.watcher(),
            };
            tokio::spawn(async move {
                connection.serve(stream).await;
                drop(permit);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(self.limits.drain, graceful.shutdown())
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

struct Connection {
    tls: Option<TlsSource>,
    limits: Limits,
    address: SocketAddr,
    app: Router,
    shutdown: CancellationToken,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Answers are small and awaited: Nagle would only hold them back.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.as_ref().map(|source| source()) else {
            return self.serve_http(stream, Arc::default()).await;
        };
        let handshake =
            tokio::time::timeout(self.limits.handshake, TlsAcceptor::from(tls).accept(stream));
        match self.shutdown.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => {
                let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let certificates = certificates
                    .iter()
                    .map(|certificate| certificate.clone().into_owned())
                    .collect();
                self.serve_http(stream, certificates).await;
            }
            Some(Ok(Err(error))) => tracing::debug!(peer = %self.address, %error, "TLS handshake"),
            Some(Err(_)) => tracing::debug!(peer = %self.address, "TLS handshake took too long"),
            None => {}
        }
    }

    async fn serve_http<S>(self, stream: S, certificates: Arc<[CertificateDer<'static>]>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer {
            address: self.address,
            certificates,
        };
        let app =
            self.app
                .map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
                    request.extensions_mut().insert(peer.clone());
                    request
                });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.request_head)
            .max_headers(self.limits.request_headers)
            .max_buf_size(self.limits.request_head_bytes as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(self.limits.request_head_bytes)
            .keep_alive_interval(Duration::from_secs(30));
        let connection =
            builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
        if let Err(error) = self.watcher.watch(connection.into_owned()).await {
            tracing::debug!(peer = %self.address, %error, "serve a connection");
        }
    }
}
