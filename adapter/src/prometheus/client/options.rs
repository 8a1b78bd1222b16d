//! How Prometheus is reached.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};
use setpoint_rules::percent_decoded;
use url::Url;

/// What of an answer over HTTP/2 may be on the way at a time.
const WINDOW: u32 = 256 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct HttpClientOptions {
    /// A path prefix is kept; credentials are sent as basic authentication.
    pub(crate) url: Url,
    /// A file with CA certificates in PEM; those of the system are used if there is none.
    pub(crate) ca_file: Option<PathBuf>,
    /// A file with a bearer token, read at every request because tokens are renewed.
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether parameters are sent as a form in a POST.
    pub(crate) post: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpClientError {
    #[error("read the CA certificates for Prometheus in {path}, which --prometheus-ca-file names")]
    CaFile {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("use the CA certificates for Prometheus in {path}")]
    Ca {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("{path}, which --prometheus-ca-file names, holds no CA certificate in PEM")]
    NoCa { path: PathBuf },
    #[error("the credentials in --prometheus-url can't be decoded: a % in them is written %25")]
    Credentials,
    #[error("header `{name}` for Prometheus can't be sent")]
    Header { name: String },
    #[error("make a client of Prometheus")]
    Client(#[source] reqwest::Error),
}

/// The CA certificates of the system, with `SSL_CERT_FILE` and `SSL_CERT_DIR` as in Go's programs.
/// reqwest can load them by itself, but fails if there are none.
fn system_roots(url: &Url) -> Vec<Certificate> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "can't read some of the system's CA certificates");
    }
    // One that can't be parsed is left out.
    let roots: Vec<_> = found
        .certs
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    if roots.is_empty() {
        tracing::warn!(
            host = url.host_str().unwrap_or_default(),
            "no CA certificates on this system to verify Prometheus with; name its CA by --prometheus-ca-file"
        );
    }
    roots
}

impl HttpClientOptions {
    /// What the CA file holds; nothing without one.
    pub(super) fn ca(&self) -> Result<Vec<u8>, HttpClientError> {
        let Some(path) = &self.ca_file else {
            return Ok(Vec::new());
        };
        std::fs::read(path).map_err(|source| HttpClientError::CaFile {
            path: path.clone(),
            source,
        })
    }

    /// The CA certificates to verify Prometheus with; `ca` is what the CA file holds. A system without
    /// any, such as our image, is no error.
    pub(super) fn roots(&self, ca: &[u8]) -> Result<Vec<Certificate>, HttpClientError> {
        let Some(path) = &self.ca_file else {
            let needed = self.url.scheme() == "https";
            return Ok(if needed {
                system_roots(&self.url)
            } else {
                Vec::new()
            });
        };
        let path = path.clone();
        match Certificate::from_pem_bundle(ca) {
            Ok(roots) if roots.is_empty() => Err(HttpClientError::NoCa { path }),
            Ok(roots) => Ok(roots),
            Err(source) => Err(HttpClientError::Ca { path, source }),
        }
    }

    /// The user and the password in the URL, decoded; none if it has neither.
    pub(super) fn user(&self) -> Result<Option<(String, Option<String>)>, HttpClientError> {
        let decoded = |text| percent_decoded(text).map_err(|_| HttpClientError::Credentials);
        let (user, password) = (self.url.username(), self.url.password());
        if user.is_empty() && password.is_none() {
            return Ok(None);
        }
        Ok(Some((decoded(user)?, password.map(decoded).transpose()?)))
    }

    /// What makes a client with connections of its own.
    pub(super) fn client(&self, roots: Vec<Certificate>) -> Result<ClientBuilder, HttpClientError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let broken = || HttpClientError::Header { name: name.clone() };
            let mut value = HeaderValue::try_from(value).map_err(|_| broken())?;
            value.set_sensitive(true);
            headers.append(HeaderName::try_from(name).map_err(|_| broken())?, value);
        }
        Ok(reqwest::Client::builder()
            .tls_certs_only(roots)
            .no_proxy()
            // A redirect would take the headers and the query elsewhere.
            .redirect(Policy::none())
            .default_headers(headers)
            .http2_initial_stream_window_size(WINDOW)
            .http2_initial_connection_window_size(WINDOW)
            .connect_timeout(Duration::from_secs(5)))
    }
}
