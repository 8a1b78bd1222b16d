//! Bytes between the host's loopback and the API server.

use std::convert::Infallible;
use std::io;

use tokio::net::{TcpListener, TcpStream};

use super::{API_PORT, NODE_ADDRESS, accept};

/// Relays every connection to the API server, until dropped.
pub(crate) async fn relay(listener: TcpListener) -> Infallible {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(async move {
                    if let Err(error) = one(client).await {
                        tracing::debug!(%error, "relay a connection to the API server");
                    }
                });
            }
            Err(error) => accept::after(&error, "relay").await,
        }
    }
}

async fn one(mut client: TcpStream) -> io::Result<()> {
    let mut server = TcpStream::connect((NODE_ADDRESS, API_PORT)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
