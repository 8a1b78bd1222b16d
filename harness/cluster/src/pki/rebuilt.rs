//! Certificates that rcgen doesn't write: with several organizations, which are a Kubernetes user's groups, and signed by SHA-1.
//!
//! The certificate's signed part (RFC 5280, 4.1) is rebuilt around another subject or algorithm, and signed again.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, SigningKey};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
/// 2.5.4.3, id-at-commonName.
const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
/// 2.5.4.10, id-at-organizationName.
const ORGANIZATION: [u8; 3] = [0x55, 0x04, 0x0a];
/// 1.2.840.10045.4.1, ecdsa-with-SHA1.
const ECDSA_WITH_SHA1: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
/// 1.2.840.113549.1.1.5, sha1WithRSAEncryption.
const RSA_WITH_SHA1: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
/// Where the algorithm of the signature and the subject stand in a TBSCertificate of version 3.
const ALGORITHM: usize = 2;
const SUBJECT: usize = 5;

/// The certificate with another subject, signed again by its issuer's key; DER.
pub(super) fn with_subject(
    certificate: &[u8],
    common_name: &str,
    organizations: &[String],
    issuer: &KeyPair,
) -> Result<Vec<u8>, rcgen::Error> {
    let subject = name(common_name, organizations);
    rebuilt(certificate, SUBJECT, &subject, None, issuer)
}

/// The certificate as one that says that it is signed by SHA-1; DER. The signature is one by SHA-256, which nobody finds out: who refuses SHA-1 does
/// so before (`checkSignature` of Go's crypto/x509).
pub(super) fn by_sha1(certificate: &[u8], issuer: &KeyPair) -> Result<Vec<u8>, rcgen::Error> {
    let content = if issuer.algorithm() == &PKCS_ECDSA_P256_SHA256 {
        element(OBJECT_IDENTIFIER, &ECDSA_WITH_SHA1)
    } else if issuer.algorithm() == &PKCS_RSA_SHA256 {
        let identifier = element(OBJECT_IDENTIFIER, &RSA_WITH_SHA1);
        [identifier, element(NULL, &[])].concat()
    } else {
        return Err(rcgen::Error::UnsupportedSignatureAlgorithm);
    };
    let algorithm = element(SEQUENCE, &content);
    rebuilt(certificate, ALGORITHM, &algorithm, Some(&algorithm), issuer)
}

/// The certificate with another element at a position of its signed part, and maybe another algorithm behind that.
fn rebuilt(
    certificate: &[u8],
    position: usize,
    other: &[u8],
    algorithm: Option<&[u8]>,
    issuer: &KeyPair,
) -> Result<Vec<u8>, rcgen::Error> {
    let unexpected = rcgen::Error::CouldNotParseCertificate;
    let parts = Element::read(certificate).and_then(|(certificate, _)| {
        let (signed, rest) = Element::read(certificate.content)?;
        let (algorithm, _signature) = Element::read(rest)?;
        Some((signed, algorithm))
    });
    let (signed, its_algorithm) = parts.ok_or(unexpected.clone())?;
    let signed = replaced(signed.content, position, other).ok_or(unexpected)?;
    let mut signature = vec![0];
    signature.extend(issuer.sign(&signed)?);
    let content = [
        signed,
        algorithm.unwrap_or(its_algorithm.whole).to_vec(),
        element(BIT_STRING, &signature),
    ];
    Ok(element(SEQUENCE, &content.concat()))
}

fn replaced(signed: &[u8], position: usize, other: &[u8]) -> Option<Vec<u8>> {
    let mut content = Vec::new();
    let mut rest = signed;
    for at in 0.. {
        if rest.is_empty() {
            break;
        }
        let (found, after) = Element::read(rest)?;
        content.extend_from_slice(if at == position { other } else { found.whole });
        rest = after;
    }
    Some(element(SEQUENCE, &content))
}

fn name(common_name: &str, organizations: &[String]) -> Vec<u8> {
    let organizations = organizations.iter().map(|o| attribute(ORGANIZATION, o));
    let mut parts: Vec<u8> = organizations.flatten().collect();
    parts.extend(attribute(COMMON_NAME, common_name));
    element(SEQUENCE, &parts)
}

fn attribute(kind: [u8; 3], value: &str) -> Vec<u8> {
    let kind = element(OBJECT_IDENTIFIER, &kind);
    let value = element(UTF8_STRING, value.as_bytes());
    element(SET, &element(SEQUENCE, &[kind, value].concat()))
}

/// One DER element.
struct Element<'a> {
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The first element and what follows it.
    fn read(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&first, _) = bytes.get(1..)?.split_first()?;
        let (header, length) = if first < 0x80 {
            (2, usize::from(first))
        } else {
            let count = usize::from(first & 0x7f);
            let length = bytes.get(2..2 + count)?;
            let length = length.iter().try_fold(0_usize, |sum, byte| {
                sum.checked_mul(256)?.checked_add((*byte).into())
            })?;
            (2 + count, length)
        };
        let end = header.checked_add(length)?;
        let found = Self {
            whole: bytes.get(..end)?,
            content: bytes.get(header..end)?,
        };
        Some((found, bytes.get(end..)?))
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant = length.iter().skip_while(|byte| **byte == 0).copied();
    let mut bytes = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => {
            let significant: Vec<u8> = significant.collect();
            bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
            bytes.extend(significant);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

/// A certificate, PEM.
pub(super) fn pem(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_element_is_read_as_it_was_written(content in proptest::collection::vec(any::<u8>(), 0..70_000)) {
            let mut bytes = element(SEQUENCE, &content);
            let length = bytes.len();
            bytes.push(7);
            let (found, rest) = Element::read(&bytes).unwrap();
            prop_assert_eq!(found.content, &content[..]);
            prop_assert_eq!(found.whole.len(), length);
            prop_assert_eq!(rest, &[7][..]);
        }

        #[test]
        fn what_is_no_der_is_not_read_beyond_its_end(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Some((found, rest)) = Element::read(&bytes) {
                prop_assert_eq!(found.whole.len() + rest.len(), bytes.len());
            }
        }
    }
}
