//! The sample application: serves OpenMetrics about its requests, and about a load that is set from outside.
//!
//! A `PUT` of `{"requestsPerSecond": 2.5}` to `/load` sets what this pod counts besides the requests that come to `/`. Whoever
//! drives the load gives each ready pod its share; the application knows of no other pod.

pub(crate) mod counter;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};

use counter::{Counter, Rate, Total};

/// Where the load is set.
pub(crate) const LOAD_PATH: &str = "/load";
/// What OpenMetrics 1.0 calls itself.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How a kubelet's probes begin their `User-Agent`; they are no load.
const PROBE: &str = "kube-probe/";
/// How long a load's document may be.
const LONGEST: usize = 4096;

/// The load of one pod.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Load {
    /// What it counts besides the requests that come.
    pub requests_per_second: f64,
}

struct App {
    metrics_path: String,
    started: Instant,
    counter: Mutex<Counter>,
}

/// The application, with its metrics at that path.
pub(crate) fn router(metrics_path: String) -> Router {
    let app = App {
        metrics_path,
        started: Instant::now(),
        counter: Mutex::default(),
    };
    // One place decides, so that any path may be chosen for the metrics.
    Router::new().fallback(answer).with_state(Arc::new(app))
}

async fn answer(State(app): State<Arc<App>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path == app.metrics_path {
        let text = open_metrics(app.counter().total(app.started.elapsed()));
        return ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response();
    }
    match (&head.method, path) {
        (&Method::PUT, LOAD_PATH) => app.load(body).await,
        (&Method::GET, LOAD_PATH) => {
            let requests_per_second = app.counter().rate().requests_per_second();
            axum::Json(Load {
                requests_per_second,
            })
            .into_response()
        }
        (_, LOAD_PATH) => StatusCode::METHOD_NOT_ALLOWED.into_response(),
        (_, "/") => {
            let agent = head.headers.get(header::USER_AGENT);
            if !agent.is_some_and(|agent| agent.as_bytes().starts_with(PROBE.as_bytes())) {
                app.counter().count();
            }
            "counted\n".into_response()
        }
        _ => (StatusCode::NOT_FOUND, "not found\n").into_response(),
    }
}

impl App {
    /// Nobody panics while holding it.
    fn counter(&self) -> std::sync::MutexGuard<'_, Counter> {
        self.counter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self, body: Body) -> Response {
        let refused = |why: String| (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response();
        let body = match to_bytes(body, LONGEST).await {
            Ok(body) => body,
            Err(error) => return refused(format!("read the load: {error}")),
        };
        let load: Load = match serde_json::from_slice(&body) {
            Ok(load) => load,
            Err(error) => return refused(format!("read the load: {error}")),
        };
        match Rate::per_second(load.requests_per_second) {
            Ok(rate) => {
                self.counter().load(rate, self.started.elapsed());
                StatusCode::NO_CONTENT.into_response()
            }
            Err(error) => refused(error.to_string()),
        }
    }
}

fn open_metrics(total: Total) -> String {
    format!(
        "# HELP http_requests Requests to /, and those of the load.\n\
         # TYPE http_requests counter\n\
         http_requests_total {total}\n\
         # EOF\n"
    )
}

#[cfg(test)]
mod tests;
