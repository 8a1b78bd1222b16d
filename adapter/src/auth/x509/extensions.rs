//! What a certificate says that it may be used for, as Go's `crypto/x509` reads it.

use webpki::{ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext};
use x509_parser::prelude::{X509Certificate, X509Version};

/// `anyExtendedKeyUsage`, 2.5.29.37.0.
const ANY_PURPOSE: [usize; 5] = [2, 5, 29, 37, 0];

/// For clients: a certificate that names no purpose, that of clients, or any
/// (`checkChainForKeyUsage` of `crypto/x509/verify.go`).
pub(super) struct ForClients;

impl ExtendedKeyUsageValidator for ForClients {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let clients: Vec<usize> = KeyUsage::client_auth().oid_values().collect();
        let mut present = Vec::new();
        for purpose in purposes {
            let purpose = purpose?.to_decoded_oid();
            if purpose == clients || purpose == ANY_PURPOSE {
                return Ok(());
            }
            present.push(purpose);
        }
        if present.is_empty() {
            return Ok(());
        }
        let required = KeyUsage::client_auth();
        let context = RequiredEkuNotFoundContext { required, present };
        Err(webpki::Error::RequiredEkuNotFoundContext(context))
    }
}

/// Whether a certificate may stand above those of clients. One whose extensions can't be read may not.
pub(super) fn is_for_clients(certificate: &X509Certificate<'_>) -> bool {
    certificate
        .extended_key_usage()
        .is_ok_and(|usage| usage.is_none_or(|usage| usage.value.any || usage.value.client_auth))
}

/// Whether a certificate's key may sign others (`CheckSignatureFrom` of `crypto/x509/x509.go`).
pub(super) fn may_sign(certificate: &X509Certificate<'_>) -> bool {
    certificate
        .key_usage()
        .is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_cert_sign()))
}

/// Whether a certificate of a bundle is one of an authority. The first version of certificates can't say it.
pub(super) fn is_authority(certificate: &X509Certificate<'_>) -> bool {
    certificate.basic_constraints().is_ok_and(|constraints| {
        constraints.map_or(certificate.version() != X509Version::V3, |constraints| {
            constraints.value.ca
        })
    })
}

/// How many certificates may stand between this one and a client's; none if it doesn't say.
pub(super) fn path_length(certificate: &X509Certificate<'_>) -> Option<usize> {
    let constraints = certificate.basic_constraints().ok()??;
    usize::try_from(constraints.value.path_len_constraint?).ok()
}
