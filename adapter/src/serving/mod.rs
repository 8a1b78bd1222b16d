//! The certificate that the adapter serves with, and its renewal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{TlsError, server_config};
use tokio_util::sync::CancellationToken;

use crate::files::Changes;

/// Why a serving pair can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServingError {
    /// A file can't be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A file holds nothing of the kind.
    #[error("read {path} as PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls_pki_types::pem::Error,
    },
    /// A file without a certificate, as the Secret is in the repository.
    #[error(
        "{path} holds no certificate; `setpoint-adapter certs` fills in the Secret that is mounted there, or cert-manager does"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The pair doesn't fit together, or can't be used.
    #[error("serve with {certificate} and {key}")]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: TlsError,
    },
}

/// The pair in two files, as it was when it last could be used.
pub(crate) struct ServingPair {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<Loaded>,
}

struct Loaded {
    /// The files' bytes: the same again are no news.
    bytes: (Vec<u8>, Vec<u8>),
    config: Arc<rustls::ServerConfig>,
}

impl ServingPair {
    /// Reads the pair.
    ///
    /// # Errors
    /// When it can't be used: there is nothing to serve with.
    pub(crate) fn load(certificate: PathBuf, key: PathBuf) -> Result<Self, ServingError> {
        let loaded = load(&certificate, &key)?;
        Ok(Self {
            current: ArcSwap::from_pointee(loaded),
            certificate,
            key,
        })
    }

    /// What new connections are served with.
    pub(crate) fn config(&self) -> Arc<rustls::ServerConfig> {
        self.current.load().config.clone()
    }

    /// Follows the files until `shutdown`. A pair that can't be used, as in the middle of a renewal, changes nothing.
    pub(crate) async fn follow(&self, reread: Duration, shutdown: CancellationToken) {
        let paths = [self.certificate.as_path(), self.key.as_path()];
        let mut changes = Changes::of(paths, reread);
        // What changed between the first read and the watch.
        self.reload();
        while shutdown.run_until_cancelled(changes.next()).await.is_some() {
            self.reload();
        }
    }

    fn reload(&self) {
        match load(&self.certificate, &self.key) {
            Ok(loaded) if loaded.bytes == self.current.load().bytes => {}
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                tracing::info!(certificate = %self.certificate.display(), "serve with a renewed certificate");
            }
            Err(error) => tracing::error!(
                error = &error as &dyn std::error::Error,
                "keep the serving certificate that there was"
            ),
        }
    }
}

fn load(certificate: &PathBuf, key: &PathBuf) -> Result<Loaded, ServingError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| ServingError::Read {
            path: path.clone(),
            source,
        })
    };
    let bytes = (read(certificate)?, read(key)?);
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
    let der = PrivateKeyDer::from_pem_slice(&bytes.1).map_err(|source| pem(key, source))?;
    let config = server_config(chain, der).map_err(|source| ServingError::Pair {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    })?;
    Ok(Loaded { bytes, config })
}

#[cfg(test)]
mod tests;
