//! An accept loop over hyper and rustls that hands the peer's certificate chain to the request.
//!
//! It asks for a client certificate, verifies that the client holds its key, and judges nothing else: what
//! the certificate means is for whoever reads the [`Peer`] extension of a request.
//!
//! ```no_run
//! use axum::{Extension, Router, routing::get};
//! use setpoint_serve::{Peer, Server, server_config};
//! use tokio_util::sync::CancellationToken;
//!
//! # async fn example(chain: Vec<rustls_pki_types::CertificateDer<'static>>, key: rustls_pki_types::PrivateKeyDer<'static>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let app = Router::new().route("/", get(|Extension(peer): Extension<Peer>| async move { peer.address.to_string() }));
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let shutdown = CancellationToken::new();
//! Server::new(listener).tls(server_config(chain, key)?).run(app, shutdown).await;
//! # Ok(())
//! # }
//! ```

mod connection;
mod heads;
mod server;
mod tls;

pub use server::{Limits, Peer, Server};
pub use tls::{TlsError, server_config};
