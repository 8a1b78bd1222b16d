//! Byte streams into a cluster by the API's port-forward.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use setpoint_node::protocol::Target;

use crate::cluster::{ConnectError, Connection};

/// Opens a stream. A Service is reached as kube-proxy would: at one of its ready endpoints.
pub(crate) async fn connect(
    client: &Client,
    to: &Target,
    port: u16,
) -> Result<Connection, ConnectError> {
    let cluster = |source: kube::Error| ConnectError::Cluster {
        target: to.clone(),
        port,
        source: io::Error::other(source),
    };
    let (namespace, pod, target_port) = match to {
        Target::Pod { namespace, name } => (namespace, name.clone(), port),
        Target::Service { namespace, name } => {
            let endpoint = endpoint(client, namespace, name, port)
                .await
                .map_err(cluster)?;
            let (pod, target_port) = endpoint.ok_or_else(|| ConnectError::Refused {
                target: to.clone(),
                port,
                reason: "connection refused: there is no ready endpoint".to_owned(),
            })?;
            (namespace, pod, target_port)
        }
        Target::ControllerManager => {
            return Err(ConnectError::Refused {
                target: to.clone(),
                port,
                reason: "it asks who wants to know, and listens for its node alone".to_owned(),
            });
        }
    };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let mut forwarder = pods
        .portforward(&pod, &[target_port])
        .await
        .map_err(cluster)?;
    let error = forwarder.take_error(target_port);
    let stream = forwarder.take_stream(target_port);
    let stream = stream.ok_or_else(|| ConnectError::Refused {
        target: to.clone(),
        port,
        reason: "the API server gave no stream".to_owned(),
    })?;
    let failed: BoxFuture<'static, Option<String>> = match error {
        Some(error) => Box::pin(error),
        None => Box::pin(std::future::ready(None)),
    };
    Ok(Box::new(Forwarded {
        stream,
        failed: Some(failed),
    }))
}

/// A ready pod behind a Service's port, and the port there.
async fn endpoint(
    client: &Client,
    namespace: &str,
    service: &str,
    port: u16,
) -> Result<Option<(String, u16)>, kube::Error> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let spec = services.get(service).await?.spec.unwrap_or_default();
    let of_service = spec.ports.unwrap_or_default();
    let Some(named) = of_service
        .into_iter()
        .find(|found| found.port == i32::from(port))
    else {
        return Ok(None);
    };
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of = ListParams::default().labels(&format!("kubernetes.io/service-name={service}"));
    let found = slices.list(&of).await?.items.into_iter().find_map(|slice| {
        let ports = slice.ports.unwrap_or_default();
        let target = ports.into_iter().find(|found| {
            found.name.clone().unwrap_or_default() == named.name.clone().unwrap_or_default()
        })?;
        let ready = slice
            .endpoints
            .unwrap_or_default()
            .into_iter()
            .find(|endpoint| {
                let conditions = endpoint.conditions.as_ref();
                conditions
                    .and_then(|conditions| conditions.ready)
                    .unwrap_or(true)
            })?;
        Some((ready.target_ref?.name?, u16::try_from(target.port?).ok()?))
    });
    Ok(found)
}

/// A forwarded stream. The API server reports a pod that refuses the connection beside the stream, which just ends; here
/// the end says why.
struct Forwarded<S> {
    stream: S,
    failed: Option<BoxFuture<'static, Option<String>>>,
}

impl<S> Forwarded<S> {
    fn failure(&mut self, context: &mut Context<'_>) -> Option<io::Error> {
        let failed = self.failed.as_mut()?;
        let Poll::Ready(reason) = failed.as_mut().poll(context) else {
            return None;
        };
        self.failed = None;
        let reason = reason?;
        let kind = if reason.contains("connection refused") {
            io::ErrorKind::ConnectionRefused
        } else {
            io::ErrorKind::Other
        };
        Some(io::Error::new(kind, reason.trim().to_owned()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Forwarded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        match read {
            Poll::Ready(Ok(())) if buffer.filled().len() == before => {
                Poll::Ready(self.failure(context).map_or(Ok(()), Err))
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Forwarded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn a_stream_that_ends_says_why_and_one_that_just_ends_is_just_over() {
        let reason =
            "error forwarding port 6443: dial tcp4 127.0.0.1:6443: connect: connection refused";
        let failed: BoxFuture<'static, _> = Box::pin(std::future::ready(Some(reason.to_owned())));
        let mut broken = Forwarded {
            stream: tokio::io::empty(),
            failed: Some(failed),
        };
        let error = broken.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        let mut whole = Forwarded {
            stream: tokio::io::empty(),
            failed: Some(Box::pin(std::future::pending())),
        };
        assert_eq!(whole.read(&mut [0]).await.unwrap(), 0);
    }
}
