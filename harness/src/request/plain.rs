//! Documents that are sent to a pod, without TLS.

use http::Method;
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
    let doing = || format!("{method} {path}");
    let handshake = http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = limit.bound(doing(), handshake).await?;
    // Ends with the request's last byte, or with the sender.
    tokio::spawn(connection);
    let request = http::Request::builder()
        .method(&method)
        .uri(path)
        .header("host", "pod")
        .header("content-type", "application/json")
        .body(Full::new(bytes::Bytes::from(body)))
        .map_err(failed(doing()))?;
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
