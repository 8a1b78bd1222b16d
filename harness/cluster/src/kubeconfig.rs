//! Kubeconfig files.

use k8s_openapi::ByteString;

use crate::cluster::Minted;

/// A kubeconfig with one context that needs no other file.
pub(crate) fn kubeconfig(name: &str, server: &str, ca: &str, user: &Minted) -> String {
    let ca = base64(ca);
    let certificate = base64(&user.certificate);
    let key = base64(&user.key);
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

/// Kubernetes' own encoding of bytes in JSON is padded base64, and k8s-openapi has it.
pub(crate) fn base64(bytes: impl AsRef<[u8]>) -> String {
    match serde_json::to_value(ByteString(bytes.as_ref().to_vec())) {
        Ok(serde_json::Value::String(encoded)) => encoded,
        _ => String::new(),
    }
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
