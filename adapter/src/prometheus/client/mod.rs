//! A client of Prometheus over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Certificate;
use setpoint_rules::{Sample, Series};
use url::Url;

use super::PrometheusClient;
use super::wire::{self, PrometheusError};

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

pub(crate) struct HttpClient {
    client: reqwest::Client,
    base: Url,
    /// The URL for messages, without credentials.
    display_url: String,
    user: Option<(String, Option<String>)>,
    token_file: Option<PathBuf>,
    post: bool,
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

impl HttpClient {
    /// A system without CA certificates, such as our image, is no error.
    pub(crate) fn new(options: HttpClientOptions) -> Result<Self, HttpClientError> {
        let roots = match &options.ca {
            Some(pem) => Certificate::from_pem_bundle(pem).map_err(HttpClientError::Ca)?,
            None if options.url.scheme() == "https" => system_roots(&options.url),
            None => Vec::new(),
        };
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let broken = || HttpClientError::Header { name: name.clone() };
            let mut value = HeaderValue::try_from(value).map_err(|_| broken())?;
            value.set_sensitive(true);
            headers.append(HeaderName::try_from(name).map_err(|_| broken())?, value);
        }
        let client = reqwest::Client::builder()
            .tls_certs_only(roots)
            .no_proxy()
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(HttpClientError::Client)?;
        let mut base = options.url;
        let user = match base.username() {
            "" => None,
            user => Some((user.to_owned(), base.password().map(str::to_owned))),
        };
        // These fail for URLs that can't have credentials.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        // The query string may hold a token.
        let mut display_url = base.clone();
        display_url.set_query(None);
        display_url.set_fragment(None);
        let display_url = display_url.to_string();
        Ok(Self {
            client,
            base,
            display_url,
            user,
            token_file: options.token_file,
            post: options.post,
        })
    }

    async fn ask(
        &self,
        endpoint: &str,
        parameters: &[(&str, &str)],
    ) -> Result<serde_json::Value, PrometheusError> {
        let mut url = self.base.clone();
        url.set_path(&format!(
            "{}/{endpoint}",
            self.base.path().trim_end_matches('/')
        ));
        let mut request = if self.post {
            self.client.post(url).form(parameters)
        } else {
            url.set_query(None);
            self.client.get(url).query(parameters)
        };
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, password.as_ref());
        }
        if let Some(path) = &self.token_file {
            let unreadable = |source| PrometheusError::Token {
                path: path.display().to_string(),
                source,
            };
            let token = tokio::fs::read_to_string(path).await.map_err(unreadable)?;
            request = request.bearer_auth(token.trim());
        }
        // The URL in the error would show the query, or credentials.
        let failed = |source: reqwest::Error| PrometheusError::Send {
            url: self.display_url.clone(),
            source: source.without_url(),
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(failed)?;
        wire::data(&self.display_url, status, &body)
    }
}

impl PrometheusClient for HttpClient {
    fn series<'a>(
        &'a self,
        selector: &'a str,
        start: f64,
    ) -> BoxFuture<'a, Result<Vec<Series>, PrometheusError>> {
        Box::pin(async move {
            let start = format!("{start:.3}");
            let data = self
                .ask("api/v1/series", &[("match[]", selector), ("start", &start)])
                .await?;
            wire::series(&self.display_url, data)
        })
    }

    fn query<'a>(&'a self, query: &'a str) -> BoxFuture<'a, Result<Vec<Sample>, PrometheusError>> {
        Box::pin(async move {
            let now = format!("{:.3}", jiff::Timestamp::now().as_duration().as_secs_f64());
            let data = self
                .ask("api/v1/query", &[("query", query), ("time", &now)])
                .await?;
            wire::samples(&self.display_url, data)
        })
    }
}

#[cfg(test)]
mod tests;
