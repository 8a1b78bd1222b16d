//! Bytes between the host's loopback and the API server.

use std::convert::Infallible;
use std::io;

use setpoint_support::accept;
use tokio::net::{TcpListener, TcpStream};

use crate::address::{API_PORT, NODE_ADDRESS};

/// Relays every connection to the API server, until dropped.
pub(crate) async fn relay(listener: TcpListener) -> Infallible {
    loop {
        let (client, _) = accept("relay", || listener.accept()).await;
        tokio::spawn(async move {
            if let Err(error) = one(client).await {
                tracing::debug!(%error, "relay a connection to the API server");
            }
        });
    }
}

async fn one(mut client: TcpStream) -> io::Result<()> {
    let mut server = TcpStream::connect((NODE_ADDRESS, API_PORT)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
