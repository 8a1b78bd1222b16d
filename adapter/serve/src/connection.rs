//! A connection, from its handshake to its end.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use hyper::Request;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::heads::{HeadLimited, IncomingHead, units};
use crate::limits::Limits;
use crate::peer::Peer;
use crate::tls::TlsSource;

/// Streams of an HTTP/2 connection at a time, as in `k8s.io/apiserver`.
const STREAMS: u32 = 100;
/// Bytes that a client may send of a body that isn't read.
const BODY_WINDOW: u32 = 65_535;

pub(crate) struct Connection {
    pub(crate) tls: Option<TlsSource>,
    pub(crate) limits: Limits,
    pub(crate) address: SocketAddr,
    pub(crate) app: Router,
    pub(crate) incoming_heads: Arc<Semaphore>,
    pub(crate) heads_in_flight: Arc<Semaphore>,
    pub(crate) shutdown: CancellationToken,
}

#[derive(Clone, Copy)]
enum Protocol {
    Http1,
    Http2,
}

impl Connection {
    pub(crate) async fn serve(self, stream: TcpStream) {
        // Responses are small: Nagle's algorithm would only delay them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = self.tls.as_ref().map(|source| source()) else {
            return self
                .serve_http(stream, Protocol::Http1, Arc::default())
                .await;
        };
        let handshake =
            tokio::time::timeout(self.limits.handshake, TlsAcceptor::from(tls).accept(stream));
        match self.shutdown.run_until_cancelled(handshake).await {
            Some(Ok(Ok(stream))) => {
                let (_, session) = stream.get_ref();
                // The handshake tells the protocol. Waiting for the first bytes to tell it has no
                // limit.
                let protocol = match session.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                let certificates = session.peer_certificates().unwrap_or_default();
                let certificates = certificates
                    .iter()
                    .map(|certificate| certificate.clone().into_owned())
                    .collect();
                self.serve_http(stream, protocol, certificates).await;
            }
            Some(Ok(Err(error))) => tracing::debug!(peer = %self.address, %error, "TLS handshake"),
            Some(Err(_)) => tracing::debug!(peer = %self.address, "TLS handshake took too long"),
            None => {}
        }
    }

    async fn serve_http<S>(
        self,
        stream: S,
        protocol: Protocol,
        certificates: Arc<[CertificateDer<'static>]>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let peer = Peer {
            address: self.address,
            certificates,
        };
        let (in_flight, requests) = watch::channel(0);
        let longest = self.limits.request_head_bytes;
        let (stream, incoming_head) = HeadLimited::new(stream, longest, self.incoming_heads);
        let handler = RequestHandler {
            app: self.app,
            peer,
            in_flight,
            incoming_head,
            heads_in_flight: self.heads_in_flight,
        };
        let builder = builder(protocol, &self.limits);
        let service = service_fn(move |request| handler.clone().handle(request));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // The server limits the time for this.
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
            () = idle(requests, protocol, &self.limits) => {
                tracing::debug!(peer = %self.address, "close an idle connection");
                connection.as_mut().graceful_shutdown();
                // A request that the client sent meanwhile is still answered.
                tokio::time::timeout(self.limits.drain, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.address, %error, "serve a connection");
        }
    }
}

fn builder(protocol: Protocol, limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_head)
        .max_headers(limits.request_headers)
        .max_buf_size(limits.request_head_bytes as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.request_head_bytes)
        .max_concurrent_streams(STREAMS)
        .initial_stream_window_size(BODY_WINDOW)
        .initial_connection_window_size(BODY_WINDOW)
        .keep_alive_interval(Duration::from_secs(30));
    match protocol {
        Protocol::Http1 => builder.http1_only(),
        Protocol::Http2 => builder.http2_only(),
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

/// Handles the requests of a connection.
#[derive(Clone)]
struct RequestHandler {
    app: Router,
    peer: Peer,
    in_flight: watch::Sender<usize>,
    incoming_head: IncomingHead,
    heads_in_flight: Arc<Semaphore>,
}

impl RequestHandler {
    async fn handle(self, mut request: Request<Incoming>) -> Result<Response, Infallible> {
        self.incoming_head.complete();
        let head = self.heads_in_flight.try_acquire_many_owned(units(&request));
        let Ok(head) = head else {
            return Ok(too_many_requests());
        };
        let in_flight = InFlight::new(self.in_flight, head);
        request.extensions_mut().insert(self.peer);
        let response = self.app.oneshot(request).await?;
        Ok(response.map(|body| {
            Body::new(Counted {
                body,
                _in_flight: in_flight,
            })
        }))
    }
}

/// The response of `k8s.io/apiserver` (`pkg/server/filters/maxinflight.go`).
fn too_many_requests() -> Response {
    (
        StatusCode::TOO_MANY_REQUESTS,
        [(header::RETRY_AFTER, "1")],
        "Too many requests, please try again later.\n",
    )
        .into_response()
}

/// A request in flight, from its head to the last byte of its response.
struct InFlight {
    count: watch::Sender<usize>,
    _head: OwnedSemaphorePermit,
}

impl InFlight {
    fn new(count: watch::Sender<usize>, head: OwnedSemaphorePermit) -> Self {
        count.send_modify(|count| *count += 1);
        Self { count, _head: head }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

/// The body of a response, during which the request counts as in flight.
struct Counted {
    body: Body,
    _in_flight: InFlight,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
