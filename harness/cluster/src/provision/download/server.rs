//! Asking a release server over HTTP.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use reqwest::{Certificate, Client, Response};
use tokio::runtime::{Builder, Runtime};
use url::{Host, Url};

use super::super::ProvisionError;
use super::super::workshop::io_at;
use super::checksum::hex;

/// A list of checksums is some kilobytes; what is longer is something else.
const LONGEST_TEXT: usize = 256 * 1024;

/// How long a server may be silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Until the connection stands.
    pub(super) connect: Duration,
    /// Before an answer, and between two pieces of it. A whole download may take as long as it likes.
    pub(super) silence: Duration,
}

/// What a slow network still keeps to.
pub(super) const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    silence: Duration::from_secs(30),
};

/// A client of one server, for a thread that may block.
pub(super) struct Server {
    client: Client,
    runtime: Runtime,
}

impl Server {
    pub(super) fn new(base: &Url, patience: Patience) -> Result<Self, ProvisionError> {
        let is_https = base.scheme() == "https";
        let mut client = Client::builder()
            .tls_certs_only(if is_https { system_roots() } else { Vec::new() })
            // A redirect must not lead out of TLS.
            .https_only(is_https)
            // An archive that a server declares to be encoded would arrive unpacked, and with another checksum.
            .no_gzip()
            .connect_timeout(patience.connect)
            .read_timeout(patience.silence);
        if is_loopback(base) {
            client = client.no_proxy();
        }
        let client = client.build().map_err(ProvisionError::Client)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(ProvisionError::Runtime)?;
        Ok(Self { client, runtime })
    }

    /// A short text.
    pub(super) fn text(&self, url: &Url) -> Result<String, ProvisionError> {
        self.runtime.block_on(async {
            let mut response = self.answer(url).await?;
            let mut text = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(broken_off(url))? {
                text.extend_from_slice(&piece);
                if text.len() > LONGEST_TEXT {
                    text.clear();
                    break;
                }
            }
            Ok(String::from_utf8_lossy(&text).into_owned())
        })
    }

    /// Writes a file and tells its SHA-256. `received` hears how many bytes came, and of how many.
    pub(super) fn save(
        &self,
        url: &Url,
        place: &Path,
        mut received: impl FnMut(u64, Option<u64>),
    ) -> Result<String, ProvisionError> {
        self.runtime.block_on(async {
            let mut response = self.answer(url).await?;
            let total = response.content_length();
            let mut file = io_at("create", place, File::create)?;
            let mut digest = Context::new(&SHA256);
            let mut bytes = 0;
            while let Some(piece) = response.chunk().await.map_err(broken_off(url))? {
                io_at("write", place, |_| file.write_all(&piece))?;
                digest.update(&piece);
                bytes += piece.len() as u64;
                received(bytes, total);
            }
            Ok(hex(digest.finish().as_ref()))
        })
    }

    async fn answer(&self, url: &Url) -> Result<Response, ProvisionError> {
        let response = self.client.get(url.clone()).send().await;
        let response = response.map_err(broken_off(url))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(ProvisionError::Answer {
            url: shown(url),
            status: response.status().as_u16(),
        })
    }
}

/// The transport's failure. Its own address is left out: it could hold credentials.
fn broken_off(url: &Url) -> impl Fn(reqwest::Error) -> ProvisionError {
    move |source| ProvisionError::Download {
        url: shown(url),
        source: source.without_url(),
    }
}

/// The address for messages: without credentials.
pub(super) fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail for addresses that can't have credentials, which then have none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.to_string()
}

/// Nothing stands between this machine and itself.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The system's CA certificates, `SSL_CERT_FILE` and `SSL_CERT_DIR` included.
///
/// Given explicitly, because reqwest's own way of loading them fails where there are none.
fn system_roots() -> Vec<Certificate> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "can't read some of the system's CA certificates");
    }
    // One that can't be parsed is left out, not a reason to trust none.
    let roots: Vec<_> = found
        .certs
        .iter()
        .filter_map(|der| Certificate::from_der(der).ok())
        .collect();
    if roots.is_empty() {
        tracing::warn!(
            "no CA certificates on this system to verify a download's server with; install ca-certificates \
             or name some by SSL_CERT_FILE"
        );
    }
    roots
}
