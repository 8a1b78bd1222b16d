//! The serving port: TLS, credentials and limits, before the mock that answers.
//!
//! What the mock answers is passed on as it is, or as its fault says that it reaches the client ([`Delivery`]).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use setpoint_serve::{ClientLimits, Limits, Server};
use setpoint_support::error_chain;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::access::Credentials;
use crate::delivery::{Delivery, HEADER};
use crate::mock::Mock;

/// Bytes of a request's body: a remote write that is packed well, or a query in a form.
const MAX_BODY: usize = 64 << 20;
/// Bytes of all requests in flight, with their answers.
const IN_FLIGHT: usize = 2 << 30;

/// The listening server; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Front {
    address: SocketAddr,
    _stop: tokio_util::sync::DropGuard,
    _serving: AbortOnDropHandle<()>,
}

struct Proxy {
    mock: Mock,
    client: Client<HttpConnector, Full<Bytes>>,
    credentials: Credentials,
}

impl Front {
    /// Listens before a mock, which ends with it.
    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        mock: Mock,
        credentials: Credentials,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let proxy = Proxy {
            mock,
            client: Client::builder(TokioExecutor::new()).build_http(),
            credentials,
        };
        let app = Router::new().fallback(answer).with_state(Arc::new(proxy));
        let mut server = Server::new(listener).limits(limits());
        if let Some(tls) = tls {
            server = server.tls(tls);
        }
        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.run(app, stop.clone()));
        Self {
            address,
            _stop: stop.drop_guard(),
            _serving: AbortOnDropHandle::new(serving),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// As generous as a Prometheus, but with an end: all clients are tests of one user.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.connections = 1024;
    limits.silent = 1024;
    // `--web.read-timeout` of Prometheus.
    limits.request_head = Duration::from_secs(5 * 60);
    limits.idle = Duration::from_secs(5 * 60);
    limits.request = Duration::from_secs(60 * 60);
    limits.drain = Duration::from_secs(1);
    limits.in_flight_bytes = IN_FLIGHT;
    limits.probe_paths = &["/-/ready", "/-/healthy"];
    let generous = |client: &mut ClientLimits| {
        client.streams = 250;
        // Go's default of a head.
        client.head_bytes = 1 << 20;
        client.headers = 1000;
        client.target_bytes = 1 << 20;
        client.in_flight_bytes = IN_FLIGHT / 2;
        client.probes = 1024;
    };
    generous(&mut limits.stranger);
    generous(&mut limits.trusted);
    limits
}

async fn answer(State(proxy): State<Arc<Proxy>>, request: Request) -> Response {
    if !proxy.credentials.allow(request.headers()) {
        // As Prometheus (`exporter-toolkit/web/handler.go`).
        let wanted = [(header::WWW_AUTHENTICATE, "Basic")];
        return (StatusCode::UNAUTHORIZED, wanted, "Unauthorized\n").into_response();
    }
    match proxy.pass_on(request).await {
        Ok(response) => response,
        Err(refused) => refused,
    }
}

impl Proxy {
    /// The mock's answer; or what is wrong with the request.
    async fn pass_on(&self, request: Request) -> Result<Response, Response> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| {
            let is_long = error.is::<LengthLimitError>();
            let status = if is_long {
                StatusCode::PAYLOAD_TOO_LARGE
            } else {
                StatusCode::BAD_REQUEST
            };
            (status, format!("{}\n", error_chain(&*error))).into_response()
        })?;
        let target = head
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let uri = format!("http://{}{target}", self.mock.address()).parse::<Uri>();
        let uri =
            uri.map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response())?;
        let mut asked = http::Request::new(Full::new(body.to_bytes()));
        *asked.method_mut() = head.method;
        *asked.uri_mut() = uri;
        *asked.headers_mut() = of_message(head.headers);
        let failed = |error: &(dyn std::error::Error + 'static)| {
            tracing::error!(error = error_chain(error), "ask the mock");
            StatusCode::BAD_GATEWAY.into_response()
        };
        let response = self.client.request(asked).await;
        let (mut head, body) = response.map_err(|error| failed(&error))?.into_parts();
        let delivery = Delivery::of(head.headers.remove(HEADER).as_ref());
        let body = body.collect().await.map_err(|error| failed(&error))?;
        head.headers = of_message(head.headers);
        Ok(delivery.deliver(head, body.to_bytes()).await)
    }
}

/// The headers that are about the message, not about one connection.
fn of_message(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::EXPECT,
        header::TE,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
    headers
}
