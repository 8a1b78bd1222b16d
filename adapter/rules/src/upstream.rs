//! Upstreams, checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use setpoint_metrics_api::Quantity;
use url::Url;

use crate::config;
use crate::duration::parse_duration;
use crate::headers::{HeaderError, Headers};

/// A Prometheus, or what speaks its API, that rules name in place of the one that flags name. It is equal to another one
/// if it is asked in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Upstream {
    /// The name by which rules choose it.
    pub name: String,
    /// Its URL, without credentials.
    pub url: Url,
    /// Whether parameters are sent as a form in a POST.
    pub post: bool,
    /// How long it may take for the values that a request asks for.
    pub timeout: Option<Duration>,
    /// How many bytes an answer may have.
    pub max_response_bytes: Option<u64>,
    /// A file with a bearer token.
    pub bearer_token_file: Option<PathBuf>,
    /// A user, and a file with the password.
    pub basic_auth: Option<(String, PathBuf)>,
    /// CA certificates to verify the server's certificate with.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate chain and key.
    pub client_certificate: Option<(PathBuf, PathBuf)>,
}

/// Upstreams of a configuration, each with the headers of all rules that name it.
pub(crate) type Upstreams = Vec<(Arc<Upstream>, Headers)>;

/// Why an upstream can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// It has no name.
    #[error("name is empty: rules choose an upstream by it")]
    NoName,
    /// It can't have this name, which stands in messages and in labels of metrics.
    #[error("name: `{name}` is no name of up to 63 letters, digits, `-`, `.` and `_`")]
    Name {
        /// The name, shortened.
        name: String,
    },
    /// Another one before it has the same name.
    #[error("name: there is another upstream `{name}` before it")]
    SameName {
        /// The name.
        name: String,
    },
    /// The URL is none.
    #[error("url")]
    Url(#[from] ParseUrlError),
    /// The URL holds credentials.
    #[error(
        "url holds credentials, which whoever reads the configuration could use: put them into a file that `basicAuth` or `bearerTokenFile` names"
    )]
    UrlWithCredentials,
    /// There is no such verb.
    #[error("verb: `{verb}` is neither GET nor POST")]
    Verb {
        /// The verb.
        verb: String,
    },
    /// A text is no duration within limits.
    #[error("timeout: `{text}` is no duration such as 10s, between 1ms and 5m")]
    Timeout {
        /// The text.
        text: String,
    },
    /// A text is no number of bytes within limits.
    #[error("maxResponseBytes: `{text}` is no number of bytes such as 64Mi, between 1 and 1Gi")]
    MaxResponseBytes {
        /// The text.
        text: String,
    },
    /// There are two kinds of credentials.
    #[error("basicAuth and bearerTokenFile can't be used at the same time: leave one of them out")]
    TwoCredentials,
    /// Basic authentication lacks a part.
    #[error("basicAuth needs username and passwordFile")]
    BasicAuth,
    /// A client certificate lacks a part.
    #[error("tls: a client certificate needs certFile and keyFile")]
    ClientCertificate,
    /// A header can't be sent.
    #[error(transparent)]
    Header(#[from] HeaderError),
}

impl UpstreamError {
    /// The key that it is about.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::NoName | Self::Name { .. } | Self::SameName { .. } => "name",
            Self::Url(_) | Self::UrlWithCredentials => "url",
            Self::Verb { .. } => "verb",
            Self::Timeout { .. } => "timeout",
            Self::MaxResponseBytes { .. } => "maxResponseBytes",
            Self::TwoCredentials | Self::BasicAuth => "basicAuth",
            Self::ClientCertificate => "tls",
            Self::Header(_) => "headers",
        }
    }
}

/// Why a text is no URL of a Prometheus. The messages don't repeat the text: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseUrlError {
    /// It is no URL.
    #[error(transparent)]
    Url(#[from] url::ParseError),
    /// It has no scheme, or another one.
    #[error("only http and https can be used; is http:// missing in front?")]
    Scheme,
}

/// The URL of a Prometheus.
///
/// # Errors
/// A text that is none. Without a scheme, everything before the first colon would be taken for it.
pub fn parse_prometheus_url(text: &str) -> Result<Url, ParseUrlError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(_) | Err(url::ParseError::RelativeUrlWithoutBase) => Err(ParseUrlError::Scheme),
        Err(error) => Err(error.into()),
    }
}

/// The longest time that an upstream may be given: an HPA asks again long before.
const MAX_TIMEOUT: Duration = Duration::from_secs(300);
/// The longest answer that an upstream may be allowed.
const MAX_BYTES: u64 = 1 << 30;

impl Upstream {
    /// An upstream and its headers. `others` stand before it.
    pub(crate) fn new(
        upstream: &config::Upstream,
        others: &[(Arc<Self>, Headers)],
    ) -> Result<(Arc<Self>, Headers), UpstreamError> {
        let name = upstream.name.clone();
        if name.trim().is_empty() {
            return Err(UpstreamError::NoName);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        if name.len() > 63 || !name.chars().all(legal) {
            let name = name.chars().take(80).collect();
            return Err(UpstreamError::Name { name });
        }
        if others.iter().any(|(other, _)| other.name == name) {
            return Err(UpstreamError::SameName { name });
        }
        let url = parse_prometheus_url(&upstream.url)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UpstreamError::UrlWithCredentials);
        }
        let post = match upstream.verb.to_ascii_uppercase().as_str() {
            "" | "GET" => false,
            "POST" => true,
            verb => {
                let verb = verb.to_owned();
                return Err(UpstreamError::Verb { verb });
            }
        };
        let path = |text: &String| (!text.is_empty()).then(|| PathBuf::from(text));
        let tls = &upstream.tls;
        let checked = Self {
            name,
            url,
            post,
            timeout: timeout(&upstream.timeout)?,
            max_response_bytes: max_response_bytes(&upstream.max_response_bytes)?,
            bearer_token_file: path(&upstream.bearer_token_file),
            basic_auth: basic_auth(upstream)?,
            ca_file: path(&tls.ca_file),
            client_certificate: match (path(&tls.cert_file), path(&tls.key_file)) {
                (Some(certificate), Some(key)) => Some((certificate, key)),
                (None, None) => None,
                _ => return Err(UpstreamError::ClientCertificate),
            },
        };
        Ok((Arc::new(checked), Headers::new(&upstream.headers)?))
    }
}

fn timeout(text: &str) -> Result<Option<Duration>, UpstreamError> {
    if text.is_empty() {
        return Ok(None);
    }
    let within = |timeout: &Duration| !timeout.is_zero() && *timeout <= MAX_TIMEOUT;
    let timeout = parse_duration(text).filter(within);
    let text = || text.to_owned();
    timeout
        .map(Some)
        .ok_or_else(|| UpstreamError::Timeout { text: text() })
}

fn max_response_bytes(text: &str) -> Result<Option<u64>, UpstreamError> {
    if text.is_empty() {
        return Ok(None);
    }
    let milli = text
        .parse::<Quantity>()
        .ok()
        .and_then(|bytes| bytes.milli_value());
    let bytes = milli.and_then(|milli| u64::try_from(milli / 1000).ok());
    let bytes = bytes.filter(|bytes| (1..=MAX_BYTES).contains(bytes));
    let text = || text.to_owned();
    bytes
        .map(Some)
        .ok_or_else(|| UpstreamError::MaxResponseBytes { text: text() })
}

fn basic_auth(upstream: &config::Upstream) -> Result<Option<(String, PathBuf)>, UpstreamError> {
    let Some(basic) = &upstream.basic_auth else {
        return Ok(None);
    };
    if !upstream.bearer_token_file.is_empty() {
        return Err(UpstreamError::TwoCredentials);
    }
    if basic.username.is_empty() || basic.password_file.is_empty() {
        return Err(UpstreamError::BasicAuth);
    }
    Ok(Some((
        basic.username.clone(),
        PathBuf::from(&basic.password_file),
    )))
}

#[cfg(test)]
mod tests;
