//! Certificates, and the headers that a front proxy's certificate makes trustworthy
//! (`apiserver/pkg/authentication/request/{x509/x509.go,headerrequest/requestheader.go}`).

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName};
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::config::{AuthenticationConfig, FrontProxy};
use super::{Authenticator, User};

/// Why shown credentials don't hold. For the log: the caller only hears 401.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// No trusted authority stands behind the certificate, or it isn't for clients, or not for now.
    #[error("verifying certificate of \"{common_name}\" failed: x509: {reason}")]
    Certificate {
        /// The subject's CN.
        common_name: String,
        /// What is wrong.
        reason: String,
    },
    /// The front proxy's authority stands behind it, but not for this name.
    #[error("x509: subject with cn={common_name} is not in the allowed list")]
    NotAllowed {
        /// The subject's CN.
        common_name: String,
    },
    /// The certificate itself is broken.
    #[error("read the client certificate: {reason}")]
    Unreadable {
        /// What is wrong.
        reason: String,
    },
}

/// Authenticates by client certificate: the front proxy's speaks for others, any other for its subject.
#[derive(Debug, Default)]
pub struct CertificateAuthenticator {
    config: ArcSwapOption<AuthenticationConfig>,
}

impl CertificateAuthenticator {
    /// Trusts nobody until [`Self::replace`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts whom `config` names from the next request on.
    pub fn replace(&self, config: AuthenticationConfig) {
        self.config.store(Some(Arc::new(config)));
    }

    fn judge(
        &self,
        certificates: &[CertificateDer<'static>],
        headers: &HeaderMap,
    ) -> Result<User, AuthenticationError> {
        let Some((leaf, intermediates)) = certificates.split_first() else {
            return Ok(User::anonymous());
        };
        let config = self.config.load_full().unwrap_or_default();
        let subject = Subject::of(leaf)?;
        let mut refusal = None;
        if let Some(front_proxy) = &config.front_proxy {
            match proxied_user(front_proxy, &subject, leaf, intermediates, headers) {
                Ok(Some(user)) => return Ok(user.authenticated()),
                Ok(None) => {}
                Err(error) => refusal = Some(error),
            }
        }
        if let Some(client_ca) = &config.client_ca {
            match verify(client_ca, &subject, leaf, intermediates) {
                // A subject without a name is nobody.
                Ok(()) if subject.common_name.is_empty() => {}
                Ok(()) => return Ok(subject.into_user().authenticated()),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match refusal {
            Some(error) => Err(error),
            None => Ok(User::anonymous()),
        }
    }
}

impl Authenticator for CertificateAuthenticator {
    fn authenticate<'a>(
        &'a self,
        certificates: &'a [CertificateDer<'static>],
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<User, AuthenticationError>> {
        Box::pin(std::future::ready(self.judge(certificates, headers)))
    }

    fn is_configured(&self) -> bool {
        self.config.load().is_some()
    }
}

/// Whom a front proxy says it asks for; none where it doesn't say.
fn proxied_user(
    front_proxy: &FrontProxy,
    subject: &Subject,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    headers: &HeaderMap,
) -> Result<Option<User>, AuthenticationError> {
    verify(&front_proxy.verifier, subject, leaf, intermediates)?;
    if !front_proxy.allowed_names.is_empty()
        && !front_proxy.allowed_names.contains(&subject.common_name)
    {
        return Err(AuthenticationError::NotAllowed {
            common_name: subject.common_name.clone(),
        });
    }
    let name = front_proxy
        .username_headers
        .iter()
        .flat_map(|header| texts(headers, header))
        .find(|name| !name.is_empty());
    Ok(name.map(|name| User {
        name,
        groups: front_proxy
            .group_headers
            .iter()
            .flat_map(|header| texts(headers, header))
            .filter(|group| !group.is_empty())
            .collect(),
        extra: extra(headers, &front_proxy.extra_header_prefixes),
    }))
}

/// A header's values. Bytes that are no UTF-8 can't name anybody; they are replaced, never dropped, so that
/// no two names become one by leaving something out.
fn texts(headers: &HeaderMap, header: &HeaderName) -> impl Iterator<Item = String> {
    headers
        .get_all(header)
        .into_iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn extra(headers: &HeaderMap, prefixes: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for header in headers.keys() {
        let Some(key) = prefixes
            .iter()
            .find_map(|prefix| header.as_str().strip_prefix(prefix.as_str()))
        else {
            continue;
        };
        extra
            .entry(unescaped(key))
            .or_default()
            .extend(texts(headers, header));
    }
    extra
}

/// Keys are percent-escaped; one with a broken escape is kept as it is (`unescapeExtraKey`).
fn unescaped(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = rest else {
            return key.to_owned();
        };
        let (Some(high), Some(low)) = (
            char::from(*high).to_digit(16),
            char::from(*low).to_digit(16),
        ) else {
            return key.to_owned();
        };
        let Ok(byte) = u8::try_from(high * 16 + low) else {
            return key.to_owned();
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
}

/// Chain, validity and the clientAuth usage.
fn verify(
    verifier: &Arc<dyn ClientCertVerifier>,
    subject: &Subject,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
) -> Result<(), AuthenticationError> {
    match verifier.verify_client_cert(leaf, intermediates, UnixTime::now()) {
        Ok(_) => Ok(()),
        Err(error) => Err(AuthenticationError::Certificate {
            common_name: subject.common_name.clone(),
            reason: error.to_string(),
        }),
    }
}

struct Subject {
    common_name: String,
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

    fn into_user(self) -> User {
        User {
            name: self.common_name,
            groups: self.organizations,
            extra: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests;
