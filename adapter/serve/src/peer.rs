//! The other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls_pki_types::CertificateDer;

/// The client of the connection that a request came over: an extension of every request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Peer {
    /// The address of the client.
    pub address: SocketAddr,
    /// The certificates that the client presented, leaf first; empty without TLS or without a
    /// client certificate. The client has proven that it holds the key of the leaf. Nothing else
    /// was verified.
    pub certificates: Arc<[CertificateDer<'static>]>,
}
