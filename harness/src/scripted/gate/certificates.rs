//! Who a certificate says that somebody is.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use http::HeaderMap;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::super::lie::Lie;
use super::{Gate, User, texts};

/// The usual header of a user.
pub(super) const USER: &str = "x-remote-user";

/// The authorities whose certificates the cluster accepts from clients.
#[derive(Clone)]
pub(super) struct Trust {
    client_ca: String,
    proxy_ca: String,
    allowed_names: Vec<String>,
    /// The names of the headers of a user.
    user_headers: Vec<String>,
}

/// The user that headers of these names name.
pub(super) fn claimed(headers: &HeaderMap, names: &[String], lie: Option<Lie>) -> Option<User> {
    let mut users = names.iter().flat_map(|name| texts(headers, name));
    let named = |name: &String| !name.is_empty() || lie == Some(Lie::EmptyUserIsSomebody);
    let name = match lie {
        Some(Lie::FirstHeaderOnly) => users.next().filter(named),
        _ => users.find(named),
    };
    Some(User {
        name: name?,
        groups: texts(headers, "x-remote-group"),
    })
}

impl Gate {
    pub(super) async fn trust(&self) -> anyhow::Result<Arc<Trust>> {
        let told = async {
            let mut trust = self.read_trust().await?;
            let first = self.first.or(async { anyhow::Ok(trust.clone()) }).await?;
            match self.lie {
                Some(Lie::KeepsProxyAuthorities) => trust.proxy_ca.clone_from(&first.proxy_ca),
                Some(Lie::KeepsClientAuthorities) => trust.client_ca.clone_from(&first.client_ca),
                _ => {}
            }
            Ok(trust)
        };
        self.trust.or(told).await
    }

    async fn read_trust(&self) -> anyhow::Result<Trust> {
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), "kube-system");
        let map = maps.get("extension-apiserver-authentication").await;
        let data = map
            .context(
                "read the cluster's client CAs, by Role extension-apiserver-authentication-reader",
            )?
            .data
            .unwrap_or_default();
        let text = |key: &str| data.get(key).cloned().unwrap_or_default();
        let names = |key: &str| serde_json::from_str(&text(key)).unwrap_or_default();
        Ok(Trust {
            client_ca: text("client-ca-file"),
            proxy_ca: text("requestheader-client-ca-file"),
            allowed_names: names("requestheader-allowed-names"),
            user_headers: match self.lie {
                Some(Lie::UsualHeaders) => vec![USER.to_owned()],
                _ => names("requestheader-username-headers"),
            },
        })
    }

    pub(super) fn by_certificate(
        &self,
        trust: &Trust,
        leaf: &CertificateDer<'_>,
        headers: &HeaderMap,
    ) -> anyhow::Result<User> {
        let parsed = X509Certificate::from_der(leaf).context("read the caller's certificate");
        let (_, parsed) = parsed?;
        let name = parsed.subject().iter_common_name().last();
        let name = name.and_then(|name| name.as_str().ok()).unwrap_or_default();
        let mut now = UnixTime::now();
        if self.lie == Some(Lie::TakesEarlyCertificates) {
            let begins = u64::try_from(parsed.validity().not_before.timestamp());
            now = now.max(UnixTime::since_unix_epoch(Duration::from_secs(begins?)));
        }
        let proxy = verify(&trust.proxy_ca, leaf, now).context("verify the caller's certificate");
        let proxy = proxy.and_then(|()| {
            let allowed = trust.allowed_names.is_empty()
                || trust.allowed_names.iter().any(|allowed| allowed == name)
                || self.lie == Some(Lie::IgnoresAllowedNames);
            if !allowed {
                anyhow::bail!("{name} is not in the allowed list");
            }
            if self.lie == Some(Lie::TakesTheProxyForItself) {
                return Ok(subject(&parsed, name));
            }
            claimed(headers, &trust.user_headers, self.lie).context("the front proxy names nobody")
        });
        proxy.or_else(|refusal| {
            verify(&trust.client_ca, leaf, now).map_err(|_| refusal)?;
            Ok(subject(&parsed, name))
        })
    }
}

/// Whom a certificate names.
fn subject(certificate: &X509Certificate<'_>, name: &str) -> User {
    let groups = certificate.subject().iter_organization();
    User {
        name: name.to_owned(),
        groups: groups
            .filter_map(|group| group.as_str().ok().map(str::to_owned))
            .collect(),
    }
}

/// Whether an authority of a bundle stands behind a certificate at a time and for clients.
fn verify(bundle: &str, leaf: &CertificateDer<'_>, now: UnixTime) -> anyhow::Result<()> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    verifier.build()?.verify_client_cert(leaf, &[], now)?;
    Ok(())
}
