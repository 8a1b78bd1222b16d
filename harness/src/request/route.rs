//! Ways to the API server and to pods; each question takes a connection of its own.

use std::sync::Arc;

use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::{CertificateDer, ServerName};
use setpoint_cluster::{Cluster, Connection, Target};
use tokio_util::task::AbortOnDropHandle;

use super::error::EndsEarly;
use super::tls::client_config;
use super::{Answer, Identity, Limit, Question, RequestError, Secret, failed, not_made};
use crate::outcome::{Owner, Unmet};

/// The way to the API server, for many questions of one identity.
///
/// # Errors
/// When there is none.
pub(crate) async fn route_to_api_server(
    cluster: &Arc<dyn Cluster>,
    identity: &Identity,
    limit: Limit,
) -> Result<Route, Unmet> {
    if matches!(identity, Identity::OfKubeconfig) {
        return Ok(Route::OfKubeconfig(cluster.client()));
    }
    let config = cluster.config();
    let host = config.cluster_url.host().unwrap_or("localhost").to_owned();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let mut store = rustls::RootCertStore::empty();
    for der in config.root_cert.iter().flatten() {
        store
            .add(CertificateDer::from(der.clone()))
            .map_err(not_made("use the cluster's CA"))?;
    }
    let tls = client_config(&**cluster, identity, store, limit).await?;
    Ok(Route::Tls(TlsRoute {
        cluster: cluster.clone(),
        asked: Owner::Cluster,
        to: Destination::Host(host.clone(), port),
        server: host,
        connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
    }))
}

/// A way to ask as somebody.
pub(crate) enum Route {
    /// By connections of its own.
    Tls(TlsRoute),
    /// To the API server, by whatever the kubeconfig says of its user: a certificate, a token, or a program that gives one.
    OfKubeconfig(kube::Client),
}

impl Route {
    /// Asks.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub(crate) async fn ask(&self, question: &Question, limit: Limit) -> Result<Answer, Unmet> {
        match self {
            Self::Tls(route) => route.ask(question, limit).await,
            Self::OfKubeconfig(client) => {
                let answer = ask_as_configured(client, question, limit).await;
                answer.map_err(|error| error.when_asking(Owner::Cluster))
            }
        }
    }
}

/// A way to ask as somebody; each question takes a connection of its own.
#[derive(Clone)]
pub(crate) struct TlsRoute {
    pub(super) cluster: Arc<dyn Cluster>,
    /// Who is asked.
    pub(super) asked: Owner,
    pub(super) to: Destination,
    /// The name in the server's certificate.
    pub(super) server: String,
    pub(super) connector: tokio_rustls::TlsConnector,
}

#[derive(Clone)]
pub(super) enum Destination {
    Host(String, u16),
    Target(Target, u16),
}

impl TlsRoute {
    /// The same way, over which only HTTP/2 is spoken.
    pub(super) fn over_http2(&self) -> Self {
        let mut tls = rustls::ClientConfig::clone(self.connector.config());
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Self {
            connector: tokio_rustls::TlsConnector::from(Arc::new(tls)),
            ..self.clone()
        }
    }

    pub(super) async fn ask(&self, question: &Question, limit: Limit) -> Result<Answer, Unmet> {
        let stream = self.connect(limit).await?;
        let answer = ask_over(Box::new(stream), &self.server, question, limit).await;
        answer.map_err(|error| error.when_asking(self.asked))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn connect(
        &self,
        limit: Limit,
    ) -> Result<tokio_rustls::client::TlsStream<Connection>, Unmet> {
        let name = ServerName::try_from(self.server.clone())
            .map_err(not_made(format!("use the name {}", self.server)))?;
        let connected = self.connect_as(name, limit).await;
        connected.map_err(|error| error.when_asking(self.asked))
    }

    async fn connect_as(
        &self,
        name: ServerName<'static>,
        limit: Limit,
    ) -> Result<tokio_rustls::client::TlsStream<Connection>, RequestError> {
        let (stream, to) = match &self.to {
            Destination::Host(host, port) => {
                let stream = tokio::net::TcpStream::connect((host.as_str(), *port));
                let stream = limit.bound("reach the API server", stream).await?;
                let stream: Connection = Box::new(stream);
                (stream, "the API server".to_owned())
            }
            Destination::Target(target, port) => {
                let stream = self.cluster.connect(target, *port);
                let stream = limit.bound(format!("reach {target}"), stream).await?;
                (stream, format!("{} in {target}", self.server))
            }
        };
        limit
            .bound(
                format!("speak TLS with {to}"),
                self.connector.connect(name, stream),
            )
            .await
    }
}

/// Asks by a client that has the credentials.
async fn ask_as_configured(
    client: &kube::Client,
    question: &Question,
    limit: Limit,
) -> Result<Answer, RequestError> {
    let doing = || format!("ask for {}", question.path);
    let mut request = http::Request::builder()
        .method(question.method.clone())
        .uri(&question.path);
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let request = request
        .body(kube::client::Body::empty())
        .map_err(failed(doing()))?;
    let response = limit.bound(doing(), client.send(request)).await?;
    let (head, body) = response.into_parts();
    let body = limit.bound(doing(), body.collect()).await?;
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.to_bytes().to_vec(),
    })
}

/// Asks over a stream that somebody opened.
pub(crate) async fn ask_over(
    stream: Connection,
    host: &str,
    question: &Question,
    limit: Limit,
) -> Result<Answer, RequestError> {
    let doing = || format!("ask for {}", question.path);
    let handshake = http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = limit.bound(doing(), handshake).await?;
    // Ends with the answer's last byte, and with whoever gives up before.
    let mut connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = http::Request::builder().uri(&question.path);
    let request = request_of(question, request.header("host", host))?;
    let sent = send(&mut sender, &mut connection, request);
    let response = limit.bound(format!("get an answer to {}", question.path), sent);
    whole(response.await?, question, limit).await
}

/// The request of a question, from what says whom it is for.
pub(super) fn request_of(
    question: &Question,
    mut request: http::request::Builder,
) -> Result<http::Request<Empty<bytes::Bytes>>, RequestError> {
    request = request.method(question.method.clone());
    match &question.identity {
        Identity::FrontProxy { user, groups, .. } => {
            request = request.header("x-remote-user", user);
            for group in groups {
                request = request.header("x-remote-group", group);
            }
        }
        Identity::Token {
            token: Secret(token),
            ..
        } => {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        Identity::Nobody
        | Identity::OfKubeconfig
        | Identity::Certificate(_)
        | Identity::OtherCertificate(_) => {}
    }
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let doing = || format!("ask for {}", question.path);
    request.body(Empty::new()).map_err(failed(doing()))
}

/// The answer with its whole body.
pub(super) async fn whole(
    response: http::Response<hyper::body::Incoming>,
    question: &Question,
    limit: Limit,
) -> Result<Answer, RequestError> {
    let (head, body) = response.into_parts();
    let body = limit
        .bound(
            format!(
                "get the whole body of the answer {} to {}",
                head.status.as_u16(),
                question.path
            ),
            async { body.collect().await.map_err(EndsEarly) },
        )
        .await?
        .to_bytes()
        .to_vec();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body,
    })
}

/// Sends a request. Where the connection ended before it took one, the error is the connection's own, such as an alert:
/// the sender's says only that it can't be used.
async fn send(
    sender: &mut http1::SendRequest<Empty<bytes::Bytes>>,
    connection: &mut AbortOnDropHandle<hyper::Result<()>>,
    request: http::Request<Empty<bytes::Bytes>>,
) -> hyper::Result<http::Response<hyper::body::Incoming>> {
    match sender.send_request(request).await {
        Err(error) if error.is_canceled() => match connection.await {
            Ok(Err(own)) => Err(own),
            _ => Err(error),
        },
        answered => answered,
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    /// A stream whose other end has sent a TLS alert.
    struct Alerted;

    impl AsyncRead for Alerted {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let alert = rustls::Error::AlertReceived(rustls::AlertDescription::DecryptError);
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
        }
    }

    impl AsyncWrite for Alerted {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_before_the_request_is_sent_says_why() {
        let handshake = http1::handshake(TokioIo::new(Alerted));
        let (mut sender, connection) = handshake.await.unwrap();
        let mut connection = AbortOnDropHandle::new(tokio::spawn(connection));
        while !connection.is_finished() {
            tokio::task::yield_now().await;
        }
        let request = http::Request::new(Empty::<bytes::Bytes>::new());
        let error = send(&mut sender, &mut connection, request)
            .await
            .unwrap_err();
        let unmet = failed("ask")(error).when_asking(Owner::Adapter);
        assert!(
            format!("{unmet:?}").contains("failure: TlsAlert"),
            "{unmet:?}"
        );
    }
}
