//! Values of metrics, and what a liar makes of them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::response::{Html, IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failures::{bad_request, failure, internal, redirect, unavailable};
use super::table::required_labels;
use super::told::told_value;
use super::{Entry, Lie, Scripted, Source, Table, documents, prometheus};

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
    asked: Request,
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
    of_objects(State(scripted), Path(path), Query(selectors), asked).await
}

/// The metric of an object, or of all objects that are selected.
pub(super) async fn of_objects(
    State(scripted): State<Arc<Scripted>>,
    Path(path): Path<ObjectPath>,
    Query(selectors): Query<Selectors>,
    asked: Request,
) -> Response {
    let (asked, _) = asked.into_parts();
    if let Some(response) = scripted.instead(&path, &asked).await {
        return response;
    }
    if !scripted.takes_json(&asked.headers) {
        let message = "only application/json can be written";
        return failure(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message);
    }
    match scripted.answer(&path, &selectors).await {
        Ok(document) => scripted.written(document),
        Err(response) => response,
    }
}

impl Scripted {
    /// What a liar answers whatever the values are.
    async fn instead(&self, path: &ObjectPath, asked: &Parts) -> Option<Response> {
        match self.lie? {
            Lie::HoldsRequests => std::future::pending().await,
            Lie::HoldsUpgrades if asked.headers.contains_key(header::UPGRADE) => {
                std::future::pending().await
            }
            Lie::Crashes => std::process::abort(),
            Lie::NoHead if asked.method == Method::HEAD => Some(not_found(path)),
            Lie::WarmsUp if self.began.elapsed() < WARM => Some(unavailable()),
            Lie::OneAtATime => {
                let _turn = self.turn.lock().await;
                tokio::time::sleep(SLOW).await;
                None
            }
            Lie::OneVersion if path.version != documents::VERSIONS[0] => Some(not_found(path)),
            Lie::RefusesParameters if has_unknown(&asked.uri) => {
                Some(bad_request("there is a parameter that isn't known"))
            }
            Lie::RedirectsValues => Some(redirect()),
            Lie::HtmlBody => Some(Html("<h1>It works!</h1>").into_response()),
            Lie::Redirects => self.elsewhere(),
            _ => None,
        }
    }

    /// Whether a caller takes JSON, as far as the media types say without their qualities.
    fn takes_json(&self, headers: &HeaderMap) -> bool {
        let accepted = headers.get_all(header::ACCEPT).iter();
        let mut accepted = accepted
            .filter_map(|accepted| accepted.to_str().ok())
            .flat_map(|accepted| accepted.split(','))
            .map(|range| range.split(';').next().unwrap_or_default().trim());
        let is_json = |range| ["application/json", "application/*", "*/*", ""].contains(&range);
        match (self.lie, accepted.next()) {
            (Some(Lie::IgnoresAccept), _) | (_, None) => true,
            (Some(Lie::JsonFirst), Some(first)) => is_json(first),
            (_, Some(first)) => is_json(first) || accepted.any(is_json),
        }
    }

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
        let names_one = name != "*" || self.lies(Lie::EmptyIsAbsent);
        if found.is_empty() && names_one && !absent_is_empty {
            return Err(not_found(path));
        }
        let measured = match self.lie {
            Some(Lie::OldTimestamps) => Timestamp::now() - OLD,
            _ => Timestamp::now(),
        };
        let mut selector = documents::selector(&selected.series);
        match self.lie {
            Some(Lie::OmitsSelector) => selector = Value::Null,
            Some(Lie::EmptySelectors) if selector.is_null() => selector = json!({}),
            _ => {}
        }
        let version = match self.lie {
            Some(Lie::IgnoresVersion) => documents::VERSIONS[0],
            Some(Lie::NewestVersion) => documents::VERSIONS[1],
            _ => version,
        };
        let mut document = documents::values(version, &found, &selector, measured);
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
        match self.lie {
            Some(Lie::IgnoresNamespace) => table.add_namesakes(),
            Some(Lie::AnyNamespace) => table.fill(&path.namespace),
            Some(Lie::KeepsLastValues) => {
                let has_values = table.has(&path.resource, &path.metric);
                let now = if has_values { Ok(table) } else { Err(table) };
                table = match self.valued.renewed(async { now }).await {
                    Ok(valued) => Table::clone(&valued),
                    Err(never_any) => never_any,
                };
            }
            _ => {}
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

/// Whether a request has parameters that the API doesn't have.
fn has_unknown(uri: &Uri) -> bool {
    let parameters = uri.query().unwrap_or_default().split('&');
    let mut names = parameters.filter_map(|parameter| parameter.split('=').next());
    names.any(|name| !["", "labelSelector", "metricLabelSelector"].contains(&name))
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
