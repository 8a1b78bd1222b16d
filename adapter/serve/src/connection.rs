//! A connection, from its handshake to its end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::budget::Owner;
use crate::connections::{Connections, Entry};
use crate::counts::Counts;
use crate::limits::{ClientLimits, Limits};
use crate::peer::Peer;
use crate::processor::Processor;
use crate::reading::ReadWatched;
use crate::requests::{Budgets, RequestHandler};
use crate::reset::{Resettable, ToBeReset};
use crate::server::Trust;
use crate::silent::Silent;
use crate::tls::TlsSource;
use crate::turns::Turns;
use crate::writing::WriteLimited;

/// Bytes that a client may send of a body that isn't read.
const BODY_WINDOW: u32 = 65_535;
/// Bytes of a response that wait in HTTP/2 for the client; the others wait in the response, which
/// is counted.
const SEND_BUFFER: usize = 16 << 10;

pub(crate) struct Connection {
    pub(crate) tls: Option<TlsSource>,
    pub(crate) trust: Option<Trust>,
    pub(crate) limits: Limits,
    pub(crate) address: SocketAddr,
    pub(crate) app: Router,
    pub(crate) budgets: Budgets,
    pub(crate) counts: Counts,
    /// Those of all connections.
    pub(crate) handshakes: Turns,
    /// That of all strangers.
    pub(crate) processor: Processor,
    pub(crate) shutdown: CancellationToken,
}

/// What is kept of a connection beside its stream.
struct Kept {
    in_flight: watch::Sender<usize>,
    to_be_reset: ToBeReset,
}

/// A client after its handshake.
struct Greeted {
    stream: TlsStream<ClientStream>,
    peer: Peer,
    trusted: bool,
    kept: Kept,
}

type ClientStream = ReadWatched<Resettable>;

/// A stream, and what is kept of it.
fn kept(stream: TcpStream, entry: &Entry) -> (ClientStream, Kept) {
    let (stream, to_be_reset) = Resettable::new(stream);
    let stream = ReadWatched::new(stream, entry.waiting.clone());
    let kept = Kept {
        in_flight: entry.in_flight.clone(),
        to_be_reset,
    };
    (stream, kept)
}

#[derive(Clone, Copy)]
enum Protocol {
    Http1,
    Http2,
}

impl Connection {
    /// Serves a connection to its end, or until the table wants its place.
    pub(crate) async fn serve(
        self,
        stream: TcpStream,
        silent: Arc<Silent>,
        connections: Arc<Connections>,
    ) {
        // Not `readable`, which returns at once for a new socket.
        let mut first = [0];
        let spoken = silent.until(stream.peek(&mut first));
        let spoken = tokio::time::timeout(self.limits.handshake, spoken);
        match self.shutdown.run_until_cancelled(spoken).await {
            Some(Ok(Some(Ok(_)))) => {}
            Some(Ok(None)) => return self.counts.superfluous_connection(),
            Some(Ok(Some(Err(_))) | Err(_)) if self.tls.is_some() => {
                return self.counts.failed_handshake();
            }
            Some(_) | None => return,
        }
        // What has come for other connections is mostly read meanwhile: one of them may be closed for this one.
        tokio::task::yield_now().await;
        let place = connections.place(self.address.ip());
        let place = tokio::time::timeout(self.limits.handshake, place);
        let Some(Ok(Some(entry))) = self.shutdown.run_until_cancelled(place).await else {
            return self.counts.superfluous_connection();
        };
        let (peer, close, counts) = (self.address, entry.close.clone(), self.counts.clone());
        // In a box, so that a thousand that wait for a place don't hold the memory of those that have one.
        let served = Box::pin(self.serve_until_its_end(stream, &entry));
        if close.run_until_cancelled(served).await.is_none() {
            counts.superfluous_connection();
            tracing::debug!(%peer, "close a connection: there are too many");
        }
    }

    async fn serve_until_its_end(self, stream: TcpStream, entry: &Entry) {
        // Responses are small: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.clone() else {
            let peer = Peer::new(self.address, Arc::default());
            let (stream, kept) = kept(stream, entry);
            return self
                .serve_http(stream, Protocol::Http1, peer, false, kept)
                .await;
        };
        // In a box, so that what it takes isn't kept while requests are served.
        let greeted = Box::pin(self.greet(stream, entry, &tls));
        let greeted = tokio::time::timeout(self.limits.handshake, greeted);
        match self.shutdown.run_until_cancelled(greeted).await {
            Some(Ok(Ok(greeted))) => {
                let Greeted {
                    stream,
                    peer,
                    trusted,
                    kept,
                } = greeted;
                if trusted {
                    entry.trust();
                    self.processor.trust(self.address.ip());
                }
                // The handshake tells the protocol. Waiting for the first bytes to tell it has no
                // limit.
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                self.serve_http(stream, protocol, peer, trusted, kept).await;
            }
            Some(Ok(Err(error))) => {
                self.counts.failed_handshake();
                tracing::debug!(peer = %self.address, %error, "TLS handshake");
            }
            Some(Err(_)) => {
                self.counts.failed_handshake();
                tracing::debug!(peer = %self.address, "TLS handshake took too long");
            }
            None => {}
        }
    }

    /// The TLS handshake, and who the client is.
    async fn greet(
        &self,
        stream: TcpStream,
        entry: &Entry,
        tls: &TlsSource,
    ) -> std::io::Result<Greeted> {
        let address = self.address.ip();
        self.processor.wait_for_handshake(address).await;
        let (stream, kept) = kept(stream, entry);
        let handshake = TlsAcceptor::from(tls()).accept(stream);
        let stream = self.handshakes.take(handshake).await?;
        let (peer, trusted) = self.judge(&stream).await;
        Ok(Greeted {
            stream,
            peer,
            trusted,
            kept,
        })
    }

    /// The client behind a handshake, and whether it is to be trusted.
    async fn judge<S>(&self, stream: &TlsStream<S>) -> (Peer, bool) {
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let certificates = certificates.iter().cloned().map(CertificateDer::into_owned);
        let peer = Peer::new(self.address, certificates.collect());
        let trusted = match &self.trust {
            Some(trust) if !peer.certificates.is_empty() => trust(peer.clone()).await,
            _ => false,
        };
        (peer, trusted)
    }

    async fn serve_http<S>(
        self,
        stream: S,
        protocol: Protocol,
        peer: Peer,
        trusted: bool,
        kept: Kept,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let requests = kept.in_flight.subscribe();
        let owner = if trusted {
            Owner::Trusted
        } else {
            Owner::Stranger(peer.address.ip())
        };
        let last = CancellationToken::new();
        let handler = RequestHandler {
            app: self.app,
            owner,
            peer,
            processor: self.processor.clone(),
            limits: self.limits,
            budgets: self.budgets,
            counts: self.counts,
            in_flight: kept.in_flight,
            to_be_reset: kept.to_be_reset,
            last: last.clone(),
        };
        // Over HTTP/2, pings find a client that takes nothing.
        let write = matches!(protocol, Protocol::Http1).then_some(self.limits.write);
        let stream = TokioIo::new(WriteLimited::new(stream, write));
        let share = Share {
            processor: self.processor,
            owner,
        };
        let streams = StreamExecutor(self.limits.request, share.clone());
        let builder = builder(protocol, &self.limits, self.limits.of(trusted), streams);
        let service = service_fn(move |request| handler.clone().handle(request));
        let mut connection = pin!(builder.serve_connection(stream, service));
        let (ended, time) = tokio::select! {
            ended = share.run(connection.as_mut()) => (Some(ended), Duration::ZERO),
            // The server limits the time for this.
            () = self.shutdown.cancelled() => (None, self.limits.drain),
            () = last.cancelled() => (None, self.limits.request),
            // A request that the client sent meanwhile is still answered.
            () = idle(requests, protocol, &self.limits) => (None, self.limits.drain),
        };
        let ended = match ended {
            Some(ended) => ended,
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(time, share.run(connection))
                    .await
                    .unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.address, %error, "serve a connection");
        }
    }
}

fn builder(
    protocol: Protocol,
    limits: &Limits,
    client: &ClientLimits,
    streams: StreamExecutor,
) -> auto::Builder<StreamExecutor> {
    let mut builder = auto::Builder::new(streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_head)
        .max_headers(client.headers)
        .max_buf_size(client.head_bytes as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(client.head_bytes)
        .max_concurrent_streams(client.streams)
        .max_send_buf_size(SEND_BUFFER)
        .initial_stream_window_size(BODY_WINDOW)
        .initial_connection_window_size(BODY_WINDOW)
        .keep_alive_interval(Duration::from_secs(30));
    match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
    }
}

/// What a client may take of the processor.
#[derive(Clone)]
struct Share {
    processor: Processor,
    owner: Owner,
}

impl Share {
    async fn run<F: Future>(&self, work: F) -> F::Output {
        match self.owner {
            Owner::Stranger(address) => self.processor.share(address, work).await,
            Owner::Trusted => work.await,
        }
    }
}

/// Runs the streams of an HTTP/2 connection, each for a limited time. A stream that is given up
/// is reset.
#[derive(Clone)]
struct StreamExecutor(Duration, Share);

impl<F> Executor<F> for StreamExecutor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let (limit, share) = (self.0, self.1.clone());
        tokio::spawn(async move { tokio::time::timeout(limit, share.run(stream)).await });
    }
}

/// Returns when an HTTP/2 connection has been without a request for too long. Over HTTP/1.1 hyper
/// limits the time for the next head.
async fn idle(mut requests: watch::Receiver<usize>, protocol: Protocol, limits: &Limits) {
    let mut limit = limits.request_head;
    while matches!(protocol, Protocol::Http2)
        && requests.wait_for(|count| *count == 0).await.is_ok()
    {
        match tokio::time::timeout(limit, requests.changed()).await {
            Ok(Ok(())) => limit = limits.idle,
            Ok(Err(_)) => break,
            Err(_) => return,
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::server::budgets;

    #[tokio::test]
    async fn a_connection_that_waits_for_a_place_takes_little_memory() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stream = TcpStream::connect(address).await.expect("a connection");
        let limits = Limits::default();
        let connection = Connection {
            tls: None,
            trust: None,
            limits,
            address,
            app: Router::new(),
            budgets: budgets(&limits),
            counts: Counts::default(),
            handshakes: Turns::default(),
            processor: Processor::default(),
            shutdown: CancellationToken::new(),
        };
        let bytes = size_of_val(&connection.serve(
            stream,
            Silent::new(1),
            Connections::new(1, limits.unused),
        ));
        assert!(bytes < 4096, "{bytes}");
    }
}
