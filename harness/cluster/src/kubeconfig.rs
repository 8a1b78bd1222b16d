//! Kubeconfig files.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::cluster::Minted;

/// Why a kubeconfig leads to no client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("read its kubeconfig")]
    Kubeconfig(#[from] KubeconfigError),
    #[error("make a client of its kubeconfig")]
    Client(#[from] kube::Error),
}

/// A client of a kubeconfig's current context, and its configuration.
pub(crate) async fn connect(path: &Path) -> Result<(kube::Config, kube::Client), ClientError> {
    let file = Kubeconfig::read_from(path)?;
    let config = kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    let client = kube::Client::try_from(config.clone())?;
    Ok((config, client))
}

/// A kubeconfig with one context that needs no other file.
pub(crate) fn kubeconfig(name: &str, server: &str, ca: &str, user: &Minted) -> String {
    let [ca, certificate, key] = [ca, &user.certificate, &user.key].map(|pem| STANDARD.encode(pem));
    format!(
        "apiVersion: v1
kind: Config
current-context: {name}
clusters:
- name: {name}
  cluster:
    server: {server}
    certificate-authority-data: {ca}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
users:
- name: {name}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubeconfig_holds_its_certificates_and_is_read_by_kube() {
        let user = Minted {
            certificate: "cert".to_owned(),
            key: "key".to_owned(),
        };
        let text = kubeconfig("setpoint-x", "https://127.0.0.1:1", "ca", &user);
        let parsed = kube::config::Kubeconfig::from_yaml(&text).unwrap();
        assert_eq!(parsed.current_context.as_deref(), Some("setpoint-x"));
        let cluster = parsed.clusters[0].cluster.as_ref().unwrap();
        assert_eq!(cluster.certificate_authority_data.as_deref(), Some("Y2E="));
    }
}
