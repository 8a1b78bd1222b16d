//! The certificate authorities of one bundle, and the chains that they vouch for.
//!
//! Paths are found by webpki, which takes what a bundle says of its own authorities for granted. Go doesn't
//! (`isValid` and `checkChainForKeyUsage` of `crypto/x509/verify.go`, Go 1.26): an authority has a time, purposes and
//! a length of paths too, so that is looked at for each path.

use std::ops::RangeInclusive;
use std::sync::Arc;

use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::{CertificateError, OtherError};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime, pem};
use webpki::{EndEntityCert, VerifiedPath, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::PresentedChain;
use super::extensions::{ForClients, is_authority, is_for_clients, may_sign, path_length};
use crate::auth::error::AuthenticationError;

/// The certificate authorities of one bundle.
#[derive(Debug, Clone)]
pub(in crate::auth) struct Authorities(Arc<Bundle>);

/// Each root has an anchor, at the same place.
#[derive(Debug)]
struct Bundle {
    roots: Vec<Root>,
    anchors: Vec<TrustAnchor<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// The certificate of an authority, and what webpki doesn't look at.
#[derive(Debug)]
struct Root {
    certificate: CertificateDer<'static>,
    /// When it is valid, in seconds since 1970.
    valid: RangeInclusive<i64>,
    is_authority: bool,
    is_for_clients: bool,
    /// How many certificates may stand between it and a client's.
    path_length: Option<usize>,
}

/// Why a bundle of certificate authorities can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error(transparent)]
    Pem(#[from] pem::Error),
    #[error("a certificate of it can't be read: {0}")]
    Certificate(#[from] webpki::Error),
    #[error("it has no certificate")]
    Empty,
}

impl Root {
    fn new(certificate: CertificateDer<'static>) -> Result<Self, BundleError> {
        let (valid, is_authority, is_for_clients, path_length) = {
            let parsed = X509Certificate::from_der(&certificate);
            let (_, parsed) = parsed.map_err(|_| webpki::Error::BadDer)?;
            let validity = parsed.validity();
            (
                validity.not_before.timestamp()..=validity.not_after.timestamp(),
                is_authority(&parsed) && may_sign(&parsed),
                is_for_clients(&parsed),
                path_length(&parsed),
            )
        };
        Ok(Self {
            certificate,
            valid,
            is_authority,
            is_for_clients,
            path_length,
        })
    }

    /// Whether it may be the end of a path from a leaf.
    fn ends(&self, path: &VerifiedPath<'_>, leaf: &[u8], now: i64) -> Result<(), webpki::Error> {
        let intermediates = path.intermediate_certificates().count();
        // The bundle has the client's own certificate, which then needs no authority.
        let is_leaf = intermediates == 0 && self.certificate.as_ref() == leaf;
        if !self.valid.contains(&now) {
            return Err(webpki::Error::UnknownIssuer);
        }
        if !is_leaf && !self.is_authority {
            return Err(webpki::Error::EndEntityUsedAsCa);
        }
        if !self.is_for_clients {
            return Err(webpki::Error::UnknownIssuer);
        }
        if self.path_length.is_some_and(|most| intermediates > most) {
            return Err(webpki::Error::PathLenConstraintViolated);
        }
        Ok(())
    }
}

impl Authorities {
    pub(in crate::auth) fn from_pem(pem: &[u8]) -> Result<Self, BundleError> {
        let certificates = CertificateDer::pem_slice_iter(pem);
        let roots = certificates.map(|certificate| Root::new(certificate?));
        let roots: Vec<Root> = roots.collect::<Result<_, _>>()?;
        if roots.is_empty() {
            return Err(BundleError::Empty);
        }
        let anchor = |root: &Root| Ok(anchor_from_trusted_cert(&root.certificate)?.to_owned());
        let anchors = roots
            .iter()
            .map(anchor)
            .collect::<Result<_, BundleError>>()?;
        Ok(Self(Arc::new(Bundle {
            roots,
            anchors,
            algorithms: aws_lc_rs::default_provider().signature_verification_algorithms,
        })))
    }

    /// Verifies that one of the authorities issued a chain, and that both are valid now and for
    /// clients.
    pub(in crate::auth) fn verify(
        &self,
        chain: &PresentedChain<'_>,
    ) -> Result<(), AuthenticationError> {
        self.path(chain, UnixTime::now())
            .map_err(|error| AuthenticationError::Certificate {
                common_name: chain.subject.common_name.clone(),
                reason: reason(error),
            })
    }

    fn path(&self, chain: &PresentedChain<'_>, now: UnixTime) -> Result<(), webpki::Error> {
        let Bundle {
            roots,
            anchors,
            algorithms,
        } = &*self.0;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let judge = |path: &VerifiedPath<'_>| {
            for intermediate in path.intermediate_certificates() {
                let der = intermediate.der();
                let parsed = X509Certificate::from_der(&der);
                if !parsed.is_ok_and(|(_, parsed)| may_sign(&parsed)) {
                    return Err(webpki::Error::EndEntityUsedAsCa);
                }
            }
            // By its place: several authorities may have one name and one key.
            let mut all = roots.iter().zip(anchors);
            let found = all.find(|(_, anchor)| std::ptr::eq(*anchor, path.anchor()));
            let (root, _) = found.ok_or(webpki::Error::UnknownIssuer)?;
            root.ends(path, chain.leaf, seconds)
        };
        EndEntityCert::try_from(chain.leaf)?.verify_for_usage(
            algorithms.all,
            anchors,
            chain.intermediates,
            now,
            ForClients,
            None,
            Some(&judge),
        )?;
        Ok(())
    }
}

/// In the words of rustls, which are for readers.
fn reason(error: webpki::Error) -> rustls::Error {
    use webpki::Error;
    match error {
        Error::CertExpired { time, not_after } => {
            CertificateError::ExpiredContext { time, not_after }
        }
        Error::CertNotValidYet { time, not_before } => {
            CertificateError::NotValidYetContext { time, not_before }
        }
        Error::UnknownIssuer => CertificateError::UnknownIssuer,
        Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Error::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
    .into()
}
