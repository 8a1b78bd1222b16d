//! Client certificates (`apiserver/pkg/authentication/request/x509/x509.go`).

mod authorities;
mod extensions;

use rustls_pki_types::CertificateDer;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::User;
use super::error::AuthenticationError;

pub(super) use authorities::Authorities;
pub(crate) use authorities::BundleError;

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
        let (rest, certificate) = X509Certificate::from_der(certificate)
            .map_err(|error| unreadable(error.to_string()))?;
        if !rest.is_empty() {
            return Err(unreadable("there are bytes behind it".to_owned()));
        }
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
