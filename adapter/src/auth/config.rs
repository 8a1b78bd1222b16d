//! `kube-system/extension-apiserver-authentication`: whom the API server tells us to trust.
//!
//! Keys and their meaning: `apiserver/pkg/authentication/request/headerrequest/requestheader_controller.go`.

use std::collections::BTreeMap;

use http::HeaderName;

use super::request_header::RequestHeaders;
use super::x509::Authorities;

/// The ConfigMap's name.
pub(super) const CONFIG_MAP: &str = "extension-apiserver-authentication";
/// Its namespace.
pub(super) const NAMESPACE: &str = "kube-system";

/// Whom to trust, parsed.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuthenticationConfig {
    /// Stand behind certificates that may speak for others.
    pub(super) front_proxy: Option<Authorities>,
    /// How those say whom they speak for.
    pub(super) headers: RequestHeaders,
    /// Stand behind certificates that speak for themselves.
    pub(super) client_ca: Option<Authorities>,
}

/// Why the ConfigMap can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
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
    /// A bundle isn't there.
    #[error("`{key}` of ConfigMap kube-system/extension-apiserver-authentication is missing")]
    Missing {
        /// The key.
        key: &'static str,
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

/// Which parts of the ConfigMap count; the others come from flags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts {
    /// The front proxy's authorities and headers.
    pub(crate) front_proxy: bool,
    /// The clients' authorities.
    pub(crate) client_ca: bool,
}

impl AuthenticationConfig {
    /// Takes over what a ConfigMap's data say.
    ///
    /// The client authorities, the front proxy's authorities and the headers stand for themselves: one that is
    /// missing or can't be used stays as it was, as in `ConfigMapCAController` and
    /// `RequestHeaderAuthRequestController`. What was wrong comes back.
    pub(crate) fn take_over(
        &mut self,
        data: &BTreeMap<String, String>,
        parts: Parts,
    ) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        if parts.client_ca {
            match authorities(data, "client-ca-file") {
                Ok(authorities) => self.client_ca = Some(authorities),
                Err(error) => errors.push(error),
            }
        }
        if parts.front_proxy {
            match authorities(data, "requestheader-client-ca-file") {
                Ok(authorities) => self.front_proxy = Some(authorities),
                Err(error) => errors.push(error),
            }
            match request_headers(data) {
                Ok(headers) => self.headers = headers,
                Err(error) => errors.push(error),
            }
        }
        errors
    }
}

fn request_headers(data: &BTreeMap<String, String>) -> Result<RequestHeaders, ConfigError> {
    Ok(RequestHeaders {
        allowed_names: list(data, "requestheader-allowed-names")?,
        username: header_names(list(data, "requestheader-username-headers")?),
        uid: header_names(list(data, "requestheader-uid-headers")?),
        group: header_names(list(data, "requestheader-group-headers")?),
        extra_prefixes: prefixes(list(data, "requestheader-extra-headers-prefix")?),
    })
}

/// Header names; what no header can be named doesn't come in any request.
pub(super) fn header_names(names: Vec<String>) -> Vec<HeaderName> {
    names
        .into_iter()
        .filter_map(|name| HeaderName::try_from(name).ok())
        .collect()
}

/// Prefixes as header names are written here. An empty one would make every header, credentials included, known of the
/// user; the Go library's flags refuse it, so that no API server publishes one.
pub(super) fn prefixes(prefixes: Vec<String>) -> Vec<String> {
    prefixes
        .into_iter()
        .map(|prefix| prefix.to_ascii_lowercase())
        .filter(|prefix| !prefix.trim().is_empty())
        .collect()
}

fn list(data: &BTreeMap<String, String>, key: &'static str) -> Result<Vec<String>, ConfigError> {
    match data.get(key).map(String::as_str) {
        None | Some("") => Ok(Vec::new()),
        Some(text) => {
            serde_json::from_str(text).map_err(|source| ConfigError::NoList { key, source })
        }
    }
}

fn authorities(
    data: &BTreeMap<String, String>,
    key: &'static str,
) -> Result<Authorities, ConfigError> {
    match data.get(key).map(String::as_str) {
        None | Some("") => Err(ConfigError::Missing { key }),
        Some(pem) => Authorities::from_pem(pem.as_bytes())
            .map_err(|reason| ConfigError::NoAuthority { key, reason }),
    }
}
