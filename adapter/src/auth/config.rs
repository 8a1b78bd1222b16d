//! ConfigMap `kube-system/extension-apiserver-authentication`: the client CA and the request-header
//! CA of the API server.
//!
//! Keys and their meaning:
//! `apiserver/pkg/authentication/request/headerrequest/requestheader_controller.go`.

use std::collections::BTreeMap;

use http::HeaderName;

use super::request_header::RequestHeaders;
use super::x509::{Authorities, BundleError};

pub(super) const CONFIG_MAP: &str = "extension-apiserver-authentication";
pub(super) const NAMESPACE: &str = "kube-system";

/// The certificate authorities that are trusted, and the request headers.
#[derive(Debug, Clone, Default)]
pub(crate) struct AuthenticationConfig {
    /// The CA of front proxies, whose certificates let them name another user in headers.
    pub(super) request_header_ca: Option<Authorities>,
    pub(super) headers: RequestHeaders,
    /// The CA of clients, whose certificates name the user.
    pub(super) client_ca: Option<Authorities>,
}

/// Why a part of the ConfigMap can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(
        "read `{key}` of ConfigMap kube-system/extension-apiserver-authentication as a JSON list of strings"
    )]
    NoList {
        key: &'static str,
        #[source]
        source: serde_json::Error,
    },
    #[error("`{key}` of ConfigMap kube-system/extension-apiserver-authentication is missing")]
    Missing { key: &'static str },
    #[error(
        "`{key}` of ConfigMap kube-system/extension-apiserver-authentication holds no usable CA certificate: {reason}"
    )]
    NoAuthority {
        key: &'static str,
        reason: BundleError,
    },
}

/// Which parts are taken from the ConfigMap; the others come from flags.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FromConfigMap {
    /// The request-header CA and the headers.
    pub(crate) request_header: bool,
    pub(crate) client_ca: bool,
}

impl AuthenticationConfig {
    /// Updates the parts that are taken from the ConfigMap by its data.
    ///
    /// The client CA, the request-header CA and the headers are independent: a missing or broken
    /// one stays as it was, as in `ConfigMapCAController` and `RequestHeaderAuthRequestController`.
    /// Their errors are returned.
    pub(crate) fn update(
        &mut self,
        data: &BTreeMap<String, String>,
        parts: FromConfigMap,
    ) -> Vec<ConfigError> {
        let mut errors = Vec::new();
        if parts.client_ca {
            match authorities(data, "client-ca-file") {
                Ok(authorities) => self.client_ca = Some(authorities),
                Err(error) => errors.push(error),
            }
        }
        if parts.request_header {
            match authorities(data, "requestheader-client-ca-file") {
                Ok(authorities) => self.request_header_ca = Some(authorities),
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

/// Parses header names. A text that can't be one is left out: no request has such a header.
pub(super) fn header_names(names: Vec<String>) -> Vec<HeaderName> {
    names
        .into_iter()
        .filter_map(|name| HeaderName::try_from(name).ok())
        .collect()
}

/// Prefixes in lower case, as header names are. An empty one would make every header, credentials
/// included, an extra attribute of the user; the flags of the Go library refuse it, so no API
/// server publishes one.
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
        // `null` is how Go writes an empty list.
        Some(text) => serde_json::from_str(text)
            .map(Option::unwrap_or_default)
            .map_err(|source| ConfigError::NoList { key, source }),
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
