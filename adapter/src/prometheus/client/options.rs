//! How Prometheus is reached.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder};
use url::Url;

/// What of an answer over HTTP/2 may be on the way at a time.
const WINDOW: u32 = 256 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct HttpClientOptions {
    /// A path prefix is kept; credentials are sent as basic authentication.
    pub(crate) url: Url,
    /// CA certificates in PEM; those of the system if there are none.
    pub(crate) ca: Option<Vec<u8>>,
    /// A file with a bearer token, read at every request because tokens are renewed.
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether parameters are sent as a form in a POST.
    pub(crate) post: bool,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpClientError {
    #[error("read the CA certificates for Prometheus")]
    Ca(#[source] reqwest::Error),
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
    /// The CA certificates to verify Prometheus with. A system without any, such as our image, is no
    /// error.
    pub(super) fn roots(&self) -> Result<Vec<Certificate>, HttpClientError> {
        match &self.ca {
            Some(pem) => Certificate::from_pem_bundle(pem).map_err(HttpClientError::Ca),
            None if self.url.scheme() == "https" => Ok(system_roots(&self.url)),
            None => Ok(Vec::new()),
        }
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
