//! Requests, from their heads to the last bytes of their responses.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version, header};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::budget::{Budget, Owner, Share};
use crate::counts::Counts;
use crate::limits::{ClientLimits, Limits};
use crate::peer::Peer;
use crate::processor::Processor;
use crate::reset::{Reset, ToBeReset};

/// What a request takes besides its head: its task and what the application keeps of it.
const REQUEST_BYTES: usize = 8 << 10;
/// How often an application copies a head while it answers: path and user go into questions to
/// others, into keys of caches and into errors.
const COPIES: usize = 4;
/// The most bytes of a response that are given to HTTP/2 at once. It takes them all as soon as
/// the client's window allows one, and keeps them for as long as the client likes.
const CHUNK_BYTES: usize = 2 << 10;

/// The bytes and probes in flight of all connections.
#[derive(Clone)]
pub(crate) struct Budgets {
    pub(crate) bytes: Arc<Budget>,
    /// A number of requests, not bytes.
    pub(crate) probes: Arc<Budget>,
}

/// Handles the requests of a connection.
#[derive(Clone)]
pub(crate) struct RequestHandler {
    pub(crate) app: Router,
    pub(crate) peer: Peer,
    pub(crate) owner: Owner,
    pub(crate) processor: Processor,
    pub(crate) limits: Limits,
    pub(crate) budgets: Budgets,
    pub(crate) counts: Counts,
    /// The number of requests in flight.
    pub(crate) in_flight: watch::Sender<usize>,
    /// Set when a response asks to reset the connection.
    pub(crate) to_be_reset: ToBeReset,
    /// Cancelled when a response asks to close the connection.
    pub(crate) last: CancellationToken,
}

impl RequestHandler {
    pub(crate) async fn handle(
        self,
        mut request: Request<Incoming>,
    ) -> Result<Response, Infallible> {
        let version = request.version();
        if target_bytes(&request) > self.client_limits().target_bytes {
            self.counts.refused_request();
            return Ok(StatusCode::URI_TOO_LONG.into_response());
        }
        let is_probe = self.is_probe(&request);
        let Some(share) = self.admit(&request) else {
            self.counts.refused_request();
            return Ok(too_many_requests());
        };
        let mut in_flight = InFlight::new(self.in_flight, share);
        request.extensions_mut().insert(self.peer);
        let mut response = self.app.oneshot(request).await?;
        if response.extensions().get::<Reset>().is_some() {
            self.to_be_reset.store(true, Ordering::Relaxed);
        }
        if let Owner::Stranger(address) = self.owner
            && response.status().is_success()
            && !is_probe
        {
            self.processor.forgive(address);
        }
        if version == Version::HTTP_2 && says_close(response.headers()) {
            // As in Go: this header says to end an HTTP/2 connection by GOAWAY.
            response.headers_mut().remove(header::CONNECTION);
            self.last.cancel();
        }
        let length = response.body().size_hint().exact().unwrap_or_default();
        // The share of a probe is a number of requests, and what it is answered is short.
        if !is_probe
            && !in_flight
                .share
                .grow(usize::try_from(length).unwrap_or(usize::MAX))
        {
            self.counts.refused_request();
            return Ok(too_many_requests());
        }
        Ok(response.map(|body| {
            Body::new(Counted {
                body,
                rest: Bytes::new(),
                _in_flight: in_flight,
            })
        }))
    }

    fn client_limits(&self) -> &ClientLimits {
        self.limits.of(self.owner == Owner::Trusted)
    }

    fn is_probe<B>(&self, request: &Request<B>) -> bool {
        let has_credentials = request.headers().contains_key(header::AUTHORIZATION);
        self.limits.probe_paths.contains(&request.uri().path()) && !has_credentials
    }

    fn admit<B>(&self, request: &Request<B>) -> Option<Share> {
        if self.is_probe(request) {
            return self.budgets.probes.take(self.owner, 1);
        }
        let bytes = REQUEST_BYTES + COPIES * head_bytes(request);
        self.budgets.bytes.take(self.owner, bytes)
    }
}

fn says_close(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONNECTION)
        .is_some_and(|value| value == HeaderValue::from_static("close"))
}

fn target_bytes<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query();
    target.map_or(0, |target| target.as_str().len())
}

/// The size of a head, counted as in HTTP/2.
fn head_bytes<B>(request: &Request<B>) -> usize {
    let headers = request.headers().iter();
    let headers = headers.map(|(name, value)| name.as_str().len() + value.len() + 32);
    headers.sum::<usize>() + target_bytes(request)
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
    share: Share,
}

impl InFlight {
    fn new(count: watch::Sender<usize>, share: Share) -> Self {
        count.send_modify(|count| *count += 1);
        Self { count, share }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
    }
}

/// The body of a response in small chunks, during which the request counts as in flight.
struct Counted {
    body: Body,
    /// What is left of the last chunk.
    rest: Bytes,
    _in_flight: InFlight,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let chunk = this.rest.split_to(this.rest.len().min(CHUNK_BYTES));
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
