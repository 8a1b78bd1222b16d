//! Client certificates (`apiserver/pkg/authentication/request/x509/x509.go`).

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{AuthenticationError, User};

/// The authorities of one CA bundle.
#[derive(Debug, Clone)]
pub(super) struct Authorities {
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Authorities {
    /// The authorities in PEM text.
    ///
    /// # Errors
    /// When there is none, or one that can't be read; the text says why.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| error.to_string())?;
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        if roots.is_empty() {
            return Err("it has no certificate".to_owned());
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { verifier })
    }

    /// Whether one of the authorities stands behind a chain, now and for clients.
    pub(super) fn verify(&self, shown: &Shown<'_>) -> Result<(), AuthenticationError> {
        let verified =
            self.verifier
                .verify_client_cert(shown.leaf, shown.intermediates, UnixTime::now());
        match verified {
            Ok(_) => Ok(()),
            Err(error) => Err(AuthenticationError::Certificate {
                common_name: shown.subject.common_name.clone(),
                reason: error.to_string(),
            }),
        }
    }
}

/// A chain that a client showed, and proved to hold the leaf's key of.
pub(super) struct Shown<'a> {
    leaf: &'a CertificateDer<'static>,
    intermediates: &'a [CertificateDer<'static>],
    pub(super) subject: Subject,
}

impl<'a> Shown<'a> {
    /// The chain, leaf first; none where none was shown.
    pub(super) fn of(
        chain: &'a [CertificateDer<'static>],
    ) -> Result<Option<Self>, AuthenticationError> {
        let Some((leaf, intermediates)) = chain.split_first() else {
            return Ok(None);
        };
        Ok(Some(Self {
            leaf,
            intermediates,
            subject: Subject::of(leaf)?,
        }))
    }
}

/// Whom a certificate is for.
pub(super) struct Subject {
    pub(super) common_name: String,
    organizations: Vec<String>,
}

impl Subject {
    fn of(certificate: &CertificateDer<'_>) -> Result<Self, AuthenticationError> {
        let unreadable = |reason: String| AuthenticationError::Unreadable { reason };
        let (_, certificate) = X509Certificate::from_der(certificate)
            .map_err(|error| unreadable(error.to_string()))?;
        let subject = certificate.subject();
        let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            attribute.as_str().map(str::to_owned)
        };
        // Go takes the last CN.
        let common_name = subject.iter_common_name().last().map(text).transpose();
        let organizations = subject
            .iter_organization()
            .map(text)
            .collect::<Result<_, _>>();
        Ok(Self {
            common_name: common_name
                .map_err(|error| unreadable(error.to_string()))?
                .unwrap_or_default(),
            organizations: organizations.map_err(|error| unreadable(error.to_string()))?,
        })
    }

    /// The subject as a user; one without a name is nobody.
    pub(super) fn user(&self) -> Option<User> {
        (!self.common_name.is_empty()).then(|| User {
            name: self.common_name.clone(),
            groups: self.organizations.clone(),
            ..User::default()
        })
    }
}
