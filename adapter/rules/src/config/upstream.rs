//! Upstreams beside the Prometheus that flags name: keys that prometheus-adapter doesn't have.

use std::collections::BTreeMap;

use serde::Deserialize;
use setpoint_metrics_api::null_as_default;

/// A Prometheus, or what speaks its API, that rules may name.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Upstream {
    /// The name by which rules choose it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub name: String,
    /// Its URL, with a path prefix if it has one, and without credentials.
    #[serde(default, deserialize_with = "null_as_default")]
    pub url: String,
    /// `GET` or `POST`; empty stands for `GET`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub verb: String,
    /// How long it may take for the values that a request asks for, such as `10s`; empty stands for 30s.
    #[serde(default, deserialize_with = "null_as_default")]
    pub timeout: String,
    /// How long an answer may be, such as `64Mi`; empty stands for the limit that all have.
    #[serde(default, deserialize_with = "null_as_default")]
    pub max_response_bytes: String,
    /// Headers of each request, by name; values are templates.
    #[serde(default, deserialize_with = "null_as_default")]
    pub headers: BTreeMap<String, String>,
    /// A file with a bearer token, which is read at each request.
    #[serde(default, deserialize_with = "null_as_default")]
    pub bearer_token_file: String,
    /// A user and the file with the password.
    #[serde(default)]
    pub basic_auth: Option<BasicAuth>,
    /// Files with certificates.
    #[serde(default, deserialize_with = "null_as_default")]
    pub tls: TlsFiles,
}

/// Basic authentication.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BasicAuth {
    /// The user.
    #[serde(default, deserialize_with = "null_as_default")]
    pub username: String,
    /// A file with the password, which is read at each request.
    #[serde(default, deserialize_with = "null_as_default")]
    pub password_file: String,
}

/// Files with certificates, which are read again when they change.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TlsFiles {
    /// CA certificates to verify the server's certificate with; empty stands for those of the system.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ca_file: String,
    /// The client's certificate chain.
    #[serde(default, deserialize_with = "null_as_default")]
    pub cert_file: String,
    /// Its key.
    #[serde(default, deserialize_with = "null_as_default")]
    pub key_file: String,
}
