//! Prometheus' HTTP API over a [`World`]: parameters in, answer out; knows nothing of sockets.
//!
//! Documents, error types and texts are those of Prometheus' `web/api/v1/api.go`.

mod document;
mod label;
mod parameters;
mod query;
mod series;

use crate::World;
use crate::promql::{Change, QueryError, Settings, Version};
use document::Document;
pub(crate) use document::{error_of_status, not_implemented};
use label::label_of;
use parameters::Parameters;

/// The paths that are answered, but `/api/v1/label/NAME/values`, which is asked by GET. The methods are in the order of
/// the alphabet.
const PATHS: [(&str, &[&str]); 10] = [
    ("/api/v1/query", &["GET", "POST"]),
    ("/api/v1/query_range", &["GET", "POST"]),
    ("/api/v1/query_exemplars", &["GET", "POST"]),
    ("/api/v1/series", &["GET", "POST"]),
    ("/api/v1/labels", &["GET", "POST"]),
    ("/api/v1/metadata", &["GET"]),
    ("/api/v1/status/buildinfo", &["GET"]),
    ("/api/v1/write", &["POST"]),
    ("/-/ready", &["GET", "HEAD"]),
    ("/-/healthy", &["GET", "HEAD"]),
];

/// What a Prometheus answers that scrapes nothing and has no rules; asked by GET.
const NOTHING: [(&str, &str); 4] = [
    (
        "/api/v1/targets",
        r#"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":{}}"#,
    ),
    ("/api/v1/rules", r#"{"groups":[]}"#),
    ("/api/v1/alerts", r#"{"alerts":[]}"#),
    (
        "/api/v1/alertmanagers",
        r#"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#,
    ),
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
/// `now` is the wall time of the request in milliseconds since 1970, and no sample that is played later is known; the parameters are those of the form body, then
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
        "/api/v1/query_range" => query::range(world, settings, now, &parameters),
        "/api/v1/series" => series::series(world, now, &parameters),
        "/api/v1/labels" => series::labels(world, now, &parameters),
        "/api/v1/query_exemplars" => query::exemplars(&parameters),
        "/api/v1/metadata" => series::metadata(world, &parameters),
        "/api/v1/status/buildinfo" => Ok(Document::build_info(settings.version)),
        "/-/ready" => return Answer::text(200, "Prometheus Server is Ready.\n"),
        "/-/healthy" => return Answer::text(200, "Prometheus Server is Healthy.\n"),
        _ => match (label_of(path), nothing_of(path)) {
            (Some(label), _) => series::values(world, now, &label, &parameters),
            (None, Some(document)) => Ok(Document::fixed(document)),
            (None, None) => return Answer::text(404, "404 page not found\n"),
        },
    };
    document.map_or_else(|refusal| refusal.answer(), Document::answer)
}

fn nothing_of(path: &str) -> Option<&'static str> {
    let mut known = NOTHING.iter().filter(|(known, _)| *known == path);
    known.next().map(|(_, document)| *document)
}

/// The methods by which a path is asked; none where there is nothing.
pub(crate) fn methods_of(path: &str, version: Version) -> Option<&'static [&'static str]> {
    if path == "/api/v1/series" && !version.has(Change::NoDeletion) {
        return Some(&["DELETE", "GET", "POST"]);
    }
    if label_of(path).is_some() || nothing_of(path).is_some() {
        return Some(&["GET"]);
    }
    let known = PATHS.iter().find(|(known, _)| *known == path);
    known.map(|(_, methods)| *methods)
}

/// Whether a path is one whose answers are documents, which are compressed and which scripts of other sites may ask for.
pub(crate) fn is_document(path: &str, version: Version) -> bool {
    path.starts_with("/api/v1/") && path != "/api/v1/write" && methods_of(path, version).is_some()
}
