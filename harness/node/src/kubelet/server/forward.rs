//! `/portForward`, which a port-forward of the API arrives at: one port, by the WebSocket protocol `v4.channel.k8s.io`.
//!
//! Each message begins with a channel: 0 for data, 1 for an error. The first message of each says the port
//! (`pkg/kubelet` of Kubernetes, `streaming/pkg/httpstream/…/portforward/websocket.go`).

use std::net::IpAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

const PROTOCOL: &str = "v4.channel.k8s.io";
const DATA: u8 = 0;
const ERROR: u8 = 1;
/// How long a pod may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How much is read from a pod at once.
const PIECE: usize = 16 * 1024;

#[derive(Deserialize)]
pub(super) struct Port {
    port: u16,
}

/// Why a port-forward breaks. Its text goes to whoever asked.
#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("ask for the pod's address: {0}")]
    Pod(#[from] kube::Error),
    #[error("the pod has no address")]
    NoAddress,
    #[error("no answer within {CONNECT:?}")]
    Late,
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    WebSocket(#[from] tokio_tungstenite::tungstenite::Error),
}

pub(super) async fn port_forward(
    State(client): State<Client>,
    Path((namespace, pod)): Path<(String, String)>,
    Query(Port { port }): Query<Port>,
    mut request: Request,
) -> Response {
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return (StatusCode::BAD_REQUEST, "only by WebSocket").into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrading = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrading.await {
            Ok(upgraded) => {
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
                if let Err(error) = forward(client, &namespace, &pod, port, socket).await {
                    tracing::debug!(%error, "a port-forward broke");
                }
            }
            Err(error) => tracing::debug!(%error, "upgrade to a port-forward"),
        }
    });
    let headers = [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL),
        (header::SEC_WEBSOCKET_ACCEPT, accept.as_str()),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

async fn forward(
    client: Client,
    namespace: &str,
    pod: &str,
    port: u16,
    mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
) -> Result<(), ForwardError> {
    for channel in [DATA, ERROR] {
        socket.send(message(channel, &port.to_le_bytes())).await?;
    }
    match connect(client, namespace, pod, port).await {
        Ok(stream) => copy(stream, &mut socket).await?,
        Err(error) => {
            let text = error.to_string();
            socket.send(message(ERROR, text.as_bytes())).await?;
        }
    }
    Ok(socket.close(None).await?)
}

async fn connect(
    client: Client,
    namespace: &str,
    pod: &str,
    port: u16,
) -> Result<TcpStream, ForwardError> {
    let pods: Api<Pod> = Api::namespaced(client, namespace);
    let address = pods.get(pod).await?.status.and_then(|status| status.pod_ip);
    let address: Option<IpAddr> = address.and_then(|address| address.parse().ok());
    let address = address.ok_or(ForwardError::NoAddress)?;
    let stream = timeout(CONNECT, TcpStream::connect((address, port))).await;
    let stream = stream.map_err(|_| ForwardError::Late)??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Copies both ways until either side ends.
async fn copy(
    mut stream: TcpStream,
    socket: &mut WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>,
) -> Result<(), ForwardError> {
    let mut piece = vec![0; PIECE];
    loop {
        tokio::select! {
            read = stream.read(&mut piece) => match read? {
                0 => return Ok(()),
                count => socket.send(message(DATA, &piece[..count])).await?,
            },
            received = socket.next() => match received {
                Some(Ok(Message::Binary(bytes))) if bytes.first() == Some(&DATA) => {
                    stream.write_all(&bytes[1..]).await?;
                }
                Some(Ok(Message::Close(_))) | None => return Ok(()),
                Some(received) => drop(received?),
            },
        }
    }
}

fn message(channel: u8, bytes: &[u8]) -> Message {
    Message::Binary(Bytes::from([&[channel], bytes].concat()))
}
