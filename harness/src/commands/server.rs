//! A live Prometheus, asked over its HTTP API.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::{Certificate, Client, Url};
use setpoint_replay::sources::{MAX_SOURCE_BYTES, Request};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long Prometheus may be silent: its own limit of a query, and some.
const SILENCE: Duration = Duration::from_secs(150);
/// What is told of an answer that isn't one.
const SHOWN: usize = 300;

/// How a Prometheus is reached that doesn't let everybody ask. Credentials are read from files, so that lists of processes don't show them.
#[derive(Debug, clap::Args)]
pub(super) struct Access {
    /// A file with the bearer token
    #[arg(long, value_name = "FILE", conflicts_with = "basic_auth_file")]
    bearer_token_file: Option<PathBuf>,
    /// A file with USER:PASSWORD
    #[arg(long, value_name = "FILE")]
    basic_auth_file: Option<PathBuf>,
    /// A file with the certificates that are trusted, PEM; those of the system without it
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Why a Prometheus can't be asked with these arguments.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    #[error("use `{0}` as the URL of Prometheus: expected one such as http://127.0.0.1:9090")]
    Url(String),
    #[error("read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("use {path}: expected {expected}")]
    Content {
        path: PathBuf,
        expected: &'static str,
    },
    #[error("set up HTTP")]
    Client(#[source] reqwest::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    #[error("ask {url}")]
    Send {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("Prometheus refuses {path}: {reason}")]
    Refused { path: &'static str, reason: String },
    #[error("{url} answers {status}: {body}")]
    Status {
        url: String,
        status: u16,
        body: String,
    },
    #[error(
        "the answer of {url} has more than {MAX_SOURCE_BYTES} bytes: record fewer series or a shorter time"
    )]
    TooLong { url: String },
    #[error("the answer of {url} is no text")]
    NoText { url: String },
}

/// The server, and how it is asked.
pub(super) struct Server {
    base: Url,
    client: Client,
    credentials: Option<Credentials>,
}

enum Credentials {
    Bearer(String),
    Basic { user: String, password: String },
}

impl Server {
    pub(super) fn new(url: &str, access: &Access) -> Result<Self, ServerError> {
        let base = url.parse::<Url>().ok();
        let base = base.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        // What stands there may hold credentials, which are never shown.
        let told = if url.contains('@') { "…" } else { url };
        let base = base.ok_or_else(|| ServerError::Url(told.to_owned()))?;
        let mut client = Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE);
        // Nothing stands between this machine and itself.
        let host = base.host_str().unwrap_or_default();
        let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
        if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
            client = client.no_proxy();
        }
        client = client.tls_certs_only(roots(access)?);
        Ok(Self {
            base,
            client: client.build().map_err(ServerError::Client)?,
            credentials: access.credentials()?,
        })
    }

    /// The body of a successful answer.
    pub(super) async fn ask(&self, request: &Request) -> Result<String, AskError> {
        let mut url = self.base.clone();
        let path = format!("{}{}", url.path().trim_end_matches('/'), request.path);
        url.set_path(&path);
        let shown = shown(&url);
        let failed = |source: reqwest::Error| AskError::Send {
            url: shown.clone(),
            source: source.without_url(),
        };
        let mut asked = self.client.post(url).form(&request.parameters);
        asked = match &self.credentials {
            Some(Credentials::Bearer(token)) => asked.bearer_auth(token),
            Some(Credentials::Basic { user, password }) => asked.basic_auth(user, Some(password)),
            None => asked,
        };
        let mut answer = asked.send().await.map_err(failed)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&piece);
            if body.len() as u64 > MAX_SOURCE_BYTES {
                return Err(AskError::TooLong { url: shown });
            }
        }
        if status.is_success() {
            return String::from_utf8(body).map_err(|_| AskError::NoText { url: shown });
        }
        let document: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
        let refusal = document.as_ref().and_then(|document| {
            let is_bad = matches!(document["errorType"].as_str()?, "bad_data" | "execution");
            document["error"].as_str().filter(|_| is_bad)
        });
        Err(match refusal {
            Some(reason) => AskError::Refused {
                path: request.path,
                reason: reason.to_owned(),
            },
            None => AskError::Status {
                url: shown,
                status: status.as_u16(),
                body: String::from_utf8_lossy(&body).chars().take(SHOWN).collect(),
            },
        })
    }
}

impl Access {
    /// Whether anything is said of how Prometheus is reached.
    pub(super) fn is_given(&self) -> bool {
        let files = [
            &self.bearer_token_file,
            &self.basic_auth_file,
            &self.ca_file,
        ];
        files.iter().any(|file| file.is_some())
    }

    fn credentials(&self) -> Result<Option<Credentials>, ServerError> {
        if let Some(path) = &self.bearer_token_file {
            let token = text(path)?.trim().to_owned();
            if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(ServerError::Content {
                    path: path.clone(),
                    expected: "a token of printable characters",
                });
            }
            return Ok(Some(Credentials::Bearer(token)));
        }
        let Some(path) = &self.basic_auth_file else {
            return Ok(None);
        };
        let text = text(path)?;
        let text = text.trim_end_matches(['\n', '\r']);
        let (user, password) = text.split_once(':').ok_or_else(|| ServerError::Content {
            path: path.clone(),
            expected: "USER:PASSWORD",
        })?;
        Ok(Some(Credentials::Basic {
            user: user.to_owned(),
            password: password.to_owned(),
        }))
    }
}

fn text(path: &std::path::Path) -> Result<String, ServerError> {
    setpoint_support::read_text(path).map_err(|source| ServerError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The certificates that are trusted.
fn roots(access: &Access) -> Result<Vec<Certificate>, ServerError> {
    if let Some(path) = &access.ca_file {
        let pem = text(path)?;
        let roots = Certificate::from_pem_bundle(pem.as_bytes()).unwrap_or_default();
        if roots.is_empty() {
            return Err(ServerError::Content {
                path: path.clone(),
                expected: "certificates as PEM",
            });
        }
        return Ok(roots);
    }
    // One that can't be read is left out, not a reason to trust none.
    let found = rustls_native_certs::load_native_certs().certs;
    let roots = found.iter().map(|der| Certificate::from_der(der));
    Ok(roots.filter_map(Result::ok).collect())
}

/// The address for messages: without credentials.
fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail for addresses that can't have credentials, which then have none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.to_string()
}
