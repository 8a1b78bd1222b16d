//! The control port: the documents of [`crate::Script`] and its neighbours over HTTP.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::{Fault, Script, ScriptedSeries, ServerTime, World, clock::wall_millis, front::Shared};

/// What the control port works on.
pub(crate) struct Control {
    pub(crate) shared: Arc<Shared>,
    /// Held while the world is changed, so that no change is lost.
    pub(crate) change: Mutex<()>,
}

pub(crate) fn router(control: Arc<Control>) -> Router {
    Router::new()
        .route("/v1/script", put(put_script))
        .route("/v1/series", post(post_series))
        .route("/v1/faults", put(put_faults))
        .route("/v1/journal", get(get_journal))
        .route("/v1/clock", get(get_clock))
        .with_state(control)
}

/// A document that can't be used: 400 with the reason and all its causes.
struct Refused(String);

impl Refused {
    fn of(error: &dyn std::error::Error) -> Self {
        let mut reason = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            reason = format!("{reason}: {error}");
            cause = error.source();
        }
        Self(reason)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let document = serde_json::json!({ "error": self.0 });
        (StatusCode::BAD_REQUEST, axum::Json(document)).into_response()
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::of(&error))
}

async fn put_script(
    State(control): State<Arc<Control>>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let script: Script = read(&body)?;
    let _change = control.change.lock().await;
    let world =
        World::new(&script, wall_millis(SystemTime::now())).map_err(|error| Refused::of(&error))?;
    control.shared.world.store(Arc::new(world));
    Ok(StatusCode::NO_CONTENT)
}

async fn post_series(
    State(control): State<Arc<Control>>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let more: Vec<ScriptedSeries> = read(&body)?;
    let _change = control.change.lock().await;
    let world = control.shared.world.load().with(&more);
    let world = world.map_err(|error| Refused::of(&error))?;
    control.shared.world.store(Arc::new(world));
    Ok(StatusCode::NO_CONTENT)
}

async fn put_faults(
    State(control): State<Arc<Control>>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let faults: Vec<Fault> = read(&body)?;
    for (index, fault) in faults.iter().enumerate() {
        check(fault).map_err(|reason| Refused(format!("fault {index}: {reason}")))?;
    }
    control.shared.faults.store(Arc::new(faults));
    Ok(StatusCode::NO_CONTENT)
}

fn check(fault: &Fault) -> Result<(), String> {
    let answer = &fault.answer;
    if let Some(path) = fault.paths.iter().find(|path| !path.starts_with('/')) {
        return Err(format!("the path {path:?} doesn't begin with `/`"));
    }
    if let Some(status) = answer.status.filter(|status| !(200..=599).contains(status)) {
        return Err(format!("the status is {status}: expected 200 to 599"));
    }
    if answer.status.is_none() && answer.body.is_some() {
        return Err("a body needs a status: without one the true answer is given".to_owned());
    }
    if !(0.0..=3600.0).contains(&answer.delay) || Duration::try_from_secs_f64(answer.delay).is_err()
    {
        return Err(format!(
            "the delay is {}: expected 0 to 3600 seconds",
            answer.delay
        ));
    }
    for (name, value) in &answer.headers {
        if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            return Err(format!("the header {name:?} can't be sent"));
        }
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
    State(control): State<Arc<Control>>,
    query: Result<Query<After>, QueryRejection>,
) -> Result<Response, Refused> {
    let Query(After { after }) = query.map_err(|error| Refused(error.body_text()))?;
    Ok(axum::Json(control.shared.journal.after(after)).into_response())
}

async fn get_clock(State(control): State<Arc<Control>>) -> Response {
    let clock = control.shared.world.load().clock;
    axum::Json(ServerTime {
        now: clock.to_scenario(wall_millis(SystemTime::now())) as f64 / 1000.0,
        speed: clock.speed(),
    })
    .into_response()
}
