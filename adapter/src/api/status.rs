//! Errors as `metav1.Status`: the one place that maps them.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use setpoint_rules::{
    InvalidPath, InvalidQuery, UsageError, cause_for_clients, internal_error, refused_query,
};

use super::json;
use crate::auth::{AccessReviewError, User};
use crate::kubernetes::AnswerError;
use crate::prometheus::PrometheusError;
use crate::provider::ProviderError;
use crate::request_info::{RequestInfo, ResourceRequest};
use crate::text::cut;

/// Why a request is answered with a `Status`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The path can't be decoded.
    #[error(transparent)]
    InvalidPath(#[from] InvalidPath),
    /// The path and its parameters ask for no metric.
    #[error(transparent)]
    InvalidQuery(#[from] InvalidQuery),
    /// The request carries credentials, and none of them is valid.
    #[error("Unauthorized")]
    Unauthorized,
    #[error("the request is forbidden")]
    Forbidden {
        request: Box<RequestInfo>,
        user: Box<User>,
        /// What the authorizer says; often empty.
        reason: String,
    },
    /// The Go library reviews whether the caller may impersonate. To answer as the caller would be wrong.
    #[error(
        "impersonation is not supported here; kube-apiserver, which is asked for the same path, supports it"
    )]
    Impersonation,
    #[error("the server could not find the requested resource")]
    NotFound,
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// `negotiation.NewNotAcceptableError`
    #[error(
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )]
    NotAcceptable,
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The authorizer doesn't answer (`responsewriters.InternalError`).
    #[error("Internal Server Error: \"{uri}\"")]
    Authorizer {
        uri: String,
        #[source]
        source: Arc<AccessReviewError>,
    },
    /// Others take what there is (`apierrors.NewTooManyRequests`).
    #[error("Too many requests, please try again later.")]
    TooManyRequests,
    /// `apierrors.NewTimeoutError`
    #[error("Timeout: request did not complete within the allotted timeout")]
    Timeout,
    #[error("This request caused apiserver to panic. Look in the logs for details.")]
    Panic,
}

/// `metav1.Status`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    kind: &'static str,
    api_version: &'static str,
    metadata: serde_json::Map<String, serde_json::Value>,
    status: &'static str,
    message: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Details>,
    code: u16,
}

#[derive(Debug, Default, Serialize)]
struct Details {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
}

#[derive(Debug, Serialize)]
struct Cause {
    message: String,
}

/// The most bytes of a text that is repeated to a client, and of a message with such texts.
const TEXT_BYTES: usize = 1 << 10;
const MESSAGE_BYTES: usize = 4 << 10;

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let code = self.code();
        let (message, details) = self.message_and_details();
        let status = Status {
            kind: "Status",
            api_version: "v1",
            metadata: serde_json::Map::new(),
            status: "Failure",
            message: cut(&message, MESSAGE_BYTES).into_owned(),
            reason: self.reason(),
            details,
            code: code.as_u16(),
        };
        let mut response = (code, json(&status)).into_response();
        if code == StatusCode::TOO_MANY_REQUESTS {
            let second = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, second);
        }
        if code == StatusCode::FORBIDDEN {
            let no_sniff = HeaderValue::from_static("nosniff");
            let headers = response.headers_mut();
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, no_sniff);
        }
        response
    }
}

impl ApiError {
    pub(super) fn code(&self) -> StatusCode {
        match self {
            Self::InvalidQuery(InvalidQuery::NoSuchPath) => StatusCode::NOT_FOUND,
            Self::InvalidPath(_) | Self::InvalidQuery(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::Impersonation => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Provider(ProviderError::Metric(error)) => status(error.code()),
            Self::Provider(ProviderError::External(error)) => status(error.code()),
            Self::Provider(ProviderError::Usage(error)) => status(error.code()),
            Self::Provider(_) | Self::Authorizer { .. } | Self::Panic => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
            Self::Timeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// `metav1.StatusReason`
    fn reason(&self) -> &'static str {
        match self.code() {
            StatusCode::BAD_REQUEST => "BadRequest",
            StatusCode::UNAUTHORIZED => "Unauthorized",
            StatusCode::FORBIDDEN => "Forbidden",
            StatusCode::NOT_FOUND => "NotFound",
            StatusCode::METHOD_NOT_ALLOWED => "MethodNotAllowed",
            StatusCode::NOT_ACCEPTABLE => "NotAcceptable",
            StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
            StatusCode::GATEWAY_TIMEOUT => "Timeout",
            _ => "InternalError",
        }
    }

    fn message_and_details(&self) -> (String, Option<Details>) {
        match self {
            Self::Forbidden {
                request,
                user,
                reason,
            } => {
                let text = |text: &str| cut(text, TEXT_BYTES).into_owned();
                let details = match &**request {
                    RequestInfo::Resource(ResourceRequest { path, .. }) => Details {
                        name: text(path.name()),
                        group: text(&path.group),
                        kind: text(path.resource()),
                        causes: Vec::new(),
                    },
                    RequestInfo::Path { .. } => Details::default(),
                };
                (forbidden(request, user, reason), Some(details))
            }
            Self::Provider(ProviderError::Usage(UsageError::NotFound {
                group_resource,
                name,
            })) => {
                let details = Details {
                    name: name.clone(),
                    group: group_resource.group.clone(),
                    kind: group_resource.resource.clone(),
                    causes: Vec::new(),
                };
                (self.to_string(), Some(details))
            }
            // prometheus-adapter says less than this.
            Self::Provider(error) if self.code().is_server_error() => {
                let cause = for_clients(error);
                let message = internal_error(&cause);
                let details = Details {
                    causes: vec![Cause { message: cause }],
                    ..Details::default()
                };
                (message, Some(details))
            }
            // `apierrors.NewGenericServerResponse`
            Self::NotFound
            | Self::MethodNotAllowed
            | Self::NotAcceptable
            | Self::InvalidQuery(InvalidQuery::NoSuchPath) => {
                (self.to_string(), Some(Details::default()))
            }
            // Beneath it is what the API server says to the adapter.
            Self::Authorizer { source, .. } => (format!("{self}: {}", source.for_clients()), None),
            other => (other.to_string(), None),
        }
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What clients read of a failure: its kind, without addresses, and without what Prometheus and the
/// API server say to the adapter. That may be about others, and is in the log.
fn for_clients(error: &ProviderError) -> String {
    let cause = match error {
        ProviderError::Prometheus(PrometheusError::Send { source, .. }) if source.is_timeout() => {
            "unable to fetch metrics: Prometheus did not answer in time".to_owned()
        }
        ProviderError::Prometheus(PrometheusError::Send { .. }) => {
            "unable to fetch metrics: Prometheus can't be reached".to_owned()
        }
        ProviderError::Prometheus(PrometheusError::NoAnswer { status, .. }) => {
            format!(
                "unable to fetch metrics: Prometheus answered {status} with something that is no API answer"
            )
        }
        ProviderError::Prometheus(PrometheusError::Rejected { status, kind, .. }) => {
            refused_query(*status, kind)
        }
        ProviderError::Prometheus(PrometheusError::Secret { what, .. }) => {
            format!(
                "unable to fetch metrics: the adapter can't read the {what} that it asks Prometheus with"
            )
        }
        ProviderError::Prometheus(PrometheusError::TooLong { .. }) => {
            "unable to fetch metrics: the answer of Prometheus is too long".to_owned()
        }
        ProviderError::Prometheus(_) => "unable to fetch metrics".to_owned(),
        ProviderError::List {
            source: AnswerError::Late { .. },
            ..
        } => "unable to list matching resources: no answer from the API server".to_owned(),
        other => cut(&other.to_string(), TEXT_BYTES).into_owned(),
    };
    cause_for_clients(&cause)
}

/// The text of `responsewriters.ForbiddenStatusError`.
fn forbidden(request: &RequestInfo, user: &User, reason: &str) -> String {
    let text = |text| cut(text, TEXT_BYTES);
    let user = text(&user.name);
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    match request {
        RequestInfo::Path { path, verb } => {
            let (verb, path) = (text(verb), text(path));
            format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\"{reason}")
        }
        RequestInfo::Resource(ResourceRequest { verb, path }) => {
            let (group, resource) = (text(&path.group), text(path.resource()));
            let (name, subresource) = (text(path.name()), text(path.subresource()));
            let separator = if subresource.is_empty() { "" } else { "/" };
            let scope = match &path.namespace {
                None => "at the cluster scope".to_owned(),
                Some(namespace) => format!("in the namespace \"{}\"", text(namespace)),
            };
            let object = if name.is_empty() {
                String::new()
            } else {
                format!(" \"{name}\"")
            };
            format!(
                "{resource}.{group}{object} is forbidden: User \"{user}\" cannot {verb} resource \
                 \"{resource}{separator}{subresource}\" in API group \"{group}\" {scope}{reason}"
            )
        }
    }
}
