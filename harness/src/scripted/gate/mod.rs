//! Who asks, and whether they may: as an API server behind the aggregation layer has to find out.
//!
//! Written from the documentation of the aggregation layer and not shared with the product, so that a mistake
//! of the product can't be shared by what judges it. It hardly remembers anything: slow, and never stale.

mod certificates;
mod reviews;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kube::Client;
use rustls_pki_types::CertificateDer;
use setpoint_serve::Peer;
use setpoint_support::error_chain;

use certificates::{Trust, USER, claimed};

use super::failures::{failure, internal};
use super::kept::Kept;
use super::lie::Lie;

const ANONYMOUS: &str = "system:anonymous";

/// Lets through who is known and may.
pub(super) struct Gate {
    client: Client,
    lie: Option<Lie>,
    trust: Kept<Trust>,
    /// What was read first, for a liar that keeps to it.
    first: Kept<Trust>,
}

#[derive(Debug, Clone)]
struct User {
    name: String,
    groups: Vec<String>,
}

pub(super) async fn guard(State(gate): State<Arc<Gate>>, request: Request, next: Next) -> Response {
    let is_http2 = request.version() == http::Version::HTTP_2;
    let mut is_known = false;
    let mut response = guarded(&gate, request, next, &mut is_known).await;
    // A caller that isn't known must not ask for much over one connection (kube-apiserver's feature gate UnauthenticatedHTTP2DOSMitigation).
    if is_http2 && !is_known && gate.lie != Some(Lie::KeepsStrangers) {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

async fn guarded(gate: &Gate, request: Request, next: Next, is_known: &mut bool) -> Response {
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
    *is_known = user.name != ANONYMOUS;
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

impl Gate {
    pub(super) fn new(client: Client, lie: Option<Lie>) -> Self {
        Self {
            client,
            lie,
            trust: Kept::for_(Duration::from_millis(500)),
            first: Kept::for_(Duration::MAX),
        }
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
}

fn texts(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).into_iter();
    values
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .collect()
}

fn known(mut user: User) -> User {
    user.groups.push("system:authenticated".to_owned());
    user
}
