//! Client certificates (`apiserver/pkg/authentication/request/x509/x509.go`).

use std::ops::RangeInclusive;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{CertificateError, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime, pem};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::User;
use super::error::AuthenticationError;

/// The certificate authorities of one bundle.
#[derive(Debug, Clone)]
pub(super) struct Authorities {
    roots: Arc<[Root]>,
    /// By all of them.
    verifier: Arc<dyn ClientCertVerifier>,
}

/// The certificate of an authority.
#[derive(Debug)]
struct Root {
    certificate: CertificateDer<'static>,
    /// When it is valid, in seconds since 1970. The verifier doesn't look at it, but Go does.
    valid: RangeInclusive<i64>,
}

impl Root {
    fn new(certificate: CertificateDer<'static>) -> Result<Self, BundleError> {
        let valid = {
            let parsed = X509Certificate::from_der(&certificate);
            let unreadable = |_| rustls::Error::from(CertificateError::BadEncoding);
            let (_, parsed) = parsed.map_err(unreadable)?;
            let validity = parsed.validity();
            validity.not_before.timestamp()..=validity.not_after.timestamp()
        };
        Ok(Self { certificate, valid })
    }
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
        let certificates = CertificateDer::pem_slice_iter(pem);
        let roots = certificates.map(|certificate| Root::new(certificate?));
        let roots: Arc<[Root]> = roots.collect::<Result<_, _>>()?;
        if roots.is_empty() {
            return Err(BundleError::Empty);
        }
        let verifier = verifier(roots.iter())?;
        Ok(Self { roots, verifier })
    }

    /// What verifies by those authorities that are valid at a time.
    fn verifier_at(&self, now: UnixTime) -> Result<Arc<dyn ClientCertVerifier>, rustls::Error> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let valid = |root: &&Root| root.valid.contains(&now);
        if self.roots.iter().all(|root| valid(&root)) {
            return Ok(self.verifier.clone());
        }
        // Made anew each time: it is rare, and a connection is judged once a minute at most.
        let valid = self.roots.iter().filter(valid);
        verifier(valid).map_err(|_| CertificateError::UnknownIssuer.into())
    }

    /// Verifies that one of the authorities issued a chain, and that both are valid now and for
    /// clients.
    pub(super) fn verify(&self, chain: &PresentedChain<'_>) -> Result<(), AuthenticationError> {
        let now = UnixTime::now();
        self.verifier_at(now)
            .and_then(|verifier| verifier.verify_client_cert(chain.leaf, chain.intermediates, now))
            .map_err(|reason| AuthenticationError::Certificate {
                common_name: chain.subject.common_name.clone(),
                reason,
            })?;
        Ok(())
    }
}

fn verifier<'a>(
    roots: impl Iterator<Item = &'a Root>,
) -> Result<Arc<dyn ClientCertVerifier>, BundleError> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.certificate.clone())?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider).build()?)
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
