//! Prometheus' HTTP API over a [`World`]: parameters in, answer out; knows nothing of sockets.
//!
//! Documents, error types and texts are those of Prometheus' `web/api/v1/api.go`.

mod document;
mod parameters;
mod query;
mod series;

use crate::World;
use crate::promql::{QueryError, Settings};
use document::Document;
pub(crate) use document::error_of_status;
use parameters::Parameters;

/// The paths that are answered, but `/api/v1/label/NAME/values`, which is asked by GET.
const PATHS: [(&str, &[&str]); 9] = [
    ("/api/v1/query", &["GET", "POST"]),
    ("/api/v1/query_range", &["GET", "POST"]),
    ("/api/v1/series", &["GET", "POST"]),
    ("/api/v1/labels", &["GET", "POST"]),
    ("/api/v1/metadata", &["GET"]),
    ("/api/v1/status/buildinfo", &["GET"]),
    ("/api/v1/write", &["POST"]),
    ("/-/ready", &["GET", "HEAD"]),
    ("/-/healthy", &["GET", "HEAD"]),
];

/// An answer of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// How many series it holds; none where it holds none by its nature.
    pub series: Option<usize>,
}

impl Answer {
    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            content_type: "text/plain; charset=utf-8",
            body: body.to_owned(),
            series: None,
        }
    }
}

/// Why the API refuses a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A parameter can't be used: 400 `bad_data`.
    BadData(String),
    /// The query has no valid result: 422 `execution`.
    Execution(String),
    /// The query took too long: 503 `timeout`.
    Timeout(String),
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(reason) => {
                Self::BadData(format!("invalid parameter \"query\": {reason}"))
            }
            QueryError::TimedOut(_) => Self::Timeout(error.to_string()),
            other => Self::Execution(other.to_string()),
        }
    }
}

/// The HTTP status and the `errorType` of the answer to a query that has no result.
#[must_use]
pub fn status_of(error: &QueryError) -> (u16, &'static str) {
    Refusal::from(error.clone()).status()
}

/// Answers a request that changes nothing.
///
/// `now` is the wall time of the request in milliseconds since 1970; the parameters are those of the form body, then
/// those of the query.
#[must_use]
pub fn answer(
    world: &World,
    settings: &Settings,
    now: i64,
    path: &str,
    parameters: &[(String, String)],
) -> Answer {
    let parameters = Parameters(parameters);
    let document = match path {
        "/api/v1/query" => query::instant(world, settings, now, &parameters),
        "/api/v1/query_range" => query::range(world, settings, &parameters),
        "/api/v1/series" => series::series(world, now, &parameters),
        "/api/v1/labels" => series::labels(world, now, &parameters),
        "/api/v1/metadata" => Ok(Document::no_metadata()),
        "/api/v1/status/buildinfo" => Ok(Document::build_info(settings.version)),
        "/-/ready" => return Answer::text(200, "Prometheus Server is Ready.\n"),
        "/-/healthy" => return Answer::text(200, "Prometheus Server is Healthy.\n"),
        _ => match label_of(path) {
            Some(label) => series::values(world, now, label, &parameters),
            None => return Answer::text(404, "404 page not found\n"),
        },
    };
    document.map_or_else(|refusal| refusal.answer(), Document::answer)
}

/// The label whose values a path asks for.
fn label_of(path: &str) -> Option<&str> {
    let label = path.strip_prefix("/api/v1/label/")?.strip_suffix("/values");
    label.filter(|label| !label.is_empty() && !label.contains('/'))
}

/// Whether a path is there, but not for this method.
pub(crate) fn refuses_method(path: &str, method: &str) -> bool {
    if label_of(path).is_some() {
        return method != "GET";
    }
    let known = PATHS.iter().find(|(known, _)| *known == path);
    known.is_some_and(|(_, methods)| !methods.contains(&method))
}
