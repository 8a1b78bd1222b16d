//! What is sent to a pod, without TLS.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use setpoint_cluster::Connection;

use super::{Limit, RequestError, failed};

/// Sends a document over a stream that somebody opened, and wants success.
pub(crate) async fn send_json(
    stream: Connection,
    method: Method,
    path: &str,
    body: String,
    limit: Limit,
) -> Result<(), RequestError> {
    let request = Request::builder()
        .method(&method)
        .uri(path)
        .header("host", "pod")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(failed(format!("{method} {path}")))?;
    send(stream, request, limit).await
}

/// Sends a request over a stream that somebody opened, and wants success.
pub(crate) async fn send(
    stream: Connection,
    request: Request<Full<Bytes>>,
    limit: Limit,
) -> Result<(), RequestError> {
    let what = format!("{} {}", request.method(), request.uri());
    let doing = || what.clone();
    let handshake = http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = limit.bound(doing(), handshake).await?;
    // Ends with the request's last byte, or with the sender.
    tokio::spawn(connection);
    let response = limit.bound(doing(), sender.send_request(request)).await?;
    let status = response.status();
    let body = limit.bound(doing(), response.into_body().collect()).await?;
    let body = body.to_bytes();
    if status.is_success() {
        Ok(())
    } else {
        let answer = format!("{status}: {}", String::from_utf8_lossy(&body));
        Err(failed(doing())(answer))
    }
}
