//! The TLS configuration of a server.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, SignatureScheme,
    SupportedCipherSuite,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

/// Certificates that a client may present, the leaf included. With five, path building tries at
/// most 64 orders of the others.
const CHAIN_CERTIFICATES: usize = 5;
/// Bytes of these certificates.
const CHAIN_BYTES: usize = 16 << 10;
/// TLS sessions that are kept for resumption; each has a chain.
const SESSIONS: usize = 64;

/// A configuration that is asked for at every handshake.
pub(crate) type TlsSource = Arc<dyn Fn() -> Arc<rustls::ServerConfig> + Send + Sync>;

/// Why a certificate and key can't be used for serving.
#[derive(Debug, thiserror::Error)]
#[error("use the certificate and key for serving")]
pub struct TlsError(#[from] rustls::Error);

/// What a server offers to clients. The default is all that is safe.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The cipher suites, in the order of preference. Only the versions of TLS that one of them is of
    /// are served.
    pub cipher_suites: Vec<SupportedCipherSuite>,
    /// Whether HTTP/2 is offered beside HTTP/1.1.
    pub http2: bool,
}

impl Default for TlsOptions {
    fn default() -> Self {
        Self {
            cipher_suites: aws_lc_rs::default_provider().cipher_suites,
            http2: true,
        }
    }
}

/// A configuration that serves HTTP/2 and HTTP/1.1 and asks clients for a certificate.
///
/// A client certificate is optional, and its chain may have at most five certificates of 16 KiB. Only its holder's possession of the key is verified; issuer,
/// dates and names are for the application to verify.
///
/// No issuers are hinted: Go's clients withhold a certificate whose issuer isn't among the hints
/// (`crypto/tls`, `SupportsCertificate`), and the trusted issuers may change while the server runs.
///
/// # Errors
/// The key doesn't belong to the certificate, or one of them can't be parsed.
pub fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let pair = certified_key(chain, key)?;
    server_config_with(
        &TlsOptions::default(),
        Arc::new(SingleCertAndKey::from(pair)),
    )
}

/// A certificate chain with its key, as resolvers of [`server_config_with`] give them.
///
/// # Errors
/// The key can't be used, or isn't that of the certificate.
pub fn certified_key(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, TlsError> {
    Ok(CertifiedKey::from_der(
        chain,
        key,
        &aws_lc_rs::default_provider(),
    )?)
}

/// As [`server_config`], with the chain and key that `resolver` gives for the name that a client asks
/// for.
///
/// # Errors
/// The options leave no cipher suite.
pub fn server_config_with(
    options: &TlsOptions,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<Arc<rustls::ServerConfig>, TlsError> {
    let provider = Arc::new(CryptoProvider {
        cipher_suites: options.cipher_suites.clone(),
        ..aws_lc_rs::default_provider()
    });
    let mut config = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(ProofOfKey { provider }))
        .with_cert_resolver(resolver);
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if options.http2 {
        config.alpn_protocols.insert(0, b"h2".to_vec());
    }
    Ok(Arc::new(config))
}

/// A client presents more than anybody needs, which is work for whoever builds paths of it.
#[derive(Debug, thiserror::Error)]
#[error(
    "the client presents {certificates} certificates of {bytes} bytes; {CHAIN_CERTIFICATES} of {CHAIN_BYTES} bytes are allowed"
)]
struct ChainTooLong {
    certificates: usize,
    bytes: usize,
}

/// Accepts every chain that isn't too long, and verifies that the client can sign with the key of the leaf. Without
/// that anybody could present anybody's certificate.
#[derive(Debug)]
struct ProofOfKey {
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for ProofOfKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let certificates = 1 + intermediates.len();
        let bytes = intermediates.iter().map(|certificate| certificate.len());
        let bytes = end_entity.len() + bytes.sum::<usize>();
        if certificates > CHAIN_CERTIFICATES || bytes > CHAIN_BYTES {
            let error = OtherError(Arc::new(ChainTooLong {
                certificates,
                bytes,
            }));
            return Err(CertificateError::Other(error).into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
