//! Who may ask, and by TLS or without.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, header};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

/// How a fake Prometheus is protected; without anything everybody may ask, as a Prometheus lets them by default.
///
/// Its own port is protected. The mock behind it, on another port of the loopback device, is not.
#[derive(Clone, Default)]
pub struct Access {
    /// The certificate that it serves TLS with.
    pub tls: Option<Tls>,
    /// Users and passwords, one of which has to be given (basic authentication).
    pub users: Vec<(String, String)>,
    /// Bearer tokens, one of which has to be given, as a proxy before Prometheus wants it.
    pub tokens: Vec<String>,
}

/// A certificate chain and its key, PEM.
#[derive(Clone)]
pub struct Tls {
    /// The chain, leaf first.
    pub certificate: String,
    /// The key of the leaf.
    pub key: String,
}

impl fmt::Debug for Access {
    /// Without credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("tls", &self.tls.is_some())
            .field("users", &self.users.len())
            .field("tokens", &self.tokens.len())
            .finish()
    }
}

impl fmt::Debug for Tls {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Why a certificate and key can't be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsPairError {
    /// The text is no certificate.
    #[error("reading the certificate as PEM")]
    Certificate(#[source] pem::Error),
    /// There is none.
    #[error("the certificate holds none: expected a block `BEGIN CERTIFICATE`")]
    Empty,
    /// The text is no key.
    #[error("reading the key as PEM")]
    Key(#[source] pem::Error),
    /// They can't be used together.
    #[error("serving with the certificate and key")]
    Serve(#[from] setpoint_serve::TlsError),
}

impl Tls {
    pub(crate) fn config(&self) -> Result<Arc<rustls::ServerConfig>, TlsPairError> {
        let chain = CertificateDer::pem_slice_iter(self.certificate.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(TlsPairError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsPairError::Empty);
        }
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).map_err(TlsPairError::Key)?;
        Ok(setpoint_serve::server_config(chain, key)?)
    }
}

/// The credentials that are accepted.
#[derive(Default)]
pub(crate) struct Credentials {
    /// Values of the header; none where everybody may ask.
    accepted: Vec<String>,
}

impl Credentials {
    pub(crate) fn new(access: &Access) -> Self {
        let basic = access.users.iter().map(|(user, password)| {
            let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
            format!("Basic {encoded}")
        });
        let bearer = access.tokens.iter().map(|token| format!("Bearer {token}"));
        Self {
            accepted: basic.chain(bearer).collect(),
        }
    }

    /// Whether a request with these headers may be answered.
    pub(crate) fn allow(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION);
        let given = given
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        self.accepted.is_empty() || self.accepted.iter().any(|accepted| accepted == given)
    }
}
