//! A client of the control port, over whatever byte stream leads there.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::{Fault, Journal, Script, ScriptedSeries, ServerTime};

const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// How long a request may take; what it asks for is in memory.
const LIMIT: Duration = Duration::from_secs(10);

/// Why a request to the control port failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There was no way to the port.
    #[error("connecting to the fake Prometheus' control port for {request}: is its pod ready?")]
    Connect {
        /// Method and path.
        request: String,
        /// Why.
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("talking to the fake Prometheus' control port: {request}")]
    Http {
        /// Method and path.
        request: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// There was no answer.
    #[error("the fake Prometheus gave no answer to {request} within {LIMIT:?}")]
    Silent {
        /// Method and path.
        request: String,
    },
    /// It refused the document.
    #[error("the fake Prometheus refused {request}: {reason}")]
    Refused {
        /// Method and path.
        request: String,
        /// Its own words.
        reason: String,
    },
    /// It answered what it never answers.
    #[error("the fake Prometheus answered {request} with {status}: {body}")]
    Unexpected {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: StatusCode,
        /// The body's beginning.
        body: String,
    },
}

/// A client of the control port; each request makes its own connection.
#[derive(Debug, Clone)]
pub struct Client<F> {
    connect: F,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
}

impl<F, Fut, S> Client<F>
where
    F: Fn() -> Fut,
    Fut: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    /// A client that reaches the port through `connect`.
    pub fn new(connect: F) -> Self {
        Self { connect }
    }

    /// Loads a script; scenario time starts at 0.
    ///
    /// # Errors
    /// If the port can't be reached or refuses the script.
    pub async fn load(&self, script: &Script) -> Result<(), ControlError> {
        self.send(Method::PUT, "/v1/script", script).await
    }

    /// Adds series.
    ///
    /// # Errors
    /// If the port can't be reached or refuses them; then none is added.
    pub async fn add(&self, series: &[ScriptedSeries]) -> Result<(), ControlError> {
        self.send(Method::POST, "/v1/series", series).await
    }

    /// Replaces the faults.
    ///
    /// # Errors
    /// If the port can't be reached or refuses them; then those before stay.
    pub async fn replace_faults(&self, faults: &[Fault]) -> Result<(), ControlError> {
        self.send(Method::PUT, "/v1/faults", faults).await
    }

    /// What was asked after a position of the journal.
    ///
    /// # Errors
    /// If the port can't be reached.
    pub async fn journal(&self, after: u64) -> Result<Journal, ControlError> {
        self.fetch(&format!("/v1/journal?after={after}")).await
    }

    /// The clock.
    ///
    /// # Errors
    /// If the port can't be reached.
    pub async fn clock(&self) -> Result<ServerTime, ControlError> {
        self.fetch("/v1/clock").await
    }

    async fn send<T: Serialize + ?Sized>(
        &self,
        method: Method,
        path: &str,
        document: &T,
    ) -> Result<(), ControlError> {
        let body = serde_json::to_vec(document).map_err(|source| ControlError::Http {
            request: format!("{method} {path}"),
            source: Box::new(source),
        })?;
        self.exchange(method, path, Bytes::from(body)).await?;
        Ok(())
    }

    async fn fetch<T: DeserializeOwned>(&self, path: &str) -> Result<T, ControlError> {
        let body = self.exchange(Method::GET, path, Bytes::new()).await?;
        serde_json::from_slice(&body).map_err(|source| ControlError::Http {
            request: format!("GET {path}"),
            source: Box::new(source),
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Bytes, ControlError> {
        let name = format!("{method} {path}");
        let conversation = async {
            let stream = (self.connect)()
                .await
                .map_err(|source| ControlError::Connect {
                    request: name.clone(),
                    source,
                })?;
            converse(stream, method, path, body)
                .await
                .map_err(|source| ControlError::Http {
                    request: name.clone(),
                    source,
                })
        };
        let ended = timeout(LIMIT, conversation).await;
        let (status, body) = ended.map_err(|_| ControlError::Silent {
            request: name.clone(),
        })??;
        if status.is_success() {
            return Ok(body);
        }
        match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) if status == StatusCode::BAD_REQUEST => Err(ControlError::Refused {
                request: name,
                reason: refusal.error,
            }),
            _ => Err(ControlError::Unexpected {
                request: name,
                status,
                body: String::from_utf8_lossy(&body).chars().take(300).collect(),
            }),
        }
    }
}

async fn converse<S>(
    stream: S,
    method: Method,
    path: &str,
    body: Bytes,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "fake-prometheus")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await?
        .to_bytes();
    Ok((status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_never_answers_is_given_up() {
        let client = Client::new(|| async {
            let (ours, theirs) = tokio::io::duplex(1024);
            // Held open, and silent.
            std::mem::forget(theirs);
            Ok(ours)
        });
        let error = client.clock().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the fake Prometheus gave no answer to GET /v1/clock within 10s"
        );
    }
}
