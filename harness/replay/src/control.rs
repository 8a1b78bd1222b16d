//! The control port: the documents of [`crate::Script`] and its neighbours over HTTP.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use setpoint_support::error_chain;

use crate::clock::wall_millis;
use crate::fault::Faults;
use crate::shared::Shared;
use crate::tenants::Worlds;
use crate::{Fault, Script, ScriptedSeries, ServerTime};

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/script", put(put_script))
        .route("/v1/series", post(post_series))
        .route("/v1/faults", put(put_faults))
        .route("/v1/journal", get(get_journal))
        .route("/v1/clock", get(get_clock))
        .with_state(shared)
}

/// A document that can't be used: 400 with the reason and all its causes.
struct Refused(String);

impl<E: std::error::Error + 'static> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error_chain(&error))
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let document = serde_json::json!({ "error": self.0 });
        (StatusCode::BAD_REQUEST, axum::Json(document)).into_response()
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    Ok(serde_json::from_slice(body)?)
}

async fn put_script(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<StatusCode, Refused> {
    let script: Script = read(&body)?;
    check(&script.faults)?;
    shared.change(|_| Worlds::new(&script, wall_millis(SystemTime::now())))?;
    if !script.faults.is_empty() {
        shared.faults.store(Arc::new(Faults::new(script.faults)));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn post_series(
    State(shared): State<Arc<Shared>>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let more: Vec<ScriptedSeries> = read(&body)?;
    shared.change(|worlds| worlds.with(&more))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn put_faults(State(shared): State<Arc<Shared>>, body: Bytes) -> Result<StatusCode, Refused> {
    let faults: Vec<Fault> = read(&body)?;
    check(&faults)?;
    shared.faults.store(Arc::new(Faults::new(faults)));
    Ok(StatusCode::NO_CONTENT)
}

fn check(faults: &[Fault]) -> Result<(), Refused> {
    for (index, fault) in faults.iter().enumerate() {
        fault
            .check()
            .map_err(|problem| Refused(format!("fault {index}: {problem}")))?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn get_journal(
    State(shared): State<Arc<Shared>>,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(After { after }) = query.map_err(|error| Refused(error.body_text()))?;
    Ok(axum::Json(shared.journal.after(after)).into_response())
}

async fn get_clock(State(shared): State<Arc<Shared>>) -> Response {
    let clock = shared.worlds.load().clock();
    axum::Json(ServerTime {
        now: clock.to_scenario(wall_millis(SystemTime::now())) as f64 / 1000.0,
        speed: clock.speed(),
    })
    .into_response()
}
