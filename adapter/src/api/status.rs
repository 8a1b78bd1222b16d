//! Errors as `metav1.Status`: the one place that maps them.

use std::error::Error;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;

use crate::auth::User;
use crate::provider::ProviderError;
use crate::words::words;

use super::request_info::{BadPath, RequestInfo};

/// Why a request is not answered with what it asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The path is no path.
    #[error(transparent)]
    BadPath(#[from] BadPath),
    /// The request can't be understood.
    #[error("{0}")]
    BadRequest(String),
    /// The caller showed credentials, and none of them holds.
    #[error("Unauthorized")]
    Unauthorized,
    /// The caller may not.
    #[error("{} is forbidden", .request.verb())]
    Forbidden {
        /// What was asked.
        request: Box<RequestInfo>,
        /// By whom.
        user: Box<User>,
        /// The authorizer's words; may be empty.
        reason: String,
    },
    /// Nothing is there.
    #[error("the server could not find the requested resource")]
    NotFound,
    /// Only reading is possible.
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// The provider has no answer.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The authorizer couldn't be asked (`responsewriters.InternalError`).
    #[error("Internal Server Error: \"{uri}\"")]
    Authorizer {
        /// The request's path and query.
        uri: String,
        /// What failed.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The handler broke.
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
        if code.is_server_error() {
            tracing::warn!(error = %words(&self), "answer with {code}");
        }
        let status = Status {
            kind: "Status",
            api_version: "v1",
            metadata: serde_json::Map::new(),
            status: "Failure",
            message: self.message(),
            reason,
            details: self.details(),
            code: code.as_u16(),
        };
        (code, Json(status)).into_response()
    }
}

impl ApiError {
    fn code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadPath(_) | Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "BadRequest"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "Forbidden"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NotFound"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::Provider(
                ProviderError::NoSuchMetric { .. }
                | ProviderError::NoValue { .. }
                | ProviderError::NoSuchResource { .. },
            ) => (StatusCode::NOT_FOUND, "NotFound"),
            Self::Provider(_) | Self::Authorizer { .. } | Self::Panic => {
                (StatusCode::INTERNAL_SERVER_ERROR, "InternalError")
            }
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Forbidden {
                request,
                user,
                reason,
            } => forbidden(request, user, reason),
            // `apierrors.NewInternalError`; the Go adapter keeps the cause to its log, we say it.
            Self::Provider(_) if self.code().0.is_server_error() => {
                format!("Internal error occurred: {}", words(self))
            }
            Self::Authorizer { .. } => words(self),
            other => other.to_string(),
        }
    }

    fn details(&self) -> Option<Details> {
        match self {
            Self::Forbidden { request, .. } => match &**request {
                RequestInfo::Resource(resource) => Some(Details {
                    name: resource.name.clone(),
                    group: resource.group.clone(),
                    kind: resource.resource.clone(),
                    causes: Vec::new(),
                }),
                RequestInfo::Path { .. } => Some(Details::default()),
            },
            Self::Provider(_) if self.code().0.is_server_error() => Some(Details {
                causes: vec![Cause {
                    message: words(self),
                }],
                ..Details::default()
            }),
            _ => None,
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
        RequestInfo::Resource(r) => {
            let with_subresource = if r.subresource.is_empty() {
                r.resource.clone()
            } else {
                format!("{}/{}", r.resource, r.subresource)
            };
            let scope = if r.namespace.is_empty() {
                "at the cluster scope".to_owned()
            } else {
                format!("in the namespace \"{}\"", r.namespace)
            };
            let subject = if r.name.is_empty() {
                format!("{}.{}", r.resource, r.group)
            } else {
                format!("{}.{} \"{}\"", r.resource, r.group, r.name)
            };
            format!(
                "{subject} is forbidden: User \"{}\" cannot {} resource \"{with_subresource}\" in API group \"{}\" {scope}{reason}",
                user.name, r.verb, r.group
            )
        }
    }
}
