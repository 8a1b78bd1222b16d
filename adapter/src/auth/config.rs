//! `kube-system/extension-apiserver-authentication`: whom the API server tells us to trust.
//!
//! Keys and their meaning: `apiserver/pkg/authentication/request/headerrequest/requestheader_controller.go`.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderName;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// The ConfigMap's name.
pub(super) const CONFIG_MAP: &str = "extension-apiserver-authentication";
/// Its namespace.
pub(super) const NAMESPACE: &str = "kube-system";

/// Whom to trust, parsed.
#[derive(Debug, Clone, Default)]
pub struct AuthenticationConfig {
    /// Verifies certificates that may speak for others; none where there is no such authority.
    pub(super) front_proxy: Option<FrontProxy>,
    /// Verifies certificates that speak for themselves.
    pub(super) client_ca: Option<Arc<dyn ClientCertVerifier>>,
}

/// The front proxy, and the headers that it says who asks with.
#[derive(Debug, Clone)]
pub(super) struct FrontProxy {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Subject CNs that are let through; empty means all.
    pub(super) allowed_names: Vec<String>,
    pub(super) username_headers: Vec<HeaderName>,
    pub(super) group_headers: Vec<HeaderName>,
    /// In lower case, as header names are here.
    pub(super) extra_header_prefixes: Vec<String>,
}

/// Why the ConfigMap can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value that should be a JSON list of strings isn't.
    #[error(
        "read `{key}` of ConfigMap kube-system/extension-apiserver-authentication as a JSON list of strings"
    )]
    NoList {
        /// The key.
        key: &'static str,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A header name that none can be.
    #[error(
        "`{key}` of ConfigMap kube-system/extension-apiserver-authentication has `{name}`, which is no header name"
    )]
    NoHeader {
        /// The key.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// A bundle without a usable certificate.
    #[error(
        "`{key}` of ConfigMap kube-system/extension-apiserver-authentication holds no usable CA certificate: {reason}"
    )]
    NoAuthority {
        /// The key.
        key: &'static str,
        /// What is wrong.
        reason: String,
    },
}

impl AuthenticationConfig {
    /// The configuration in a ConfigMap's data. A key that is missing leaves its part out.
    ///
    /// # Errors
    /// When a value can't be used: nothing of it is then.
    pub fn from_data(data: &BTreeMap<String, String>) -> Result<Self, ConfigError> {
        let client_ca = verifier(data, "client-ca-file")?;
        let front_proxy = match verifier(data, "requestheader-client-ca-file")? {
            None => None,
            Some(verifier) => Some(FrontProxy {
                verifier,
                allowed_names: list(data, "requestheader-allowed-names")?,
                username_headers: headers(data, "requestheader-username-headers")?,
                group_headers: headers(data, "requestheader-group-headers")?,
                extra_header_prefixes: list(data, "requestheader-extra-headers-prefix")?
                    .into_iter()
                    .map(|prefix| prefix.to_ascii_lowercase())
                    .collect(),
            }),
        };
        Ok(Self {
            front_proxy,
            client_ca,
        })
    }
}

fn list(data: &BTreeMap<String, String>, key: &'static str) -> Result<Vec<String>, ConfigError> {
    match data.get(key).map(String::as_str) {
        None | Some("") => Ok(Vec::new()),
        Some(text) => {
            serde_json::from_str(text).map_err(|source| ConfigError::NoList { key, source })
        }
    }
}

fn headers(
    data: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<Vec<HeaderName>, ConfigError> {
    list(data, key)?
        .into_iter()
        .map(|name| HeaderName::try_from(&name).map_err(|_| ConfigError::NoHeader { key, name }))
        .collect()
}

fn verifier(
    data: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, ConfigError> {
    let unusable = |reason: String| ConfigError::NoAuthority { key, reason };
    let Some(pem) = data.get(key).filter(|pem| !pem.is_empty()) else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| unusable(error.to_string()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map(Some)
        .map_err(|error| unusable(error.to_string()))
}
