//! Bytes between the host's loopback and the API server.

use std::io;

use tokio::net::{TcpListener, TcpStream};

use super::{API_PORT, NODE_ADDRESS};

/// Relays every connection to the API server, until dropped.
pub(crate) async fn relay(listener: TcpListener) -> io::Error {
    loop {
        match listener.accept().await {
            Ok((client, _)) => {
                tokio::spawn(async move {
                    if let Err(error) = one(client).await {
                        tracing::debug!(%error, "relay a connection to the API server");
                    }
                });
            }
            // The client that hung up before it was accepted is not this listener's problem.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => return error,
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
