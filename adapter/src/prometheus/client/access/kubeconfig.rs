//! The credentials that a kubeconfig holds.

use std::path::Path;

use base64::Engine as _;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use reqwest::Identity;

use super::{AccessError, Material, Roots, Token, read};

/// The flag that names the kubeconfig.
const FLAG: &str = "--prometheus-auth-config";

/// What the current context of a kubeconfig gives.
pub(super) fn material(path: &Path) -> Result<Material, AccessError> {
    let kubeconfig = Kubeconfig::read_from(path).map_err(|source| AccessError::Kubeconfig {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let (cluster, user) = current(path, &kubeconfig)?;
    let what = match (&cluster, &user) {
        (_, AuthInfo { exec: Some(_), .. }) => Some("a command for credentials (exec)"),
        (
            _,
            AuthInfo {
                auth_provider: Some(_),
                ..
            },
        ) => Some("an auth-provider"),
        (
            _,
            AuthInfo {
                impersonate: Some(_),
                ..
            },
        ) => Some("impersonation"),
        (
            Cluster {
                tls_server_name: Some(_),
                ..
            },
            _,
        ) => Some("a tls-server-name"),
        _ => None,
    };
    if let Some(what) = what {
        let path = path.to_owned();
        return Err(AccessError::Unsupported { path, what });
    }
    let ca = Part {
        path,
        data: cluster.certificate_authority_data,
        file: cluster.certificate_authority,
    };
    let token = match (&user.token_file, secret(&user, "token")) {
        (Some(file), _) => Token::File(file.into()),
        (None, Some(token)) => Token::Text(token),
        (None, None) => Token::None,
    };
    Ok(Material {
        roots: ca
            .read()?
            .map_or(Roots::System, |pem| Roots::Pem(path.to_owned(), pem)),
        identity: identity_of_user(path, &user)?,
        token,
        user: user
            .username
            .clone()
            .map(|name| (name, secret(&user, "password"))),
        trusts_anybody: cluster.insecure_skip_tls_verify == Some(true),
        proxy: cluster.proxy_url,
    })
}

/// The cluster and the user of the current context.
fn current(path: &Path, kubeconfig: &Kubeconfig) -> Result<(Cluster, AuthInfo), AccessError> {
    let missing = |what| AccessError::Incomplete {
        path: path.to_owned(),
        what,
    };
    let name = kubeconfig.current_context.as_deref().unwrap_or_default();
    let context = kubeconfig
        .contexts
        .iter()
        .find(|context| context.name == name);
    let context = context.and_then(|context| context.context.clone());
    let context = context.ok_or_else(|| missing("context"))?;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == context.cluster);
    let cluster = cluster.and_then(|cluster| cluster.cluster.clone());
    let user = context.user.as_deref().unwrap_or_default();
    let user = kubeconfig
        .auth_infos
        .iter()
        .find(|known| known.name == user);
    let user = user.and_then(|user| user.auth_info.clone());
    Ok((
        cluster.ok_or_else(|| missing("cluster"))?,
        user.ok_or_else(|| missing("user"))?,
    ))
}

/// A secret of a user; the library hides it behind a type of its own.
fn secret(user: &AuthInfo, key: &str) -> Option<String> {
    let user = serde_json::to_value(user).ok()?;
    user.get(key)?.as_str().map(str::to_owned)
}

/// A certificate or a key in a kubeconfig: in base64, or in a file.
struct Part<'a> {
    path: &'a Path,
    data: Option<String>,
    file: Option<String>,
}

impl Part<'_> {
    fn read(self) -> Result<Option<Vec<u8>>, AccessError> {
        let path = || self.path.to_owned();
        match (self.data, self.file) {
            (Some(data), _) => {
                let decoded = base64::engine::general_purpose::STANDARD.decode(data);
                decoded
                    .map(Some)
                    .map_err(|_| AccessError::Base64 { path: path() })
            }
            (None, Some(file)) => read(FLAG, Path::new(&file)).map(Some),
            (None, None) => Ok(None),
        }
    }
}

fn identity_of_user(path: &Path, user: &AuthInfo) -> Result<Option<Vec<u8>>, AccessError> {
    let certificate = Part {
        path,
        data: user.client_certificate_data.clone(),
        file: user.client_certificate.clone(),
    };
    let key = Part {
        path,
        data: secret(user, "client-key-data"),
        file: user.client_key.clone(),
    };
    let (Some(mut pem), Some(key)) = (certificate.read()?, key.read()?) else {
        return Ok(None);
    };
    pem.push(b'\n');
    pem.extend(key);
    let checked = Identity::from_pem(&pem);
    checked.map_err(|source| AccessError::Identity {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(pem))
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use serde_json::{Value, json};

    use super::super::{Access, Roots};
    use super::*;

    fn pair() -> (String, String) {
        let pair = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
        (pair.cert.pem(), pair.signing_key.serialize_pem())
    }

    /// What a kubeconfig with this cluster and this user gives.
    fn of(cluster: Value, user: Value) -> Result<Material, String> {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = pair();
        std::fs::write(folder.path().join("ca.crt"), &certificate).unwrap();
        std::fs::write(folder.path().join("tls.crt"), certificate).unwrap();
        std::fs::write(folder.path().join("tls.key"), key).unwrap();
        let path = folder.path().join("kubeconfig");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "only",
            "contexts": [{"name": "only", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
        });
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        let material = Access::Kubeconfig(path).material();
        material.map_err(|error| crate::error_chain::error_chain(&error))
    }

    #[test]
    fn a_kubeconfig_gives_its_ca_and_its_users_credentials() {
        // As OpenShift's: the server is not the API server's.
        let openshift = of(
            json!({"server": "https://prometheus-k8s:9091", "certificate-authority": "ca.crt"}),
            json!({"tokenFile": "/var/run/token"}),
        )
        .unwrap();
        assert!(matches!(openshift.roots, Roots::Pem(..)));
        assert!(openshift.token == Token::File("/var/run/token".into()));
        let (certificate, key) = pair();
        let encoded = |pem: &str| BASE64_STANDARD.encode(pem);
        let inline = of(
            json!({"insecure-skip-tls-verify": true, "proxy-url": "http://proxy:3128"}),
            json!({"token": "t", "client-certificate-data": encoded(&certificate), "client-key-data": encoded(&key)}),
        )
        .unwrap();
        assert!(inline.token == Token::Text("t".to_owned()));
        assert!(inline.identity.is_some() && inline.trusts_anybody && inline.proxy.is_some());
        let files = json!({"client-certificate": "tls.crt", "client-key": "tls.key"});
        assert!(of(json!({}), files).unwrap().identity.is_some());
        let user = of(json!({}), json!({"username": "u", "password": "p"}))
            .unwrap()
            .user;
        assert_eq!(user, Some(("u".to_owned(), Some("p".to_owned()))));
    }

    #[test]
    fn what_a_kubeconfig_cant_give_is_said() {
        for (cluster, user, words) in [
            (
                json!({}),
                json!({"exec": {"command": "aws"}}),
                "has a command for credentials",
            ),
            (
                json!({"tls-server-name": "x"}),
                json!({}),
                "has a tls-server-name",
            ),
            (
                json!({"certificate-authority-data": "-"}),
                json!({}),
                "is no base64",
            ),
            (
                json!({"certificate-authority": "none"}),
                json!({}),
                "which --prometheus-auth-config names",
            ),
        ] {
            let error = of(cluster, user).err().unwrap();
            assert!(error.contains(words), "{error}");
        }
        let missing = Access::Kubeconfig("/no/such".into())
            .material()
            .err()
            .unwrap();
        assert!(
            missing.to_string().contains("use the kubeconfig /no/such"),
            "{missing}"
        );
    }
}
