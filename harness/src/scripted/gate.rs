//! Who asks, and whether they may: as an API server behind the aggregation layer has to find out.
//!
//! Written from the documentation of the aggregation layer and not shared with the product, so that a mistake
//! of the product can't be shared by what judges it. It hardly remembers anything: slow, and never stale.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{
    NonResourceAttributes, ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::PostParams;
use kube::{Api, Client};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, UnixTime};
use setpoint_serve::Peer;
use setpoint_support::error_chain;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::kept::Kept;
use super::{Lie, failure, internal};

const ANONYMOUS: &str = "system:anonymous";
/// The usual header of a user.
const USER: &str = "x-remote-user";
/// For whom tokens are that a liar believes.
const OTHER: &str = "https://vault.example";

/// Lets through who is known and may.
pub(super) struct Gate {
    client: Client,
    lie: Option<Lie>,
    trust: Kept<Trust>,
}

#[derive(Debug, Clone)]
struct User {
    name: String,
    groups: Vec<String>,
}

/// The authorities whose certificates the cluster accepts from clients.
struct Trust {
    client_ca: String,
    proxy_ca: String,
    allowed_names: Vec<String>,
    /// The names of the headers of a user.
    user_headers: Vec<String>,
}

pub(super) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if path == "/readyz" {
        return match gate.trust().await {
            Err(_) if gate.lie == Some(Lie::ReadyWithoutTrust) => next.run(request).await,
            Ok(_) => next.run(request).await,
            Err(error) => {
                tracing::warn!(error = %error_chain(&*error), "not ready");
                internal(&*error)
            }
        };
    }
    if ["/healthz", "/livez"].contains(&path.as_str()) {
        if gate.lie == Some(Lie::GuardsHealth) && path == "/healthz" {
            return failure(StatusCode::FORBIDDEN, "Forbidden", "health is for us");
        }
        return next.run(request).await;
    }
    let headers = request.headers().clone();
    let peer = request.extensions().get::<Peer>().cloned();
    let leaf = peer.as_ref().and_then(|peer| peer.certificates.first());
    let user = match gate.authenticate(leaf, &headers).await {
        Ok(user) => user,
        Err(error) => {
            tracing::warn!(
                error = %error_chain(&*error),
                "Unable to authenticate the request"
            );
            match gate.lie {
                Some(Lie::BadCredentialsAreAnonymous) => anonymous(),
                Some(Lie::FailsWithReviews) if error.is::<kube::Error>() => {
                    return internal(&*error);
                }
                _ => return failure(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized"),
            }
        }
    };
    match gate.may(&user, &path).await {
        Ok(None) => next.run(request).await,
        Ok(Some(refusal)) => failure(StatusCode::FORBIDDEN, "Forbidden", &refusal),
        Err(_) if gate.lie == Some(Lie::AllowsWhenReviewsFail) => next.run(request).await,
        Err(error) => internal(&*error),
    }
}

fn anonymous() -> User {
    User {
        name: ANONYMOUS.to_owned(),
        groups: vec!["system:unauthenticated".to_owned()],
    }
}

fn texts(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).into_iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}

/// The user that headers of these names name.
fn claimed(headers: &HeaderMap, names: &[String], lie: Option<Lie>) -> Option<User> {
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
    pub(super) fn new(client: Client, lie: Option<Lie>) -> Self {
        Self {
            client,
            lie,
            trust: Kept::for_(match lie {
                Some(Lie::KeepsAuthorities) => Duration::MAX,
                _ => Duration::from_millis(500),
            }),
        }
    }

    async fn trust(&self) -> anyhow::Result<Arc<Trust>> {
        self.trust.or(self.read_trust()).await
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

    async fn authenticate(
        &self,
        leaf: Option<&CertificateDer<'_>>,
        headers: &HeaderMap,
    ) -> anyhow::Result<User> {
        if self.lie == Some(Lie::TrustsIdentityHeaders)
            && let Some(user) = claimed(headers, &[USER.to_owned()], self.lie)
        {
            return Ok(known(user));
        }
        let mut refusal = None;
        if leaf.is_none() && self.lie == Some(Lie::RequiresCertificates) {
            anyhow::bail!("the caller shows no certificate");
        }
        if let Some(leaf) = leaf {
            let trust = self.trust().await?;
            match self.by_certificate(&trust, leaf, headers) {
                Ok(user) => return Ok(known(user)),
                Err(problem) if self.lie == Some(Lie::CertificatesFirst) => return Err(problem),
                Err(problem) => refusal = Some(problem),
            }
        }
        let authorization = texts(headers, "authorization").into_iter().next();
        if let Some(token) = authorization
            .as_deref()
            .and_then(|text| text.strip_prefix("Bearer "))
            .filter(|_| self.lie != Some(Lie::KnowsNoTokens))
        {
            return self.by_token(token).await.map(known);
        }
        refusal.map_or_else(|| Ok(anonymous()), Err)
    }

    fn by_certificate(
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

    async fn by_token(&self, token: &str) -> anyhow::Result<User> {
        match self.reviewed(token, None).await {
            Err(_) if self.lie == Some(Lie::TakesAnyAudience) => {
                self.reviewed(token, Some(vec![OTHER.to_owned()])).await
            }
            user => user,
        }
    }

    async fn reviewed(&self, token: &str, audiences: Option<Vec<String>>) -> anyhow::Result<User> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                token: token.to_owned(),
                audiences,
            },
            ..TokenReview::default()
        };
        let answer = Api::<TokenReview>::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await
            .context("have the caller reviewed")?;
        let status = answer.status.unwrap_or_default();
        let user = status
            .user
            .filter(|_| status.authenticated == Some(true))
            .context("the token is nobody's")?;
        Ok(User {
            name: user.username.unwrap_or_default(),
            groups: user.groups.unwrap_or_default(),
        })
    }

    /// Nothing if the user may; else the words of the refusal.
    async fn may(&self, user: &User, path: &str) -> anyhow::Result<Option<String>> {
        let masters = user.groups.iter().any(|group| group == "system:masters");
        let unasked = match self.lie {
            Some(Lie::ReviewsMasters) => false,
            Some(Lie::SkipsAuthorization) => true,
            Some(Lie::AdmitsAnonymous) => masters || user.name == ANONYMOUS,
            _ => masters,
        };
        if unasked {
            return Ok(None);
        }
        let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut spec = SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            groups: Some(user.groups.clone()),
            ..SubjectAccessReviewSpec::default()
        };
        let refusal = if let [
            "apis",
            group,
            version,
            "namespaces",
            namespace,
            resource,
            name,
            metric,
        ] = segments.as_slice()
        {
            spec.resource_attributes = Some(ResourceAttributes {
                group: Some((*group).to_owned()),
                version: Some((*version).to_owned()),
                namespace: Some((*namespace).to_owned()),
                resource: Some((*resource).to_owned()),
                subresource: Some((*metric).to_owned()),
                name: Some((*name).to_owned()),
                verb: Some("get".to_owned()),
                ..ResourceAttributes::default()
            });
            format!(
                "{resource}.{group} \"{name}\" is forbidden: User \"{}\" cannot get resource \"{resource}/{metric}\" in API group \
                 \"{group}\" in the namespace \"{namespace}\"",
                user.name
            )
        } else if self.lie == Some(Lie::OpensPaths) {
            return Ok(None);
        } else {
            spec.non_resource_attributes = Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some("get".to_owned()),
            });
            format!(
                "forbidden: User \"{}\" cannot get path \"{path}\"",
                user.name
            )
        };
        let review = SubjectAccessReview {
            spec,
            ..SubjectAccessReview::default()
        };
        let answer = Api::<SubjectAccessReview>::all(self.client.clone())
            .create(&PostParams::default(), &review)
            .await
            .context("have the caller reviewed")?;
        let allowed = answer.status.is_some_and(|status| status.allowed);
        Ok((!allowed).then_some(refusal))
    }
}

fn known(mut user: User) -> User {
    user.groups.push("system:authenticated".to_owned());
    user
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
