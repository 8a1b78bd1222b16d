//! Requests in, documents and `metav1.Status` out.

mod custom;
mod discovery;
mod external;
mod group;
mod health;
mod log_limit;
mod openapi;
mod operation;
mod representation;
mod resource;
mod status;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, Version, header, request};
use serde::Serialize;
use serde_json::Value;
use setpoint_serve::Peer;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::auth::{Authenticator, Authorizer, Decision, User};
use crate::error_chain::error_chain;
use crate::metrics::{OwnMetrics, Topic};
use crate::provider::Relists;
use crate::reload::Reloads;
use crate::request_info::{RequestInfo, ResourceRequest};
use crate::text::cut;
use crate::trace::Trace;

pub(crate) use custom::CustomMetricsGroup;
pub(crate) use external::ExternalMetricsGroup;
pub(crate) use group::ApiGroup;
pub(crate) use resource::ResourceMetricsGroup;

use group::GetRequest;
use health::{Check, RelistChecks};
use log_limit::LogLimit;
use representation::Representation;
use status::ApiError;

/// How long a request may take, as in `k8s.io/apiserver` (`RequestTimeout`).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a path in the log.
const LOGGED_BYTES: usize = 2 << 10;

/// The API server: its groups, and who may ask them.
pub(crate) struct Api {
    groups: Vec<Box<dyn ApiGroup>>,
    relists: RelistChecks,
    authenticator: Arc<dyn Authenticator>,
    authorizer: Arc<dyn Authorizer>,
    /// Of log lines about refused credentials and failures, which anybody can cause.
    log: LogLimit,
    reloads: Reloads,
    metrics: OwnMetrics,
    /// Cancelled when the program is about to end.
    ending: CancellationToken,
}

impl Api {
    pub(crate) fn new(
        groups: Vec<Box<dyn ApiGroup>>,
        relists: Arc<dyn Relists>,
        authenticator: Arc<dyn Authenticator>,
        authorizer: Arc<dyn Authorizer>,
        reloads: Reloads,
    ) -> Self {
        Self {
            groups,
            relists: RelistChecks::new(relists),
            authenticator,
            authorizer,
            log: LogLimit::default(),
            metrics: reloads.metrics(),
            reloads,
            ending: CancellationToken::new(),
        }
    }

    /// The same, but not ready from the moment on that the token is cancelled.
    pub(crate) fn not_ready_from(self, ending: CancellationToken) -> Self {
        Self { ending, ..self }
    }

    /// The service for requests that carry their [`Peer`] as an extension.
    pub(crate) fn router(self) -> Router {
        Router::new()
            .fallback(answer)
            .with_state(Arc::new(self))
            .layer(CatchPanicLayer::custom(|_| ApiError::Panic.into_response()))
    }

    /// Answers a request, and says whether it is of somebody known.
    async fn answer(&self, head: &request::Parts, known: &mut bool) -> Result<Response, ApiError> {
        let info = RequestInfo::new(&head.method, head.uri.path())?;
        let user = self.authenticate(head).await?;
        *known = !user.is_anonymous();
        // kube-apiserver takes them out of what it passes on.
        if head
            .headers
            .keys()
            .any(|name| name.as_str().starts_with("impersonate-"))
        {
            return Err(ApiError::Impersonation);
        }
        self.authorize(&user, &info, &head.uri).await?;
        let is_read = matches!(head.method, Method::GET | Method::HEAD);
        match info {
            RequestInfo::Resource(ResourceRequest { path, .. }) => {
                let group = self.group(&path.group, &path.version)?;
                // The Go library has no route for HEAD either.
                if head.method != Method::GET {
                    return Err(ApiError::MethodNotAllowed);
                }
                let request = GetRequest {
                    path: &path,
                    query_string: head.uri.query().unwrap_or_default(),
                    accept: accept(&head.headers),
                };
                group.get(request).await
            }
            RequestInfo::Path { path, .. } if is_read || health::is_endpoint(&path) => {
                self.document(&path, &head.uri, &head.headers)
            }
            RequestInfo::Path { .. } => Err(ApiError::MethodNotAllowed),
        }
    }

    async fn authenticate(&self, head: &request::Parts) -> Result<User, ApiError> {
        let peer = head
            .extensions
            .get::<Peer>()
            .ok_or(ApiError::Unauthorized)?;
        let authenticated = self.authenticator.authenticate(peer, &head.headers).await;
        authenticated.map_err(|error| {
            if let Some(unlogged) = self.log.admits(peer.address.ip(), Instant::now()) {
                tracing::warn!(
                    peer = %peer.address,
                    error = %error_chain(&error),
                    unlogged,
                    "Unable to authenticate the request"
                );
            }
            if error.is_busy() {
                return ApiError::TooManyRequests;
            }
            ApiError::Unauthorized
        })
    }

    async fn authorize(&self, user: &User, info: &RequestInfo, uri: &Uri) -> Result<(), ApiError> {
        match self.authorizer.authorize(user, info).await {
            Ok(Decision::Allow) => Ok(()),
            Ok(Decision::Deny(reason)) => Err(ApiError::Forbidden {
                request: Box::new(info.clone()),
                user: Box::new(user.clone()),
                reason,
            }),
            Err(error) if error.is_busy() => Err(ApiError::TooManyRequests),
            Err(source) => Err(ApiError::Authorizer {
                uri: uri.to_string(),
                source,
            }),
        }
    }

    /// Logs why a request is answered with a code of 500 or more.
    fn log_failure(&self, head: &request::Parts, error: &ApiError) {
        let code = error.code();
        let peer = head.extensions.get::<Peer>().map(|peer| peer.address);
        let Some(peer) = peer.filter(|_| code.is_server_error()) else {
            return;
        };
        if let Some(unlogged) = self.log.admits(peer.ip(), Instant::now()) {
            let (path, error) = (cut(head.uri.path(), LOGGED_BYTES), error_chain(error));
            tracing::warn!(%peer, %path, %error, unlogged, "answer with {code}");
        }
    }

    /// Answers a request for a path that isn't below a version of a group.
    fn document(&self, path: &str, uri: &Uri, headers: &HeaderMap) -> Result<Response, ApiError> {
        let accept = accept(headers);
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        Ok(match segments.as_slice() {
            [endpoint @ ("healthz" | "livez")] => health::answer(endpoint, uri.query(), &[]),
            [endpoint @ "readyz"] => health::answer(endpoint, uri.query(), &self.checks()),
            ["healthz" | "livez", name] => health::one(name, &[]).ok_or(ApiError::NotFound)?,
            ["readyz", name] => health::one(name, &self.checks()).ok_or(ApiError::NotFound)?,
            ["metrics"] => self.metrics.response(),
            ["version"] => json(&health::version()),
            ["openapi", "v2"] => json(&openapi::v2(self.groups())),
            ["openapi", "v3"] => {
                let hash = |document: &Value| sha256(document.to_string().as_bytes());
                json(&openapi::v3_index(self.groups(), hash))
            }
            ["openapi", "v3", "apis", name, version] => {
                let document = openapi::v3(self.group(name, version)?, version);
                with_etag(&document, headers, "application/json")
            }
            ["apis"] if discovery::wants_aggregated(accept) => with_etag(
                &discovery::aggregated(self.groups()),
                headers,
                discovery::AGGREGATED,
            ),
            ["apis"] => json(&discovery::api_group_list(self.groups())),
            ["apis", name] => {
                let group = self.groups().find(|group| group.name() == *name);
                json(&discovery::api_group(group.ok_or(ApiError::NotFound)?))
            }
            ["apis", name, version] => {
                let group = self.group(name, version)?;
                json(&discovery::api_resource_list(group, version))
            }
            _ => return Err(ApiError::NotFound),
        })
    }

    /// What a path is about, for metrics.
    fn topic(&self, path: &str) -> Topic {
        let component = "apiserver";
        let mut topic = Topic {
            component,
            ..Topic::default()
        };
        let mut segments = path.strip_prefix("/apis/").into_iter();
        let mut segments = segments.by_ref().flat_map(|rest| rest.splitn(3, '/'));
        let (name, version) = (segments.next(), segments.next());
        let groups = &mut self.groups.iter();
        let Some(group) = groups.find(|group| name == Some(group.name())) else {
            return topic;
        };
        topic.group = group.name();
        let known = group
            .versions()
            .iter()
            .find(|known| version == Some(**known));
        topic.version = known.copied().unwrap_or_default();
        if let (Some(_), Some(rest)) = (known, segments.next()) {
            let namespaced = rest.starts_with("namespaces/");
            topic.resource = "*";
            topic.scope = if namespaced { "resource" } else { "cluster" };
            topic.component = group.component();
        }
        topic
    }

    /// The groups that there are rules for.
    fn groups(&self) -> impl Iterator<Item = &dyn ApiGroup> {
        let groups = self.groups.iter().map(AsRef::as_ref);
        groups.filter(|group| group.is_served())
    }

    /// The group of that name, if it has the version.
    fn group(&self, name: &str, version: &str) -> Result<&dyn ApiGroup, ApiError> {
        self.groups()
            .find(|group| group.name() == name && group.versions().contains(&version))
            .ok_or(ApiError::NotFound)
    }

    fn checks(&self) -> Vec<Check> {
        let mut checks = self.relists.checks();
        let configured = self.authenticator.is_configured();
        checks.push(Check::required("authentication-configured", configured));
        checks.push(Check::shutdown(self.ending.is_cancelled()));
        let states = self.reloads.states().into_iter();
        checks.extend(states.map(|(part, failing)| {
            let failure = failing.then_some("the last reload failed");
            Check::shown(format!("reload-{part}"), failure)
        }));
        checks
    }
}

/// The header `Accept`; empty without one.
fn accept(headers: &HeaderMap) -> &str {
    let accept = headers.get(header::ACCEPT);
    accept
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or_default()
}

async fn answer(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (head, _body) = request.into_parts();
    let began = Instant::now();
    let mut known = false;
    let trace = Trace::of(&head.headers);
    let span = tracing::info_span!("request", trace_id = %trace);
    let answer = tokio::time::timeout(REQUEST_TIMEOUT, api.answer(&head, &mut known));
    let answer = trace.scope(answer).instrument(span.clone()).await;
    let answer = answer.unwrap_or(Err(ApiError::Timeout));
    let response = answer.unwrap_or_else(|error| {
        span.in_scope(|| api.log_failure(&head, &error));
        error.into_response()
    });
    let mut response = represented(&head, response).await;
    // One HTTP/2 connection of a stranger could ask for much
    // (`UnauthenticatedHTTP2DOSMitigation`).
    if head.version == Version::HTTP_2 && !known {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    let (topic, code) = (api.topic(head.uri.path()), response.status());
    let took = began.elapsed();
    api.metrics.answered(&head.method, topic, code, took);
    response
}

/// An answer in the form that the request asks for, with the headers that every answer has.
async fn represented(head: &request::Parts, response: Response) -> Response {
    let response = match Representation::asked(&head.headers, head.uri.query()) {
        _ if !head.uri.path().starts_with("/apis") => Some(response),
        Some(representation) => representation.applied(response).await,
        None => {
            let response = ApiError::NotAcceptable.into_response();
            Representation::Pretty.applied(response).await
        }
    };
    let mut response = response.unwrap_or_else(|| ApiError::Panic.into_response());
    let headers = response.headers_mut();
    let of_the_caller = HeaderValue::from_static("no-cache, private");
    headers.insert(header::CACHE_CONTROL, of_the_caller);
    response
}

/// A document as the Go library writes it, with a line's end.
fn json(document: &impl Serialize) -> Response {
    let Ok(mut body) = serde_json::to_vec(document) else {
        return ApiError::Panic.into_response();
    };
    body.push(b'\n');
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], body).into_response()
}

/// A document, or 304 where the client has it already. Its tag depends on nothing but its bytes, so
/// that replicas and versions of the adapter agree.
fn with_etag(document: &Value, headers: &HeaderMap, content_type: &'static str) -> Response {
    let body = document.to_string();
    let tag = format!("\"{}\"", sha256(body.as_bytes()));
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (StatusCode::OK, body).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn sha256(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in digest::digest(&digest::SHA256, bytes).as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
pub(crate) mod tests;
