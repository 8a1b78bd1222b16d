//! The sample application: serves OpenMetrics about its requests, and about a load that is set from outside.
//!
//! A `PUT` of `{"requestsPerSecond": 2.5}` to `/load` sets what this pod counts besides the requests that come to `/`. Whoever
//! drives the load gives each ready pod its share; the application knows of no other pod. A gauge, where one is named, shows the
//! load as it is, once it was set: for adapters without a rule for counters, and for values that must be exact.

pub(crate) mod counter;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use serde::{Deserialize, Serialize};

use counter::{Counter, Rate};

/// Where the load is set.
pub(crate) const LOAD_PATH: &str = "/load";
/// The counter of requests, as OpenMetrics calls its family and its sample.
pub(crate) const COUNTER: &str = "http_requests";
/// Its sample.
pub(crate) const COUNTER_TOTAL: &str = "http_requests_total";
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

/// Whether a text can be a metric's name where names are of letters, digits, `_` and `:`.
pub(crate) fn is_metric_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    text.starts_with(is_letter) && text.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}

struct App {
    metrics_path: String,
    gauge: Option<String>,
    started: Instant,
    counter: Mutex<Counter>,
}

/// The application, with its metrics at that path, and the load as a gauge of that name.
pub(crate) fn router(metrics_path: String, gauge: Option<String>) -> Router {
    let app = App {
        metrics_path,
        gauge,
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
        let text = app.open_metrics();
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

    fn open_metrics(&self) -> String {
        let (total, set) = {
            let counter = self.counter();
            (counter.total(self.started.elapsed()), counter.set_rate())
        };
        let gauge = self.gauge.as_ref().zip(set);
        let gauge = gauge.map_or_else(String::new, |(name, rate)| {
            let load = rate.requests_per_second();
            format!("# HELP {name} The load.\n# TYPE {name} gauge\n{name} {load}\n")
        });
        format!(
            "# HELP {COUNTER} Requests to /, and those of the load.\n\
             # TYPE {COUNTER} counter\n\
             {COUNTER_TOTAL} {total}\n\
             {gauge}# EOF\n"
        )
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

#[cfg(test)]
mod tests;
