//! Requests as bytes over TLS, with any certificates and any key.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use setpoint_identities::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::launch::IN_TIME;

/// Bytes of an answer that are looked at.
const ANSWER_BYTES: usize = 1 << 10;

/// A chain, and a key that should be that of its first certificate.
pub(crate) type Presented<'a> = (&'a [CertificateDer<'static>], &'a [u8]);

/// The status of the answer to a request; none if the connection or the handshake failed.
pub(crate) async fn ask(
    address: SocketAddr,
    presented: Presented<'_>,
    path: &str,
    request: &Request,
) -> Option<u16> {
    let mut bytes =
        format!("GET {path} HTTP/1.1\r\nHost: adapter\r\nConnection: close\r\n").into_bytes();
    for field in &request.fields {
        bytes.extend(field.line());
    }
    bytes.extend(b"\r\n");
    let asked = timeout(IN_TIME, status(address, presented, &bytes)).await;
    asked
        .unwrap_or_else(|_| panic!("no answer to {path} in {IN_TIME:?}"))
        .ok()
}

async fn status(address: SocketAddr, presented: Presented<'_>, request: &[u8]) -> io::Result<u16> {
    let socket = TcpSocket::new_v4()?;
    // All of 127.0.0.0/8 is this host; so many requests would be too many for one client.
    static CLIENT: AtomicU16 = AtomicU16::new(0);
    let [high, low] = CLIENT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    socket.bind((Ipv4Addr::new(127, 1, high, low), 0).into())?;
    let stream = socket.connect(address).await?;
    let name = ServerName::from(address.ip());
    let connector = TlsConnector::from(Arc::new(config(presented)?));
    let mut stream = connector.connect(name, stream).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    while answer.len() < ANSWER_BYTES && !answer.windows(2).any(|two| two == b"\r\n") {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    let line = String::from_utf8_lossy(&answer);
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::other(format!("no status line: {line:?}")))
}

fn config((chain, key): Presented<'_>) -> io::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
    if chain.is_empty() {
        return Ok(config.with_no_client_auth());
    }
    let key = PrivateKeyDer::Pkcs8(key.to_vec().into());
    let key = aws_lc_rs::sign::any_supported_type(&key).map_err(io::Error::other)?;
    // Nothing looks whether they belong together.
    let certified = CertifiedKey::new(chain.to_vec(), key);
    Ok(config.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified))))
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
