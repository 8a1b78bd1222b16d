//! How Prometheus is reached.

use std::path::PathBuf;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Identity};
use setpoint_rules::percent_decoded;
use url::Url;

use super::access::{Access, AccessError, Material, Roots};
use super::proxy;

/// What of an answer over HTTP/2 may be on the way at a time.
const WINDOW: u32 = 256 * 1024;

#[derive(Debug, Clone)]
pub(crate) struct HttpClientOptions {
    /// A path prefix is kept; credentials are sent as basic authentication.
    pub(crate) url: Url,
    /// Where certificates and credentials come from.
    pub(crate) access: Access,
    /// A file with a bearer token, read at every request because tokens are renewed. It goes before
    /// that of `access`.
    pub(crate) token_file: Option<PathBuf>,
    /// A user and a file with the password, read at every request. It goes before everything else.
    pub(crate) basic_auth: Option<(String, PathBuf)>,
    pub(crate) headers: Vec<(String, String)>,
    /// Whether parameters are sent as a form in a POST.
    pub(crate) post: bool,
    /// How long it may take for values; none is the time that all have.
    pub(crate) timeout: Option<Duration>,
    /// How many bytes an answer may have; none is the limit that all have.
    pub(crate) max_answer: Option<u64>,
    /// The time that is asked about; now if there is none.
    pub(crate) at: Option<Timestamp>,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpClientError {
    #[error("read the CA certificates for Prometheus in {path}, which {named_by} names")]
    CaFile {
        /// The flag, or the key of an upstream.
        named_by: &'static str,
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
    #[error("{path}, which says whose certificate Prometheus has, holds no CA certificate in PEM")]
    NoCa { path: PathBuf },
    #[error("the credentials in --prometheus-url can't be decoded: a % in them is written %25")]
    Credentials,
    #[error("header `{name}` for Prometheus can't be sent")]
    Header { name: String },
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error("use the proxy that {origin} names")]
    Proxy {
        origin: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("make a client of Prometheus")]
    Client(#[source] reqwest::Error),
}

/// The CA certificates of the system, with `SSL_CERT_FILE` and `SSL_CERT_DIR` as in Go's programs.
/// reqwest can load them by itself, but fails if there are none.
pub(crate) fn system_roots(url: &Url) -> Vec<Certificate> {
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
            "no CA certificates on this system to verify Prometheus with; name its CA by --prometheus-ca-file, or by tls.caFile of an upstream"
        );
    }
    roots
}

impl HttpClientOptions {
    /// A Prometheus that anybody may ask.
    pub(crate) fn of(url: Url) -> Self {
        Self {
            url,
            access: Access::default(),
            token_file: None,
            basic_auth: None,
            headers: Vec::new(),
            post: false,
            timeout: None,
            max_answer: None,
            at: None,
        }
    }

    /// The CA certificates to verify Prometheus with. A system without any, such as our image, is no
    /// error.
    fn roots(&self, roots: &Roots) -> Result<Vec<Certificate>, HttpClientError> {
        let (path, pem) = match roots {
            Roots::System if self.url.scheme() == "https" => return Ok(system_roots(&self.url)),
            Roots::System => return Ok(Vec::new()),
            Roots::Pem(path, pem) => (path.clone(), pem),
        };
        match Certificate::from_pem_bundle(pem) {
            Ok(roots) if roots.is_empty() => Err(HttpClientError::NoCa { path }),
            Ok(roots) => Ok(roots),
            Err(source) => Err(HttpClientError::Ca { path, source }),
        }
    }

    /// Whether a header says who asks; then nothing else does, as in Go.
    pub(super) fn has_authorization(&self) -> bool {
        let mut names = self.headers.iter().map(|(name, _)| name);
        names.any(|name| name.eq_ignore_ascii_case("authorization"))
    }

    /// The user and the password in the URL, decoded; none if it has neither.
    pub(crate) fn user(&self) -> Result<Option<(String, Option<String>)>, HttpClientError> {
        let decoded = |text| percent_decoded(text).map_err(|_| HttpClientError::Credentials);
        let (user, password) = (self.url.username(), self.url.password());
        if user.is_empty() && password.is_none() {
            return Ok(None);
        }
        Ok(Some((decoded(user)?, password.map(decoded).transpose()?)))
    }

    /// What makes clients, each with connections of its own.
    pub(super) fn clients(
        &self,
        material: &Material,
    ) -> Result<impl Fn() -> ClientBuilder + use<>, HttpClientError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let broken = || HttpClientError::Header { name: name.clone() };
            let mut value = HeaderValue::try_from(value).map_err(|_| broken())?;
            value.set_sensitive(true);
            headers.append(HeaderName::try_from(name).map_err(|_| broken())?, value);
        }
        let roots = self.roots(&material.roots)?;
        let identity = material.identity.as_deref().map(Identity::from_pem);
        let identity = identity.transpose().map_err(HttpClientError::Client)?;
        let proxy = match (&material.proxy, &self.access) {
            (Some(proxy), _) => Some(proxy::proxy_at(proxy, "--prometheus-auth-config")?),
            // As in prometheus-adapter.
            (None, Access::Files { ca: Some(_), .. }) => None,
            (None, _) => proxy::of_environment(&self.url, |name| std::env::var(name).ok())?,
        };
        let trusts_anybody = material.trusts_anybody;
        Ok(move || {
            let mut client = reqwest::Client::builder()
                .tls_certs_only(roots.clone())
                .tls_danger_accept_invalid_certs(trusts_anybody)
                .no_proxy()
                // A redirect would take the headers and the query elsewhere.
                .redirect(Policy::none())
                .default_headers(headers.clone())
                .http2_initial_stream_window_size(WINDOW)
                .http2_initial_connection_window_size(WINDOW)
                .connect_timeout(Duration::from_secs(5));
            if let Some(identity) = &identity {
                client = client.identity(identity.clone());
            }
            if let Some(proxy) = &proxy {
                client = client.proxy(proxy.clone());
            }
            client
        })
    }
}
