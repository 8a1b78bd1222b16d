//! The serving certificate and its renewal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{TlsError, server_config};
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::files::{Changes, Pair, REREAD_INTERVAL, read_pair};
use crate::reload::Reloads;
use crate::tasks::supervise;

/// Why a serving pair can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServingError {
    #[error("read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("read {path} as PEM")]
    Pem {
        path: PathBuf,
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// Such as from the Secret of `adapter/deploy` before it is filled in.
    #[error(
        "{path} holds no certificate; `setpoint-adapter certs` fills in the Secret that is mounted there, or cert-manager does"
    )]
    NoCertificate { path: PathBuf },
    #[error("serve with {certificate} and {key}")]
    Pair {
        certificate: PathBuf,
        key: PathBuf,
        #[source]
        source: TlsError,
    },
}

/// The certificate and key in two files, as of the last time they could be used.
pub(crate) struct ServingPair {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<Loaded>,
    reloads: Reloads,
}

/// What is reloaded here, in log and metrics.
const PART: &str = "serving-certificate";

struct Loaded {
    /// The content of the files, by which a change is known.
    bytes: Pair,
    config: Arc<rustls::ServerConfig>,
    /// When the certificate ends, in seconds since 1970; none if it can't be read.
    ends: Option<i64>,
}

impl ServingPair {
    /// Loads the pair and keeps it up to date, in a task that ends with `shutdown`.
    pub(crate) fn watch(
        certificate: PathBuf,
        key: PathBuf,
        reloads: Reloads,
        shutdown: CancellationToken,
    ) -> Result<Arc<Self>, ServingError> {
        let pair = Arc::new(Self::load(certificate, key, reloads.clone())?);
        let followed = pair.clone();
        supervise(PART, reloads.metrics(), move || {
            let (followed, shutdown) = (followed.clone(), shutdown.clone());
            async move { followed.follow(REREAD_INTERVAL, shutdown).await }
        });
        Ok(pair)
    }

    fn load(certificate: PathBuf, key: PathBuf, reloads: Reloads) -> Result<Self, ServingError> {
        let loaded = load(&certificate, &key)?;
        loaded.show_end(&reloads);
        Ok(Self {
            current: ArcSwap::from_pointee(loaded),
            certificate,
            key,
            reloads,
        })
    }

    /// The configuration for new connections.
    pub(crate) fn config(&self) -> Arc<rustls::ServerConfig> {
        self.current.load().config.clone()
    }

    /// Reads the files again at each change until `shutdown`. A pair that can't be used, as in the
    /// middle of a renewal, changes nothing.
    async fn follow(&self, reread: Duration, shutdown: CancellationToken) {
        let paths = [self.certificate.as_path(), self.key.as_path()];
        let mut changes = Changes::of(paths, reread);
        // There may have been a change before the watch.
        self.reload();
        while shutdown.run_until_cancelled(changes.next()).await.is_some() {
            self.reload();
        }
    }

    fn reload(&self) {
        match load(&self.certificate, &self.key) {
            Ok(loaded) if loaded.bytes == self.current.load().bytes => {
                self.reloads.unchanged(PART);
            }
            Ok(loaded) => {
                loaded.show_end(&self.reloads);
                self.current.store(Arc::new(loaded));
                self.reloads.succeeded(PART);
                tracing::info!(certificate = %self.certificate.display(), "serve with a renewed certificate");
            }
            Err(error) => self.reloads.failed(PART, &error),
        }
    }
}

impl Loaded {
    fn show_end(&self, reloads: &Reloads) {
        if let Some(ends) = self.ends {
            reloads.metrics().certificate_ends(PART, ends);
        }
    }
}

/// When the first certificate of a chain ends, in seconds since 1970.
fn end(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

fn load(certificate: &PathBuf, key: &PathBuf) -> Result<Loaded, ServingError> {
    let bytes = read_pair(certificate, key).map_err(|(path, source)| ServingError::Read {
        path: path.to_owned(),
        source,
    })?;
    let pem = |path: &PathBuf, source| ServingError::Pem {
        path: path.clone(),
        source,
    };
    let chain = CertificateDer::pem_slice_iter(&bytes.0)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| pem(certificate, source))?;
    if chain.is_empty() {
        return Err(ServingError::NoCertificate {
            path: certificate.clone(),
        });
    }
    let ends = end(&chain);
    let der = PrivateKeyDer::from_pem_slice(&bytes.1).map_err(|source| pem(key, source))?;
    let config = server_config(chain, der).map_err(|source| ServingError::Pair {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    })?;
    Ok(Loaded {
        bytes,
        config,
        ends,
    })
}

#[cfg(test)]
mod tests;
