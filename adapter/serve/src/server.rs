//! The accept loop.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use futures::future::BoxFuture;
use setpoint_support::accept;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::budget::{Budget, Most};
use crate::connection::Connection;
use crate::connections::Connections;
use crate::counts::Counts;
use crate::limits::Limits;
use crate::peer::Peer;
use crate::processor::Processor;
use crate::requests::Budgets;
use crate::silent::Silent;
use crate::tls::TlsSource;
use crate::turns::Turns;

/// Says of a client with a certificate whether it is trusted.
pub(crate) type Trust = Arc<dyn Fn(Peer) -> BoxFuture<'static, bool> + Send + Sync>;

/// A listener, and how its connections are served: plain HTTP/1.1 unless TLS is configured.
pub struct Server {
    listener: TcpListener,
    tls: Option<TlsSource>,
    trust: Option<Trust>,
    limits: Limits,
    counts: Counts,
    processor: Processor,
}

impl Server {
    /// A server on a bound listener, without TLS and with the default limits.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        let counts = Counts::default();
        Self {
            listener,
            tls: None,
            trust: None,
            limits: Limits::default(),
            processor: Processor::new(counts.clone()),
            counts,
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

    /// Asks after the handshake of each client with a certificate whether it is trusted, such as
    /// a front proxy: it then has [`Limits::trusted`], and a part of everything that strangers
    /// can't take. Nobody is trusted otherwise.
    #[must_use]
    pub fn trust<F: Future<Output = bool> + Send + 'static>(
        mut self,
        trust: impl Fn(Peer) -> F + Send + Sync + 'static,
    ) -> Self {
        self.trust = Some(Arc::new(move |peer| Box::pin(trust(peer))));
        self
    }

    /// What this server counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
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
        let silent = Silent::new(self.limits.silent);
        let connections = Connections::new(self.limits.connections, self.limits.unused);
        let (budgets, handshakes) = (budgets(&self.limits), Turns::default());
        let accepted = || accept("HTTP", async || self.listener.accept().await);
        while let Some((stream, address)) = shutdown.run_until_cancelled(accepted()).await {
            self.counts.connection();
            // A client by IPv4 of a listener for both is the same one by its own address.
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            let connection = Connection {
                tls: self.tls.clone(),
                trust: self.trust.clone(),
                limits: self.limits,
                address,
                app: app.clone(),
                budgets: budgets.clone(),
                counts: self.counts.clone(),
                handshakes: handshakes.clone(),
                processor: self.processor.clone(),
                shutdown: shutdown.clone(),
            };
            tasks.spawn(connection.serve(stream, silent.clone(), connections.clone()));
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
}

pub(crate) fn budgets(limits: &Limits) -> Budgets {
    let strangers = limits.in_flight_bytes / 2;
    Budgets {
        bytes: Budget::new(Most {
            all: limits.in_flight_bytes,
            strangers,
            address: limits.stranger.in_flight_bytes.min(strangers),
        }),
        // All together are limited by the connections and their streams.
        probes: Budget::new(Most {
            all: usize::MAX,
            strangers: usize::MAX,
            address: limits.stranger.probes,
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, Instant};

    use http::StatusCode;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const OWED: Duration = Duration::from_millis(200);

    /// How long the answer to a client takes that owes processor time, and what it owes then.
    async fn answered(app: Router, path: &str) -> (Duration, Duration) {
        let listener = TcpListener::bind((CLIENT, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Server::new(listener);
        let processor = server.processor.clone();
        let began = Instant::now();
        processor.take(CLIENT, OWED);
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(server.run(app, shutdown.clone()));
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        shutdown.cancel();
        running.await.expect("the server ends");
        (began.elapsed(), processor.owed(CLIENT))
    }

    /// Takes what a connection may take before it rests.
    async fn work() {
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        tokio::task::yield_now().await;
    }

    #[tokio::test]
    async fn a_stranger_that_has_taken_too_much_waits_and_owes_nothing_once_it_is_served() {
        let refused = Router::new().fallback(async || {
            work().await;
            StatusCode::UNAUTHORIZED
        });
        let (time, owed) = answered(refused, "/").await;
        assert!(time >= OWED && owed >= OWED, "{time:?} {owed:?}");
        let served = Router::new().fallback(async || {
            work().await;
            "well"
        });
        let (time, owed) = answered(served.clone(), "/").await;
        assert!(time >= OWED && owed < OWED, "{time:?} {owed:?}");
        // Anybody may make probes.
        let (time, owed) = answered(served, "/livez").await;
        assert!(time >= OWED && owed >= OWED, "{time:?} {owed:?}");
    }
}
