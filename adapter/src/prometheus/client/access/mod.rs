//! How the adapter proves itself to Prometheus, and which certificates it trusts
//! (`makePromClient` in `cmd/adapter/adapter.go` of prometheus-adapter v0.12.0).

mod kubeconfig;

use std::path::{Path, PathBuf};

use kube::config::{Kubeconfig, KubeconfigError};
use reqwest::Identity;

use super::options::HttpClientError;
use crate::files::read_pair;
use crate::kubernetes::{POD_CA, named};

/// Where a pod finds its token.
const POD_TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Where certificates and credentials come from, besides `--prometheus-token-file` and headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// Files that flags name.
    Files {
        /// CA certificates in PEM; those of the system are used if there is none.
        ca: Option<PathBuf>,
        /// The client's certificate chain and key in PEM.
        pair: Option<(PathBuf, PathBuf)>,
    },
    /// Files that an upstream of the configuration names.
    Upstream {
        /// As of [`Self::Files`].
        ca: Option<PathBuf>,
        /// As of [`Self::Files`].
        pair: Option<(PathBuf, PathBuf)>,
    },
    /// The pod's ServiceAccount: its token, and the CA of the cluster.
    Pod,
    /// The current context of a kubeconfig. Its server is left aside.
    Kubeconfig(PathBuf),
}

/// What the files hold. Where it is equal, so are the clients that are made of it.
#[derive(Clone, PartialEq, Default)]
pub(super) struct Material {
    pub(super) roots: Roots,
    /// A chain and a key in PEM.
    pub(super) identity: Option<Vec<u8>>,
    pub(super) token: Token,
    pub(super) user: Option<(String, Option<String>)>,
    /// Whether any certificate of Prometheus will do: `insecure-skip-tls-verify`.
    pub(super) trusts_anybody: bool,
    pub(super) proxy: Option<String>,
}

/// The CA certificates to verify Prometheus with.
#[derive(Clone, PartialEq, Default)]
pub(super) enum Roots {
    #[default]
    System,
    /// The file that says so, and what it says.
    Pem(PathBuf, Vec<u8>),
}

/// A bearer token.
#[derive(Clone, PartialEq, Default)]
pub(super) enum Token {
    #[default]
    None,
    Text(String),
    /// It is read at every request, because tokens are renewed.
    File(PathBuf),
}

/// Why the files that prove who the adapter is can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    #[error("read {path}, which {named_by} names")]
    Read {
        named_by: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("use the client certificate for Prometheus in {certificate} with the key in {key}")]
    Pair {
        certificate: PathBuf,
        key: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("use the kubeconfig {path}, which --prometheus-auth-config names")]
    Kubeconfig {
        path: PathBuf,
        #[source]
        source: Box<KubeconfigError>,
    },
    #[error(
        "the kubeconfig {path}, which --prometheus-auth-config names, has no {what} of its current context"
    )]
    Incomplete { path: PathBuf, what: &'static str },
    #[error(
        "the kubeconfig {path}, which --prometheus-auth-config names, has {what}, which is not supported; use a token or a client certificate"
    )]
    Unsupported { path: PathBuf, what: &'static str },
    #[error("use the client certificate of the kubeconfig {path}")]
    Identity {
        path: PathBuf,
        #[source]
        source: reqwest::Error,
    },
    #[error("a certificate or key in the kubeconfig {path} is no base64")]
    Base64 { path: PathBuf },
}

impl Default for Access {
    fn default() -> Self {
        Self::Files {
            ca: None,
            pair: None,
        }
    }
}

impl Access {
    /// The files whose changes matter. Those with tokens are read at every request.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        match self {
            Self::Files { ca, pair } | Self::Upstream { ca, pair } => {
                let pair = pair
                    .iter()
                    .flat_map(|(certificate, key)| [certificate, key]);
                ca.iter().chain(pair).cloned().collect()
            }
            Self::Pod => vec![PathBuf::from(POD_CA)],
            Self::Kubeconfig(path) => {
                let kubeconfig = Kubeconfig::read_from(path);
                // Whoever reads it next tells why it can't be read.
                let files: Vec<_> = kubeconfig.iter().flat_map(named).collect();
                std::iter::once(path.clone()).chain(files).collect()
            }
        }
    }

    /// Reads the files.
    pub(super) fn material(&self) -> Result<Material, HttpClientError> {
        match self {
            Self::Files { ca, pair } => of_files(ca.as_deref(), pair.as_ref(), FLAGS),
            Self::Upstream { ca, pair } => of_files(ca.as_deref(), pair.as_ref(), KEYS),
            Self::Pod => {
                let ca = PathBuf::from(POD_CA);
                let pem = read("--prometheus-auth-incluster", &ca)?;
                Ok(Material {
                    roots: Roots::Pem(ca, pem),
                    token: Token::File(POD_TOKEN.into()),
                    ..Material::default()
                })
            }
            Self::Kubeconfig(path) => Ok(kubeconfig::material(path)?),
        }
    }
}

/// What names the CA certificates, the client's certificate chain and its key.
type NamedBy = [&'static str; 3];

const FLAGS: NamedBy = [
    "--prometheus-ca-file",
    "--prometheus-client-tls-cert-file",
    "--prometheus-client-tls-key-file",
];
const KEYS: NamedBy = ["tls.caFile", "tls.certFile", "tls.keyFile"];

fn of_files(
    ca: Option<&Path>,
    pair: Option<&(PathBuf, PathBuf)>,
    named_by: NamedBy,
) -> Result<Material, HttpClientError> {
    let identity = pair.map(|pair| identity_of(pair, named_by));
    Ok(Material {
        roots: roots_of(ca, named_by)?,
        identity: identity.transpose()?,
        ..Material::default()
    })
}

fn read(named_by: &'static str, path: &Path) -> Result<Vec<u8>, AccessError> {
    std::fs::read(path).map_err(|source| AccessError::Read {
        named_by,
        path: path.to_owned(),
        source,
    })
}

fn roots_of(ca: Option<&Path>, [named_by, ..]: NamedBy) -> Result<Roots, HttpClientError> {
    let Some(path) = ca else {
        return Ok(Roots::System);
    };
    let pem = std::fs::read(path).map_err(|source| HttpClientError::CaFile {
        named_by,
        path: path.to_owned(),
        source,
    })?;
    Ok(Roots::Pem(path.to_owned(), pem))
}

fn identity_of(
    (certificate, key): &(PathBuf, PathBuf),
    [_, of_certificate, of_key]: NamedBy,
) -> Result<Vec<u8>, AccessError> {
    let unreadable = |(path, source): (&Path, _)| AccessError::Read {
        named_by: if path == certificate {
            of_certificate
        } else {
            of_key
        },
        path: path.to_owned(),
        source,
    };
    let (mut pem, key_pem) = read_pair(certificate, key).map_err(unreadable)?;
    pem.push(b'\n');
    pem.extend(key_pem);
    let checked = Identity::from_pem(&pem);
    checked.map_err(|source| AccessError::Pair {
        certificate: certificate.clone(),
        key: key.clone(),
        source,
    })?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, String) {
        let pair = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    #[test]
    fn a_client_certificate_needs_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("c"), folder.path().join("k"));
        let access = Access::Files {
            ca: None,
            pair: Some((certificate.clone(), key.clone())),
        };
        assert_eq!(access.paths(), [certificate.clone(), key.clone()]);
        let failed = || {
            access
                .material()
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default()
        };
        assert!(failed().contains("--prometheus-client-tls-cert-file"));
        let (pem, key_pem) = pair();
        std::fs::write(&certificate, pem).unwrap();
        std::fs::write(&key, "nothing").unwrap();
        assert!(failed().contains("use the client certificate"));
        std::fs::write(&key, key_pem).unwrap();
        assert!(access.material().unwrap().identity.is_some());
    }
}
