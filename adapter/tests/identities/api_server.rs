//! An API server that has one ConfigMap, answers TokenReviews, and keeps the SubjectAccessReviews that it refuses.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};
use setpoint_identities::{Identity, Token};

use crate::launch;

const CONFIG_MAPS: &str = "/api/v1/namespaces/kube-system/configmaps";
const NAME: &str = "extension-apiserver-authentication";
/// Beyond the ten seconds that a review may take.
const TOO_LATE: Duration = Duration::from_secs(11);
const BODY_BYTES: usize = 1 << 20;

/// Of whom it was asked, by the path that the request was for.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<HashMap<String, Identity>>>);

impl Asked {
    /// The user of the request for a path; none if nobody asked for its rights.
    pub(crate) fn take(&self, path: &str) -> Option<Identity> {
        self.0.lock().unwrap().remove(path)
    }
}

/// Serves on a free port of loopback until the runtime ends.
pub(crate) async fn serve(data: &BTreeMap<String, String>, asked: Asked) -> SocketAddr {
    let metadata =
        json!({"name": NAME, "namespace": "kube-system", "resourceVersion": "1", "uid": "1"});
    let map = json!({"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data});
    let map = Arc::new(map);
    let answer = move |request: Request| answer(request, map.clone(), asked.clone());
    launch::serve(Router::new().fallback(answer)).await
}

/// A Prometheus without series.
pub(crate) async fn prometheus() -> SocketAddr {
    let answer = || async {
        typed(
            "application/json",
            r#"{"status":"success","data":[]}"#.to_owned(),
        )
    };
    launch::serve(Router::new().fallback(answer)).await
}

fn typed(kind: &'static str, body: String) -> Response {
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}

async fn answer(request: Request, map: Arc<Value>, asked: Asked) -> Response {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    if *request.method() == Method::POST {
        let bytes = to_bytes(request.into_body(), BODY_BYTES)
            .await
            .unwrap_or_default();
        let review: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        return match path.rsplit('/').next() {
            Some("tokenreviews") => token_review(&review).await,
            _ => access_review(review, &asked),
        };
    }
    let json = |value: Value| typed("application/json", value.to_string());
    let accepts = request.headers().get(header::ACCEPT);
    let accepts = accepts
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match path.as_str() {
        "/api" | "/apis" if accepts.contains("g=apidiscovery.k8s.io;v=v2;") => discovery(&path),
        "/api" => json(json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": []})),
        CONFIG_MAPS if query.contains("watch=") => {
            // Nothing changes.
            let nothing = futures::stream::pending::<Result<Vec<u8>, std::io::Error>>();
            Body::from_stream(nothing).into_response()
        }
        CONFIG_MAPS => json(json!({
            "kind": "ConfigMapList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": [*map],
        })),
        _ if path.strip_prefix(CONFIG_MAPS) == Some(&format!("/{NAME}")) => json((*map).clone()),
        _ => {
            let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404});
            (StatusCode::NOT_FOUND, json(status)).into_response()
        }
    }
}

fn discovery(path: &str) -> Response {
    let kind = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    typed(kind, launch::discovery(path).to_string())
}

async fn token_review(review: &Value) -> Response {
    let token = review["spec"]["token"].as_str().unwrap_or_default();
    let answer = Token::answer(token);
    if answer.is_late {
        tokio::time::sleep(TOO_LATE).await;
    }
    let status = StatusCode::from_u16(answer.status).unwrap();
    (status, typed("application/json", answer.body)).into_response()
}

fn access_review(mut review: Value, asked: &Asked) -> Response {
    let spec = &review["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let texts = |value: &Value| {
        let all = value.as_array().into_iter().flatten();
        all.map(text).collect::<Vec<String>>()
    };
    let extra = spec["extra"].as_object().into_iter().flatten();
    let user = Identity {
        name: text(&spec["user"]),
        uid: text(&spec["uid"]),
        groups: texts(&spec["groups"]),
        extra: extra
            .map(|(key, values)| (key.clone(), texts(values)))
            .collect(),
    };
    let path = text(&spec["nonResourceAttributes"]["path"]);
    asked.0.lock().unwrap().insert(path, user.sorted());
    review["status"] = json!({"allowed": false});
    (
        StatusCode::CREATED,
        typed("application/json", review.to_string()),
    )
        .into_response()
}
