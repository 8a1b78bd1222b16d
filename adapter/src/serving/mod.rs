//! The serving certificates and their renewal.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use setpoint_serve::{
    ByName, TlsError, TlsOptions, certificate_names, certified_key, server_config_with,
};
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::args::NamedPair;
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

/// What is served with: a pair for everybody, further ones for names, and the options of TLS.
#[derive(Debug)]
pub(crate) struct ServingFiles {
    /// Its names don't matter.
    pub(crate) default: NamedPair,
    pub(crate) named: Vec<NamedPair>,
    pub(crate) options: TlsOptions,
}

/// Certificates and keys in files, as of the last time they could be used.
pub(crate) struct ServingPair {
    files: ServingFiles,
    current: ArcSwap<Loaded>,
    reloads: Reloads,
}

/// What is reloaded here, in log and metrics.
const PART: &str = "serving-certificate";

struct Loaded {
    /// The content of the files, by which a change is known.
    bytes: Vec<Pair>,
    config: Arc<rustls::ServerConfig>,
    /// When the first of the certificates ends, in seconds since 1970; none if it can't be read.
    ends: Option<i64>,
}

impl ServingPair {
    /// Loads the pairs and keeps them up to date, in a task that ends with `shutdown`.
    pub(crate) fn watch(
        files: ServingFiles,
        reloads: Reloads,
        shutdown: CancellationToken,
    ) -> Result<Arc<Self>, ServingError> {
        let pair = Arc::new(Self::load(files, reloads.clone())?);
        let followed = pair.clone();
        supervise(PART, reloads.metrics(), move || {
            let (followed, shutdown) = (followed.clone(), shutdown.clone());
            async move { followed.follow(REREAD_INTERVAL, shutdown).await }
        });
        Ok(pair)
    }

    fn load(files: ServingFiles, reloads: Reloads) -> Result<Self, ServingError> {
        let loaded = load(&files)?;
        loaded.show_end(&reloads);
        Ok(Self {
            current: ArcSwap::from_pointee(loaded),
            files,
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
        let mut changes = Changes::of(self.files.paths(), reread);
        // There may have been a change before the watch.
        self.reload();
        while shutdown.run_until_cancelled(changes.next()).await.is_some() {
            self.reload();
        }
    }

    fn reload(&self) {
        match load(&self.files) {
            Ok(loaded) if loaded.bytes == self.current.load().bytes => {
                self.reloads.unchanged(PART);
            }
            Ok(loaded) => {
                loaded.show_end(&self.reloads);
                self.current.store(Arc::new(loaded));
                self.reloads.succeeded(PART);
                tracing::info!(certificate = %self.files.default.certificate.display(), "serve with a renewed certificate");
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

impl ServingFiles {
    fn pairs(&self) -> impl Iterator<Item = &NamedPair> {
        std::iter::once(&self.default).chain(&self.named)
    }

    fn paths(&self) -> impl Iterator<Item = &Path> {
        self.pairs()
            .flat_map(|pair| [pair.certificate.as_path(), pair.key.as_path()])
    }
}

fn load(files: &ServingFiles) -> Result<Loaded, ServingError> {
    let read = |pair: &NamedPair| {
        let bytes = read_pair(&pair.certificate, &pair.key);
        bytes.map_err(|(path, source)| ServingError::Read {
            path: path.to_owned(),
            source,
        })
    };
    let bytes = files.pairs().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut pairs = Vec::new();
    for (pair, (certificate, key)) in files.pairs().zip(&bytes) {
        let loaded = certified(pair, certificate, key)?;
        let names = match pair.names.as_slice() {
            [] => loaded
                .cert
                .first()
                .map(certificate_names)
                .unwrap_or_default(),
            names => names.to_vec(),
        };
        pairs.push((names, Arc::new(loaded)));
    }
    let ends = pairs.iter().filter_map(|(_, pair)| end(&pair.cert)).min();
    let default = pairs.remove(0).1;
    let resolver = Arc::new(ByName::new(default, pairs));
    let config = server_config_with(&files.options, resolver);
    let config = config.map_err(|source| unusable(&files.default, source))?;
    Ok(Loaded {
        bytes,
        config,
        ends,
    })
}

fn unusable(pair: &NamedPair, source: TlsError) -> ServingError {
    ServingError::Pair {
        certificate: pair.certificate.clone(),
        key: pair.key.clone(),
        source,
    }
}

/// The pair that two files hold.
fn certified(
    pair: &NamedPair,
    certificate: &[u8],
    key: &[u8],
) -> Result<CertifiedKey, ServingError> {
    let pem = |path: &Path, source| ServingError::Pem {
        path: path.to_owned(),
        source,
    };
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| pem(&pair.certificate, source))?;
    if chain.is_empty() {
        return Err(ServingError::NoCertificate {
            path: pair.certificate.clone(),
        });
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| pem(&pair.key, source))?;
    certified_key(chain, key).map_err(|source| unusable(pair, source))
}

#[cfg(test)]
mod tests;
