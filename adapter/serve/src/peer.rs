//! The other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use http::Extensions;
use parking_lot::Mutex;
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
    kept: Arc<Mutex<Extensions>>,
}

impl Peer {
    /// A client with these certificates.
    #[must_use]
    pub fn new(address: SocketAddr, certificates: Arc<[CertificateDer<'static>]>) -> Self {
        Self {
            address,
            certificates,
            kept: Arc::default(),
        }
    }

    /// What the application keeps about this connection: one value of each type, shared by the
    /// connection's requests. The first call makes the value.
    pub fn kept<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut kept = self.kept.lock();
        kept.get_or_insert_default::<Arc<T>>().clone()
    }
}
