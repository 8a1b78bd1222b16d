//! Errors as `metav1.Status`: the one place that maps them.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use setpoint_rules::{InvalidPath, InvalidQuery, MetricError, ResourcePath};

use crate::auth::{AccessReviewError, User};
use crate::error_chain::error_chain;
use crate::provider::ProviderError;
use crate::request_info::{RequestInfo, ResourceRequest};

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
    #[error("the server could not find the requested resource")]
    NotFound,
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The authorizer doesn't answer (`responsewriters.InternalError`).
    #[error("Internal Server Error: \"{uri}\"")]
    Authorizer {
        uri: String,
        #[source]
        source: Arc<AccessReviewError>,
    },
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

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, reason) = self.code();
        let cause = error_chain(&self);
        if code.is_server_error() {
            tracing::warn!(error = %cause, "answer with {code}");
        }
        let (message, details) = self.message_and_details(code, cause);
        let status = Status {
            kind: "Status",
            api_version: "v1",
            metadata: serde_json::Map::new(),
            status: "Failure",
            message,
            reason,
            details,
            code: code.as_u16(),
        };
        (code, Json(status)).into_response()
    }
}

impl ApiError {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidPath(_) | Self::InvalidQuery(_) => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::Provider(ProviderError::Metric(
                MetricError::NoSuchMetric { .. }
                | MetricError::NoQuery { .. }
                | MetricError::NoValue { .. },
            )) => (StatusCode::NOT_FOUND, "NotFound"),
            Self::Provider(_) | Self::Authorizer { .. } | Self::Panic => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
        }
    }

    fn message_and_details(&self, code: StatusCode, cause: String) -> (String, Option<Details>) {
        match self {
            Self::Forbidden {
                request,
                user,
                reason,
            } => {
                let details = match &**request {
                    RequestInfo::Resource(ResourceRequest { path, .. }) => Details {
                        name: path.name().to_owned(),
                        group: path.group.clone(),
                        kind: path.resource().to_owned(),
                        causes: Vec::new(),
                    },
                    RequestInfo::Path { .. } => Details::default(),
                };
                (forbidden(request, user, reason), Some(details))
            }
            // `apierrors.NewInternalError`. prometheus-adapter only logs the cause.
            Self::Provider(_) if code.is_server_error() => {
                let message = format!("Internal error occurred: {cause}");
                let details = Details {
                    causes: vec![Cause { message: cause }],
                    ..Details::default()
                };
                (message, Some(details))
            }
            Self::Authorizer { .. } => (cause, None),
            other => (other.to_string(), None),
        }
    }
}

/// The text of `responsewriters.ForbiddenStatusError`.
fn forbidden(request: &RequestInfo, user: &User, reason: &str) -> String {
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    match request {
        RequestInfo::Path { path, verb } => {
            format!(
                "forbidden: User \"{}\" cannot {verb} path \"{path}\"{reason}",
                user.name
            )
        }
        RequestInfo::Resource(ResourceRequest { verb, path }) => {
            let ResourcePath { group, .. } = path;
            let (resource, name, subresource) = (path.resource(), path.name(), path.subresource());
            let separator = if subresource.is_empty() { "" } else { "/" };
            let scope = match &path.namespace {
                None => "at the cluster scope".to_owned(),
                Some(namespace) => format!("in the namespace \"{namespace}\""),
            };
            let object = match name {
                "" => String::new(),
                name => format!(" \"{name}\""),
            };
            format!(
                "{resource}.{group}{object} is forbidden: User \"{}\" cannot {verb} resource \
                 \"{resource}{separator}{subresource}\" in API group \"{group}\" {scope}{reason}",
                user.name
            )
        }
    }
}
