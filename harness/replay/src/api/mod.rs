//! Prometheus' HTTP API over a [`World`]: parameters in, answer out; knows nothing of sockets.
//!
//! Documents, error types and texts are those of Prometheus' `web/api/v1/api.go`.

mod document;
mod parameters;

use crate::World;
use crate::engine::{self, QueryError};
use document::Document;
pub(crate) use document::error_of_status;
use parameters::Parameters;

/// The paths that are answered.
pub(crate) const PATHS: [(&str, &[&str]); 5] = [
    ("/api/v1/query", &["GET", "POST"]),
    ("/api/v1/series", &["GET", "POST"]),
    ("/api/v1/status/buildinfo", &["GET"]),
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
}

/// Answers a request.
///
/// `wall` is the wall time of the request in milliseconds since 1970; the parameters are those of the form body, then
/// those of the query.
#[must_use]
pub fn answer(world: &World, wall: i64, path: &str, parameters: &[(String, String)]) -> Answer {
    let parameters = Parameters(parameters);
    let document = match path {
        "/api/v1/query" => query(world, wall, &parameters),
        "/api/v1/series" => series(world, wall, &parameters),
        "/api/v1/status/buildinfo" => Ok(Document::build_info()),
        "/-/ready" => return Answer::text(200, "Prometheus Server is Ready.\n"),
        "/-/healthy" => return Answer::text(200, "Prometheus Server is Healthy.\n"),
        _ => return Answer::text(404, "404 page not found\n"),
    };
    document.map_or_else(|refusal| refusal.answer(), Document::answer)
}

fn query(world: &World, wall: i64, parameters: &Parameters<'_>) -> Result<Document, Refusal> {
    let limit = parameters.limit()?;
    let at = parameters.time("time")?.unwrap_or(wall);
    parameters.duration("timeout")?;
    let text = parameters.first("query").unwrap_or_default();
    let value =
        engine::evaluate(world, text, world.clock.to_scenario(at)).map_err(
            |error| match error {
                QueryError::Parse(reason) => {
                    Refusal::BadData(format!("invalid parameter \"query\": {reason}"))
                }
                other => Refusal::Execution(other.to_string()),
            },
        )?;
    Ok(Document::query(&world.clock, at, &value, limit))
}

fn series(world: &World, wall: i64, parameters: &Parameters<'_>) -> Result<Document, Refusal> {
    let limit = parameters.limit()?;
    let selectors = parameters
        .all("match[]")
        .map(|text| {
            engine::parse_selector(text).map_err(|error| {
                Refusal::BadData(format!("invalid parameter \"match[]\": {error}"))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if selectors.is_empty() {
        return Err(Refusal::BadData("no match[] parameter provided".to_owned()));
    }
    let clock = &world.clock;
    let start = parameters.time("start")?.map(|t| clock.to_scenario(t));
    let end = parameters.time("end")?.unwrap_or(i64::MAX);
    // A real Prometheus holds no samples of the future.
    let end = clock.to_scenario(end.min(wall));
    let after = start.unwrap_or(i64::MIN).saturating_sub(1);
    let found = world.series().filter(|series| {
        selectors
            .iter()
            .any(|selector| selector.matches(&series.labels))
            && series.newest_first(after, end).next().is_some()
    });
    Ok(Document::series(
        found.map(|series| &series.labels).take(limit),
    ))
}
