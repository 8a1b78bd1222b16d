//! A connection to an adapter's pod, for many requests.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls_pki_types::ServerName;
use setpoint_cluster::{Cluster, Target};
use setpoint_support::error_chain;
use tokio_util::task::AbortOnDropHandle;

use super::answer::Answer;
use super::request::Request;
use crate::request::{Limit, RequestError, failed};

/// The port that adapters serve on.
pub(super) const PORT: u16 = 6443;
/// The name in the adapters' serving certificate.
pub(super) const SERVER: &str = "adapter.against.svc";
/// How often an adapter is asked that gives no answer.
const TRIES: u32 = 3;
/// Bytes of a body that are read.
const MAX_BODY: usize = 8 << 20;

/// The way to an adapter's pod. A connection serves request after request until the adapter ends it.
pub(super) struct Connection<'a> {
    cluster: &'a dyn Cluster,
    pod: Target,
    tls: Arc<rustls::ClientConfig>,
    open: Option<Open>,
}

struct Open {
    sender: http1::SendRequest<Empty<bytes::Bytes>>,
    _connection: AbortOnDropHandle<hyper::Result<()>>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        cluster: &'a dyn Cluster,
        pod: Target,
        tls: Arc<rustls::ClientConfig>,
    ) -> Self {
        Self {
            cluster,
            pod,
            tls,
            open: None,
        }
    }

    /// Asks, again where no answer comes, and says as an answer why there is none.
    pub(super) async fn ask(&mut self, request: &Request, within: Duration) -> Answer {
        let mut tries = 1;
        loop {
            match self.asked(request, Limit::of(within)).await {
                Ok((status, headers, body)) => {
                    return Answer::of(status.as_u16(), &headers, &body, Timestamp::now());
                }
                Err(error) if tries == TRIES => {
                    return Answer::none(format!("no answer: {}", error_chain(&error)));
                }
                Err(error) => {
                    let (pod, error) = (&self.pod, error_chain(&error));
                    tracing::warn!(%pod, %request, tries, %error, "no answer, ask again");
                    tries += 1;
                }
            }
        }
    }

    /// Asks.
    pub(super) async fn asked(
        &mut self,
        request: &Request,
        limit: Limit,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), RequestError> {
        let doing = || format!("ask for `{request}`");
        let message = message(request).map_err(failed(doing()))?;
        let mut open = self.usable(limit).await?;
        let response = limit.bound(doing(), open.sender.send_request(message));
        let (head, body) = response.await?.into_parts();
        let body = Limited::new(body, MAX_BODY).collect();
        let body = limit.bound(doing(), body).await?;
        self.open = Some(open);
        Ok((head.status, head.headers, body.to_bytes().to_vec()))
    }

    /// A connection that takes a request: the one before, or a new one.
    async fn usable(&mut self, limit: Limit) -> Result<Open, RequestError> {
        if let Some(mut open) = self.open.take()
            && open.sender.ready().await.is_ok()
        {
            return Ok(open);
        }
        let doing = || format!("reach {}", self.pod);
        let stream = self.cluster.connect(&self.pod, PORT);
        let stream = limit.bound(doing(), stream).await?;
        let name = ServerName::try_from(SERVER).map_err(failed(doing()))?;
        let connector = tokio_rustls::TlsConnector::from(self.tls.clone());
        let stream = limit
            .bound(doing(), connector.connect(name, stream))
            .await?;
        let handshake = http1::handshake(TokioIo::new(stream));
        let (sender, connection) = limit.bound(doing(), handshake).await?;
        Ok(Open {
            sender,
            _connection: AbortOnDropHandle::new(tokio::spawn(connection)),
        })
    }
}

fn message(request: &Request) -> Result<http::Request<Empty<bytes::Bytes>>, http::Error> {
    let mut message = http::Request::builder()
        .method(request.method.clone())
        .uri(&request.path)
        .header(http::header::HOST, SERVER);
    for (name, value) in &request.headers {
        message = message.header(name, value);
    }
    message.body(Empty::new())
}
