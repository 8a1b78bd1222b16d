//! Values of metrics, and what a liar makes of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::table::required_labels;
use super::{
    Entry, Lie, Scripted, Source, Table, bad_request, documents, failure, internal, prometheus,
    redirect, unavailable,
};
use crate::quantity::milli;

/// What a slow liar takes for an answer.
const SLOW: Duration = Duration::from_millis(200);
/// How long a liar fails that isn't warm.
const WARM: Duration = Duration::from_secs(10);
/// The age of a timestamp that is a lie.
const OLD: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Debug, Deserialize)]
pub(super) struct ObjectPath {
    version: String,
    namespace: String,
    resource: String,
    name: String,
    metric: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct NamespacePath {
    version: String,
    namespace: String,
    metric: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Selectors {
    #[serde(default)]
    label_selector: String,
    #[serde(default)]
    metric_label_selector: String,
}

/// What the selectors of a request require of objects and of series.
#[derive(Debug, Default)]
struct Selected {
    objects: Vec<(String, String)>,
    series: Vec<(String, String)>,
}

/// The metric of a namespace itself.
pub(super) async fn of_namespace(
    State(scripted): State<Arc<Scripted>>,
    Path(path): Path<NamespacePath>,
    Query(selectors): Query<Selectors>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let path = ObjectPath {
        version: path.version,
        namespace: String::new(),
        resource: "namespaces".to_owned(),
        name: path.namespace,
        metric: path.metric,
    };
    if scripted.lies(Lie::NoNamespaceMetrics) {
        return not_found(&path);
    }
    of_objects(
        State(scripted),
        Path(path),
        Query(selectors),
        method,
        headers,
    )
    .await
}

/// The metric of an object, or of all objects that are selected.
pub(super) async fn of_objects(
    State(scripted): State<Arc<Scripted>>,
    Path(path): Path<ObjectPath>,
    Query(selectors): Query<Selectors>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    match scripted.lie {
        Some(Lie::HoldsRequests) => return std::future::pending().await,
        Some(Lie::Crashes) => std::process::abort(),
        Some(Lie::NoHead) if method == Method::HEAD => return not_found(&path),
        Some(Lie::WarmsUp) if scripted.began.elapsed() < WARM => return unavailable(),
        Some(Lie::OneAtATime) => {
            let _turn = scripted.turn.lock().await;
            tokio::time::sleep(SLOW).await;
        }
        Some(Lie::RedirectsValues) => return redirect(),
        Some(Lie::HtmlBody) => return Html("<h1>It works!</h1>").into_response(),
        Some(Lie::Redirects) => return scripted.elsewhere().unwrap_or_default(),
        _ => {}
    }
    if !takes_json(&headers) && !scripted.lies(Lie::IgnoresAccept) {
        let message = "only application/json can be written";
        return failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message);
    }
    match scripted.answer(&path, &selectors).await {
        Ok(document) => scripted.written(document),
        Err(response) => response,
    }
}

/// Whether a caller takes JSON, as far as the media types say without their qualities.
fn takes_json(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted
        .filter_map(|accepted| accepted.to_str().ok())
        .flat_map(|accepted| accepted.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .peekable();
    accepted.peek().is_none()
        || accepted.any(|range| ["application/json", "application/*", "*/*", ""].contains(&range))
}

impl Scripted {
    async fn answer(&self, path: &ObjectPath, selectors: &Selectors) -> Result<Value, Response> {
        let Some(selected) = self.selected(selectors) else {
            let message = "the scripted adapter understands label=value selectors only";
            return Err(bad_request(message));
        };
        let table = self.told_table(path, &selected.series).await?;
        let ObjectPath {
            version,
            namespace,
            resource,
            name,
            metric,
        } = path;
        let absent_is_empty = self.lies(Lie::AbsentIsEmpty);
        let is_known =
            documents::VERSIONS.contains(&version.as_str()) && table.has(resource, metric);
        if !is_known && !absent_is_empty {
            return Err(not_found(path));
        }
        let found = table.find(namespace, resource, name, metric, &selected.objects);
        if found.is_empty() && name != "*" && !absent_is_empty {
            return Err(not_found(path));
        }
        let (named, measured) = match self.lie {
            Some(Lie::OmitsSelector) => (&[][..], Timestamp::now()),
            Some(Lie::OldTimestamps) => (&selected.series[..], Timestamp::now() - OLD),
            _ => (&selected.series[..], Timestamp::now()),
        };
        let version = match self.lie {
            Some(Lie::IgnoresVersion) => documents::VERSIONS[0],
            _ => version,
        };
        let mut document = documents::values(version, &found, named, measured);
        self.tell(&mut document);
        Ok(document)
    }

    /// What the selectors require; none where they can't be read.
    fn selected(&self, selectors: &Selectors) -> Option<Selected> {
        let texts = [&selectors.label_selector, &selectors.metric_label_selector];
        let [Some(objects), Some(series)] = texts.map(|text| required_labels(text)) else {
            let swallows = self.lies(Lie::SwallowsBadSelectors);
            return swallows.then(Selected::default);
        };
        Some(match self.lie {
            Some(Lie::IgnoresLabelSelector) => Selected {
                objects: Vec::new(),
                series,
            },
            Some(Lie::IgnoresMetricLabelSelector) => Selected {
                objects,
                series: Vec::new(),
            },
            _ => Selected { objects, series },
        })
    }

    /// The table for an answer, with what a liar makes of its values.
    async fn told_table(
        &self,
        path: &ObjectPath,
        labels: &[(String, String)],
    ) -> Result<Table, Response> {
        let mut table = match self.table(labels).await {
            Ok(table) => table,
            Err(_) if self.lies(Lie::ZeroWhilePrometheusFails) => self.zeros(path).await?,
            Err(response) => return Err(response),
        };
        if self.lies(Lie::IgnoresNamespace) {
            table.add_namesakes();
        }
        for entry in &mut table.metrics {
            if let Some(told) = self.lie.and_then(|lie| told_value(lie, &entry.value)) {
                entry.value = told;
            }
        }
        Ok(table)
    }

    /// A zero for every pod.
    async fn zeros(&self, path: &ObjectPath) -> Result<Table, Response> {
        let Source::Prometheus { client, .. } = &self.source else {
            return Ok(Table::default());
        };
        let pods = prometheus::pods(client).await;
        let pods = pods.map_err(|error| internal(&error))?;
        let zero = |((namespace, name), labels)| Entry {
            metric: path.metric.clone(),
            resource: "pods".to_owned(),
            kind: "Pod".to_owned(),
            api_version: "/v1".to_owned(),
            namespace,
            name,
            labels,
            value: "0".to_owned(),
        };
        Ok(Table {
            metrics: pods.into_iter().map(zero).collect(),
        })
    }

    /// What a liar makes of a whole document.
    fn tell(&self, document: &mut Value) {
        if self.lies(Lie::WrongKind) {
            document["kind"] = "PodList".into();
            document["apiVersion"] = "v1".into();
        }
        let Some(items) = document["items"].as_array_mut() else {
            return;
        };
        match self.lie {
            Some(Lie::LosesTheLastItem) if items.len() > 1 => {
                items.pop();
            }
            Some(Lie::HundredItems) => items.truncate(100),
            Some(Lie::ShufflesItems) if !items.is_empty() => {
                let by = usize::try_from(self.count()).unwrap_or_default() % items.len();
                items.rotate_left(by);
            }
            Some(Lie::RepeatsTheFirstItem) => items.extend(items.first().cloned()),
            Some(Lie::NamesOneObject) => {
                if let Some(described) = items.first().map(|item| item["describedObject"].clone()) {
                    for item in items {
                        item["describedObject"] = described.clone();
                    }
                }
            }
            _ => {}
        }
    }

    fn written(&self, document: Value) -> Response {
        if self.lies(Lie::BreaksOff) {
            return broken_off(&document);
        }
        let mut response = Json(document).into_response();
        if self.lies(Lie::WrongContentType) {
            let plain = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, plain);
        }
        response
    }
}

/// What a liar says of a value, if anything else.
fn told_value(lie: Lie, value: &str) -> Option<String> {
    let whole = || milli(value).unwrap_or_default() / 1000;
    match lie {
        Lie::ConstantValue => Some("10".to_owned()),
        Lie::WholeNumbers => Some(whole().to_string()),
        Lie::ThirtyTwoBits => {
            let most = i128::from(i32::MAX);
            (whole() > most).then(|| most.to_string())
        }
        Lie::GoesRound => {
            #[expect(clippy::cast_possible_truncation, reason = "that is the lie")]
            let round = milli(value).unwrap_or_default() as i64;
            Some(format!("{round}m"))
        }
        Lie::NeverZero => (value == "0").then(|| "1".to_owned()),
        Lie::NoSigns => Some(value.trim_start_matches('-').to_owned()),
        _ => None,
    }
}

/// The first half of a document, and no more.
fn broken_off(document: &Value) -> Response {
    let mut half = document.to_string().into_bytes();
    half.truncate(half.len() / 2);
    let broken = io::Error::from(io::ErrorKind::ConnectionAborted);
    let parts = [Ok(half), Err(broken)];
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, Body::from_stream(futures::stream::iter(parts))).into_response()
}

fn not_found(path: &ObjectPath) -> Response {
    let ObjectPath {
        resource,
        name,
        metric,
        ..
    } = path;
    let of = match name.as_str() {
        "*" => String::new(),
        name => format!(" {name}"),
    };
    let message = format!("the server could not find the metric {metric} for {resource}{of}");
    failure(StatusCode::NOT_FOUND, "NotFound", &message)
}
