//! Answers that are no values.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use setpoint_support::error_chain;

use super::documents;

pub(super) fn redirect() -> Response {
    let location = [(header::LOCATION, "/somewhere/else")];
    (StatusCode::FOUND, location).into_response()
}

/// What isn't ready yet, or not to be had.
pub(super) fn unavailable() -> Response {
    let message = "the server is currently unable to handle the request";
    let code = StatusCode::SERVICE_UNAVAILABLE;
    failure(code, "ServiceUnavailable", message)
}

/// Nothing is at a path.
pub(super) fn no_such_path() -> Response {
    let message = "the server could not find the requested resource";
    failure(StatusCode::NOT_FOUND, "NotFound", message)
}

pub(super) fn bad_request(message: &str) -> Response {
    failure(StatusCode::BAD_REQUEST, "BadRequest", message)
}

/// The adapter could not do what was asked.
pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Response {
    let code = StatusCode::INTERNAL_SERVER_ERROR;
    failure(code, "InternalError", &error_chain(error))
}

pub(super) fn failure(code: StatusCode, reason: &str, message: &str) -> Response {
    (
        code,
        Json(documents::status(code.as_u16(), reason, message)),
    )
        .into_response()
}
