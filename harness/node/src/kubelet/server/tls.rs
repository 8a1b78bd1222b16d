//! The server's certificate, and whose certificates it accepts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::failure::{Failure, failed};

/// The PEM files that the server reads once, at its start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServingFiles {
    /// The kubelet's serving certificate.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
    /// The authority that callers' certificates have to come from.
    pub(crate) client_ca: PathBuf,
}

const SET_UP: &str = "set up the kubelet's TLS";

impl ServingFiles {
    pub(super) fn server_config(&self) -> Result<Arc<ServerConfig>, Failure> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.client_ca, "the client authority")? {
            roots.add(root).map_err(failed(SET_UP))?;
        }
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .map_err(failed(format!(
                    "verify callers by {}",
                    self.client_ca.display()
                )))?;
        let chain = certificates(&self.certificate, "the kubelet's certificate")?;
        let what = "the kubelet's key";
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(at(what, &self.key))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(failed(SET_UP))?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(failed(SET_UP))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, Failure> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(at(what, path))
}

fn at(what: &'static str, path: &Path) -> impl FnOnce(pem::Error) -> Failure {
    failed(format!("read {what} from {}", path.display()))
}

/// The CN of the certificate that the caller has proven to own.
pub(super) fn common_name(chain: Option<&[CertificateDer<'_>]>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(chain?.first()?).ok()?;
    let name = certificate.subject().iter_common_name().next()?;
    name.as_str().ok().map(str::to_owned)
}
