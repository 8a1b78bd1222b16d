//! Connections of the attacker, and its counts.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::body::Bytes;
use h2::client::SendRequest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// All of 127.0.0.0/8 is this host: to a server of this host it is another client's address.
const FROM: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);

/// A chain of certificates, and the key of its first.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

pub(crate) struct Attacker {
    address: SocketAddr,
    provider: Arc<CryptoProvider>,
    connections: Cell<u64>,
    requests: Cell<u64>,
}

impl Attacker {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            provider: Arc::new(rustls::crypto::aws_lc_rs::default_provider()),
            connections: Cell::default(),
            requests: Cell::default(),
        }
    }

    pub(crate) fn done(&self) -> String {
        let (connections, requests) = (self.connections.get(), self.requests.get());
        format!("{connections} connections, {requests} requests")
    }

    pub(crate) fn requested(&self) {
        self.requests.set(self.requests.get() + 1);
    }

    pub(crate) async fn dial(&self) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if self.address.ip().is_loopback() {
            socket.bind((FROM, 0).into())?;
        }
        let stream = socket.connect(self.address).await?;
        self.connections.set(self.connections.get() + 1);
        Ok(stream)
    }

    pub(crate) async fn greet(
        &self,
        protocol: &str,
        identity: Option<Identity>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let anything = Arc::new(AnyServer(self.provider.clone()));
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .dangerous()
            .with_custom_certificate_verifier(anything);
        let mut config = match identity {
            Some((chain, key)) => config
                .with_client_auth_cert(chain, key)
                .map_err(io::Error::other)?,
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::from(self.address.ip());
        let stream = self.dial().await?;
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }

    /// An HTTP/2 connection whose streams have a window of so many bytes.
    pub(crate) async fn http2(&self, window: u32) -> io::Result<SendRequest<Bytes>> {
        let stream = self.greet("h2", None).await?;
        let (requests, connection) = h2::client::Builder::new()
            .initial_window_size(window)
            .handshake(stream)
            .await
            .map_err(io::Error::other)?;
        tokio::task::spawn_local(connection);
        Ok(requests)
    }
}

/// Takes any server for the one that was meant.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
