//! Clients that follow the files they are made of: a kubeconfig with the CA and the certificate that it
//! names, or the CA of the pod's ServiceAccount. Files with tokens are read again by the client
//! library itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::Request;
use kube::Client;
use kube::client::Body;
use kube::config::{AuthInfo, Cluster, Kubeconfig};
use tokio_util::sync::CancellationToken;

use super::{ClientError, Retries, config};
use crate::files::{Changes, REREAD_INTERVAL};
use crate::reload::Reloads;
use crate::tasks::supervise;

/// Where a pod finds the CA of the API server.
pub(crate) const POD_CA: &str = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

/// Makes a client by kubeconfig, else by the pod's ServiceAccount, and keeps it up to date in a task that
/// ends with `shutdown`. Files that can't be used leave it as it is. `part` names it in log and metrics.
pub(crate) async fn client(
    part: &'static str,
    kubeconfig: Option<PathBuf>,
    retries: Retries,
    reloads: Reloads,
    shutdown: CancellationToken,
) -> Result<Client, ClientError> {
    let followed = Arc::new(Followed::new(part, kubeconfig, retries).await?);
    let client = followed.client();
    supervise(part, reloads.metrics(), move || {
        let (followed, reloads) = (followed.clone(), reloads.clone());
        let shutdown = shutdown.clone();
        async move {
            shutdown
                .run_until_cancelled(followed.follow(&reloads))
                .await;
        }
    });
    Ok(client)
}

struct Followed {
    part: &'static str,
    kubeconfig: Option<PathBuf>,
    retries: Retries,
    current: Arc<ArcSwap<Current>>,
}

/// A client, and what it is made of.
struct Current {
    contents: Contents,
    client: Client,
}

/// What files hold; nothing of one that can't be read, which whoever uses it tells.
type Contents = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Followed {
    async fn new(
        part: &'static str,
        kubeconfig: Option<PathBuf>,
        retries: Retries,
    ) -> Result<Self, ClientError> {
        let contents = contents(kubeconfig.as_deref());
        let client = made(kubeconfig.as_deref(), retries).await?;
        let current = Arc::new(ArcSwap::from_pointee(Current { contents, client }));
        Ok(Self {
            part,
            kubeconfig,
            retries,
            current,
        })
    }

    /// A client whose requests are sent by the client that is current then.
    fn client(&self) -> Client {
        let current = self.current.clone();
        let namespace = current.load().client.default_namespace().to_owned();
        let service = tower::service_fn(move |request: Request<Body>| {
            let client = current.load().client.clone();
            async move { client.send(request).await }
        });
        Client::new(service, namespace)
    }

    async fn follow(&self, reloads: &Reloads) {
        let paths: Vec<PathBuf> = self.current.load().contents.keys().cloned().collect();
        let mut changes = Changes::of(paths.iter().map(PathBuf::as_path), REREAD_INTERVAL);
        loop {
            // At once too: there may have been a change before the watch.
            match self.reload().await {
                Ok(true) => reloads.succeeded(self.part),
                Ok(false) => reloads.unchanged(self.part),
                Err(error) => reloads.failed(self.part, &error),
            }
            changes.next().await;
        }
    }

    /// Makes another client if a file has changed; whether one has.
    async fn reload(&self) -> Result<bool, ClientError> {
        let contents = contents(self.kubeconfig.as_deref());
        if contents == self.current.load().contents {
            return Ok(false);
        }
        let client = made(self.kubeconfig.as_deref(), self.retries).await?;
        self.current.store(Arc::new(Current { contents, client }));
        Ok(true)
    }
}

async fn made(kubeconfig: Option<&Path>, retries: Retries) -> Result<Client, ClientError> {
    let mut config = config(kubeconfig).await?;
    config.default_retry = retries == Retries::Some;
    Client::try_from(config).map_err(ClientError::Client)
}

/// The files that a client is made of.
fn contents(kubeconfig: Option<&Path>) -> Contents {
    let mut paths = Vec::new();
    match kubeconfig {
        None => paths.push(PathBuf::from(POD_CA)),
        Some(path) => {
            paths.push(path.to_owned());
            // Whoever makes a client of it tells why it can't be read.
            if let Ok(kubeconfig) = Kubeconfig::read_from(path) {
                paths.extend(named(&kubeconfig));
            }
        }
    }
    let read = |path: PathBuf| {
        let content = std::fs::read(&path).ok();
        (path, content)
    };
    paths.into_iter().map(read).collect()
}

/// The files that a kubeconfig names.
pub(crate) fn named(kubeconfig: &Kubeconfig) -> impl Iterator<Item = PathBuf> + use<> {
    let clusters = kubeconfig
        .clusters
        .iter()
        .filter_map(|named| named.cluster.as_ref());
    let mut files: Vec<Option<String>> = clusters
        .map(|cluster: &Cluster| cluster.certificate_authority.clone())
        .collect();
    let users = kubeconfig.auth_infos.iter();
    for user in users.filter_map(|named| named.auth_info.as_ref()) {
        let user: &AuthInfo = user;
        files.extend([user.client_certificate.clone(), user.client_key.clone()]);
    }
    files.into_iter().flatten().map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    async fn server(major: &str) -> MockServer {
        let server = MockServer::start().await;
        let version = json!({"major": major, "minor": "", "gitVersion": "", "gitCommit": "",
            "gitTreeState": "", "buildDate": "", "goVersion": "", "compiler": "", "platform": ""});
        let answer = ResponseTemplate::new(200).set_body_json(version);
        Mock::given(any()).respond_with(answer).mount(&server).await;
        server
    }

    fn kubeconfig(server: &str) -> String {
        json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "only",
            "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
            "clusters": [{"name": "only", "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
            "users": [{"name": "only", "user": {"client-certificate": "tls.crt", "client-key": "tls.key"}}],
        })
        .to_string()
    }

    #[tokio::test]
    async fn a_client_follows_its_files_and_a_broken_one_changes_nothing() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let pair = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
        for (file, content) in [
            ("ca.crt", pair.cert.pem()),
            ("tls.crt", pair.cert.pem()),
            ("tls.key", pair.signing_key.serialize_pem()),
        ] {
            std::fs::write(folder.path().join(file), content).unwrap();
        }
        let (first, second) = (server("1").await, server("2").await);
        std::fs::write(&path, kubeconfig(&first.uri())).unwrap();
        let followed = Followed::new("test", Some(path.clone()), Retries::None).await;
        let followed = followed.map_err(|error| error.to_string()).unwrap();
        assert_eq!(followed.current.load().contents.len(), 4);
        let client = followed.client();
        let asked = async || client.apiserver_version().await.unwrap().major;
        assert_eq!(asked().await, "1");
        assert!(!followed.reload().await.unwrap(), "nothing has changed");
        std::fs::write(&path, "{").unwrap();
        assert!(followed.reload().await.is_err());
        assert_eq!(asked().await, "1");
        std::fs::write(&path, kubeconfig(&second.uri())).unwrap();
        assert!(followed.reload().await.unwrap());
        assert_eq!(asked().await, "2");
        std::fs::write(folder.path().join("tls.key"), "no key").unwrap();
        assert!(followed.reload().await.is_err());
        assert_eq!(asked().await, "2");
        let other = rcgen::generate_simple_self_signed(vec!["adapter".to_owned()]).unwrap();
        std::fs::write(folder.path().join("tls.crt"), other.cert.pem()).unwrap();
        let key = other.signing_key.serialize_pem();
        std::fs::write(folder.path().join("tls.key"), key).unwrap();
        assert!(followed.reload().await.unwrap());
    }
}
