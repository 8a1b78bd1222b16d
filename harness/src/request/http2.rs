//! A request over HTTP/2, and whether its connection outlives it.

use std::time::Duration;

use http_body_util::Empty;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use setpoint_cluster::Connection;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::route::{Route, TlsRoute, request_of, whole};
use super::{Answer, Limit, Question, RequestError, failed, not_made};
use crate::outcome::Unmet;

impl TlsRoute {
    /// Asks over HTTP/2. With the answer comes whether the server has ended the connection within a time after it.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub(crate) async fn ask_over_http2(
        &self,
        question: &Question,
        limit: Limit,
        watched: Duration,
    ) -> Result<(Answer, bool), Unmet> {
        let stream = self.over_http2().connect(limit).await?;
        let asked = ask(Box::new(stream), &self.server, question, limit, watched).await;
        asked.map_err(|error| error.when_asking(self.asked))
    }
}

impl Route {
    /// The way by connections of its own.
    ///
    /// # Errors
    /// When it is the kubeconfig's.
    pub(crate) fn own(&self) -> Result<&TlsRoute, Unmet> {
        match self {
            Self::Tls(route) => Ok(route),
            Self::OfKubeconfig(_) => {
                let why = "its connections are shared";
                Err(not_made("speak HTTP/2 as the kubeconfig's user")(why).into())
            }
        }
    }
}

async fn ask(
    stream: Connection,
    host: &str,
    question: &Question,
    limit: Limit,
    watched: Duration,
) -> Result<(Answer, bool), RequestError> {
    let doing = || format!("ask for {} over HTTP/2", question.path);
    let after = || format!("keep or end the connection after {}", question.path);
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = limit
        .bound::<(http2::SendRequest<Empty<bytes::Bytes>>, _), _>(doing(), handshake)
        .await?;
    let mut connection = AbortOnDropHandle::new(tokio::spawn(connection));
    let uri = http::Uri::builder().scheme("https").authority(host);
    let uri = uri.path_and_query(&*question.path).build();
    let request = http::Request::builder().uri(uri.map_err(failed(doing()))?);
    let request = request_of(question, request)?;
    let response = limit.bound(doing(), sender.send_request(request)).await?;
    let answer = whole(response, question, limit).await?;
    // While there is a sender, the client goes on.
    let ended = timeout(watched, &mut connection).await;
    drop(sender);
    match ended {
        Err(_) => Ok((answer, false)),
        Ok(Ok(Ok(()))) => Ok((answer, true)),
        Ok(Ok(Err(error))) => Err(failed(after())(error)),
        Ok(Err(error)) => Err(failed(after())(error)),
    }
}
