//! Client certificates (`apiserver/pkg/authentication/request/x509/x509.go`).

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime, pem};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::User;
use super::error::AuthenticationError;

/// The certificate authorities of one bundle.
#[derive(Debug, Clone)]
pub(super) struct Authorities {
    verifier: Arc<dyn ClientCertVerifier>,
}

/// Why a bundle of certificate authorities can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error(transparent)]
    Pem(#[from] pem::Error),
    #[error(transparent)]
    Certificate(#[from] rustls::Error),
    #[error("it has no certificate")]
    Empty,
    #[error(transparent)]
    Verifier(#[from] VerifierBuilderError),
}

impl Authorities {
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, BundleError> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate?)?;
        }
        if roots.is_empty() {
            return Err(BundleError::Empty);
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self { verifier })
    }

    /// Verifies that one of the authorities issued a chain, and that it is valid now and for
    /// clients.
    pub(super) fn verify(&self, chain: &PresentedChain<'_>) -> Result<(), AuthenticationError> {
        self.verifier
            .verify_client_cert(chain.leaf, chain.intermediates, UnixTime::now())
            .map_err(|reason| AuthenticationError::Certificate {
                common_name: chain.subject.common_name.clone(),
                reason,
            })?;
        Ok(())
    }
}

/// The certificate chain that a client presents. The handshake has proven that the client holds the
/// key of the leaf.
pub(super) struct PresentedChain<'a> {
    leaf: &'a CertificateDer<'static>,
    intermediates: &'a [CertificateDer<'static>],
    pub(super) subject: Subject,
}

impl<'a> PresentedChain<'a> {
    /// Parses a chain, leaf first.
    pub(super) fn parse(chain: &'a [CertificateDer<'static>]) -> Result<Self, AuthenticationError> {
        let (leaf, intermediates) =
            chain
                .split_first()
                .ok_or_else(|| AuthenticationError::Unreadable {
                    reason: "there is none".to_owned(),
                })?;
        Ok(Self {
            leaf,
            intermediates,
            subject: Subject::parse(leaf)?,
        })
    }
}

/// The subject of a certificate.
#[derive(Debug)]
pub(super) struct Subject {
    /// Empty if the subject has none.
    pub(super) common_name: String,
    organizations: Vec<String>,
}

impl Subject {
    fn parse(certificate: &CertificateDer<'_>) -> Result<Self, AuthenticationError> {
        let unreadable = |reason: String| AuthenticationError::Unreadable { reason };
        let (_, certificate) = X509Certificate::from_der(certificate)
            .map_err(|error| unreadable(error.to_string()))?;
        let subject = certificate.subject();
        let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            let text = attribute.as_str().map(str::to_owned);
            text.map_err(|error| unreadable(error.to_string()))
        };
        // Go takes the last common name.
        let common_name = subject.iter_common_name().last().map(text).transpose()?;
        Ok(Self {
            common_name: common_name.unwrap_or_default(),
            organizations: subject
                .iter_organization()
                .map(text)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The user that the subject names; none without a common name.
    pub(super) fn user(&self) -> Option<User> {
        (!self.common_name.is_empty()).then(|| User {
            name: self.common_name.clone(),
            groups: self.organizations.clone(),
            ..User::default()
        })
    }
}
